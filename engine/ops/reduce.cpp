#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

// Where the rows of x [outer, size, inner] lie: a slice either has `inner` as its last dimension or keeps a whole outer
// entry in one row.
struct Strides {
  int64_t outer, row;
};

Strides strides_of(const TensorInfo& x, int64_t size, int64_t inner) {
  if (const int64_t row = x.block_stride(inner); row != 0) return {size * row, row};
  return {x.block_stride(size * inner), inner};
}

bool is_nested(fb::ReduceKind kind) {
  return kind == fb::ReduceKind::Sum || kind == fb::ReduceKind::Mean || kind == fb::ReduceKind::Max ||
         kind == fb::ReduceKind::Min;
}

// Integers have sums, means, products, and the largest and smallest of them, which are taken as they are.
bool check_function(const StepView& step, Error* error) {
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  if (!is_integer(reduce)) return check_activation(reduce.activation(), error);
  const fb::Rounding rounding = reduce.requantize()->rounding();
  const bool divides = reduce.divisor() != 1;
  const bool product = reduce.kind() == fb::ReduceKind::Prod;
  LINNET_REQUIRE(error, product || is_nested(reduce.kind()), LINNET_ERROR_SHAPE, -1, 0,
                 static_cast<int64_t>(reduce.kind()));
  LINNET_REQUIRE(error, reduce.divisor() >= 1 && !(divides && rounding == fb::Rounding::Float), LINNET_ERROR_SHAPE, -1,
                 1, reduce.divisor());
  if (!check_identity(reduce.activation(), error)) return false;
  if (is_int16(step) && !check_rounding(*reduce.requantize(), fb::Rounding::FixedPoint, error)) return false;
  if (product) return check_wide_factor(*reduce.requantize(), reduce.factor(), error);
  if (reduce.kind() == fb::ReduceKind::Sum || reduce.kind() == fb::ReduceKind::Mean)
    return check_factor(rounding, reduce.factor(), error);
  const TensorInfo& x = step.inputs[0];
  LINNET_REQUIRE(error, x.zero_point == step.output.zero_point, LINNET_ERROR_SHAPE, x.index, step.output.zero_point,
                 x.zero_point);
  return true;
}

bool check(const StepView& step, Error* error) {
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  const TensorInfo& x = step.inputs[0];
  LINNET_REQUIRE(error, reduce.kind() <= fb::ReduceKind::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::ReduceKind::MAX), static_cast<int64_t>(reduce.kind()));
  const int32_t kind = static_cast<int32_t>(reduce.kind());
  if (!check_feature(kHasReduceKind[kind], FeatureKind::Reduction, kind, error)) return false;
  if (!check_arithmetic(step, reduce.requantize(), error, true) || !check_function(step, error) ||
      !check_elements(x, reduce.outer(), reduce.size(), reduce.inner(), error) ||
      !check_elements(step.output, reduce.outer(), 1, reduce.inner(), error)) {
    return false;
  }
  LINNET_REQUIRE(error, strides_of(x, reduce.size(), reduce.inner()).outer != 0, LINNET_ERROR_SHAPE, x.index,
                 reduce.inner(), x.columns);
  return check_blocks(step.output, reduce.inner(), error);
}

// How many rows of one large entry are reduced by themselves, before the results of these chunks are: about 32 KB,
// since every vector of columns takes a pass over them; all chunks alike, so that the mean of their means is the mean.
// 0: the entry is not divided.
int32_t chunk_rows(const fb::Reduce& reduce) {
  constexpr int32_t kChunk = 8 * 1024, kMostRows = 512;
  const int32_t size = reduce.size(), inner = reduce.inner();
  if (is_integer(reduce) || reduce.outer() != 1 || !is_nested(reduce.kind()) || inner < 8 || inner > kChunk / 4 ||
      saturating_multiply(size, inner) < 2 * kChunk) {
    return 0;
  }
  const int32_t most = kChunk / inner < kMostRows ? kChunk / inner : kMostRows;
  for (int32_t rows = most; rows > most / 4; --rows) {
    if (size % rows == 0) return rows;
  }
  return 0;
}

int64_t scratch_bytes(const StepView& step, const Target&) {
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  const int32_t rows = chunk_rows(reduce);
  return rows == 0 ? 0 : reduce.size() / rows * int64_t{4} * reduce.inner();
}

void run_chunks(const linnet_session& session, const StepView& step, int32_t rows) {
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  const int32_t inner = reduce.inner(), chunks = reduce.size() / rows;
  const ptrdiff_t row_stride = static_cast<ptrdiff_t>(strides_of(step.inputs[0], reduce.size(), inner).row);
  float* const results = static_cast<float*>(session.slot(0));
  const float* const x = session.input<float>(step.inputs[0]);
  kernels::ReduceArgs args = {};
  args.kind = static_cast<kernels::ReduceKind>(reduce.kind());
  args.inner = inner;
  args.size = rows;
  args.x_stride = row_stride;
  parallel(session, chunks, int64_t{rows} * inner, [&](int32_t begin, int32_t end, int32_t) {
    kernels::ReduceArgs part = args;
    part.outer = end - begin;
    part.x = x + begin * rows * row_stride;
    part.y = results + static_cast<ptrdiff_t>(begin) * inner;
    session.kernels->reduce_f32(part);
  });
  args.outer = 1;
  args.size = chunks;
  args.x = results;
  args.x_stride = inner;
  args.y = session.output<float>(step.output);
  args.activation = activation_of(reduce.activation());
  session.kernels->reduce_f32(args);
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, const Args& all, Kernel kernel) {
  using Element = std::remove_pointer_t<decltype(Args::x)>;
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  const int32_t size = reduce.size();
  const int32_t inner = reduce.inner();
  const Strides x_strides = strides_of(step.inputs[0], size, inner);
  const int64_t y_stride = step.output.block_stride(inner);
  // Units are blocks of columns of one outer entry: a global pool over one image must keep every thread busy.
  constexpr int32_t kColumns = 64;
  const int32_t blocks = (inner - 1) / kColumns + 1;
  const bool joined = blocks == 1 && x_strides.outer == size * x_strides.row && y_stride == inner;
  parallel(session, reduce.outer() * blocks, int64_t{size} * (inner < kColumns ? inner : kColumns),
           [&](int32_t begin, int32_t end, int32_t) {
             while (begin < end) {
               const int32_t outer = begin / blocks;
               const int32_t last = joined || (outer + 1) * blocks > end ? end : (outer + 1) * blocks;
               const int32_t column = (begin - outer * blocks) * kColumns;
               const bool to_the_end = joined || last - outer * blocks == blocks;
               const int32_t columns = to_the_end ? inner - column : (last - begin) * kColumns;
               Args args = all;
               args.kind = static_cast<kernels::ReduceKind>(reduce.kind());
               args.outer = joined ? end - begin : 1;
               args.size = reduce.size();
               args.inner = columns;
               args.x = session.input<std::remove_const_t<Element>>(step.inputs[0]) + outer * x_strides.outer + column;
               args.x_stride = static_cast<ptrdiff_t>(x_strides.row);
               args.y = session.output<std::remove_const_t<Element>>(step.output) + outer * y_stride + column;
               kernel(args);
               begin = last;
             }
           });
}

template <class Args, class Kernel>
void run_integers(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  args.zero_point = step.inputs[0].zero_point;
  if (reduce.factor() != nullptr) args.factor = factor_of(*reduce.factor());
  args.divisor = reduce.divisor();
  args.requantize = requantize_of(*reduce.requantize(), step.output.zero_point);
  run_with(step, session, args, kernel);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Reduce& reduce = *step.step.op_as_Reduce();
  const bool integer = is_integer(reduce);
  if (integer && is_int16(step)) {
    run_integers(step, session, kernels::ReduceInt16Args{},
                 [&](const auto& part) { session.kernels->reduce_s16(part); });
  } else if (kHasInt8 && integer) {
    run_integers(step, session, kernels::ReduceInt8Args{}, [&](const auto& part) { session.kernels->reduce_s8(part); });
  } else if (!kHasFloat32) {
    return;
  } else if (const int32_t rows = chunk_rows(reduce); rows > 0) {
    run_chunks(session, step, rows);
  } else {
    kernels::ReduceArgs args = {};
    args.activation = activation_of(reduce.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->reduce_f32(part); });
  }
}

}  // namespace

const OperatorEntry kReduce = {1, 1, 0, check, scratch_bytes, run};

}  // namespace linnet::engine
