#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/quantized.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kBatchDimensions = 4;

Reach reach_of(const Integers* shape, const Integers* strides, int32_t rows, int32_t row_stride, int32_t columns,
               int32_t column_stride) {
  Reach reach(0);
  reach.add(shape, strides);
  reach.add(rows, row_stride);
  reach.add(columns, column_stride);
  return reach;
}

// Integers are scaled by their factor alone.
bool check_arithmetic_of(const StepView& step, const fb::MatMul& matmul, Error* error) {
  if (!check_arithmetic(step, matmul.requantize(), error, true)) return false;
  if (!is_integer(matmul)) return check_activation(matmul.activation(), error);
  LINNET_REQUIRE(error, matmul.scale() == 1, LINNET_ERROR_SHAPE, -1, 1, 0);
  if (!check_identity(matmul.activation(), error)) return false;
  return is_int16(step) ? check_wide_factor(*matmul.requantize(), matmul.factor(), error)
                        : check_factor(matmul.requantize()->rounding(), matmul.factor(), error);
}

bool check(const StepView& step, Error* error) {
  const fb::MatMul& matmul = *step.step.op_as_MatMul();
  const TensorInfo& a = step.inputs[0];
  const TensorInfo& b = step.inputs[1];
  const TensorInfo& c = step.output;
  const Integers* shape = matmul.batch_shape();
  int64_t batch = 1;
  if (!check_arithmetic_of(step, matmul, error) || !check_dimensions(shape, kBatchDimensions, &batch, error) ||
      !check_strides(shape, matmul.a_batch_strides(), error) ||
      !check_strides(shape, matmul.b_batch_strides(), error) ||
      !check_strides(shape, matmul.c_batch_strides(), error) ||
      !check_elements(c, static_cast<int32_t>(batch), matmul.m(), matmul.n(), error)) {
    return false;
  }
  LINNET_REQUIRE(error, matmul.k() >= 1 && matmul.k() <= a.elements(), LINNET_ERROR_SHAPE, a.index, a.elements(),
                 matmul.k());
  LINNET_REQUIRE(error, matmul.k() <= b.elements(), LINNET_ERROR_SHAPE, b.index, b.elements(), matmul.k());
  return check_reach(a,
                     reach_of(shape, matmul.a_batch_strides(), matmul.m(), matmul.a_stride_m(), matmul.k(),
                              matmul.a_stride_k()),
                     error) &&
         check_reach(b,
                     reach_of(shape, matmul.b_batch_strides(), matmul.k(), matmul.b_stride_k(), matmul.n(),
                              matmul.b_stride_n()),
                     error) &&
         check_reach(c, reach_of(shape, matmul.c_batch_strides(), matmul.m(), matmul.c_stride_m(), matmul.n(), 1),
                     error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::MatMul& matmul = *step.step.op_as_MatMul();
  if (is_integer(matmul) && is_int16(step)) return 0;
  if (is_integer(matmul)) return kernels::matmul_int8_scratch_bytes(matmul.m(), matmul.k(), target.traits);
  return kernels::matmul_scratch_bytes(matmul.m(), matmul.n(), matmul.k(), target.traits);
}

ptrdiff_t batch_offset(int32_t entry, const Integers* shape, const Integers* strides) {
  ptrdiff_t offset = 0;
  for (int32_t d = length(shape) - 1; d >= 0; --d) {
    const int32_t size = shape->Get(static_cast<uint32_t>(d));
    offset += static_cast<ptrdiff_t>(entry % size) * strides->Get(static_cast<uint32_t>(d));
    entry /= size;
  }
  return offset;
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  using Element = std::remove_pointer_t<decltype(args.c)>;
  const fb::MatMul& matmul = *step.step.op_as_MatMul();
  const Integers* shape = matmul.batch_shape();
  args.m = matmul.m();
  args.n = matmul.n();
  args.k = matmul.k();
  args.a_stride_m = matmul.a_stride_m();
  args.a_stride_k = matmul.a_stride_k();
  args.b_stride_k = matmul.b_stride_k();
  args.b_stride_n = matmul.b_stride_n();
  args.c_stride_m = matmul.c_stride_m();
  const int32_t panels = (args.n - 1) / kernels::kPanel + 1;
  const int32_t batch = step.output.elements() / (args.m * args.n);
  const int64_t work = saturating_multiply(static_cast<int64_t>(args.m) * kernels::kPanel, args.k);
  parallel(session, batch * panels, work, [&](int32_t begin, int32_t end, int32_t task) {
    Args part = args;
    if constexpr (!std::is_same_v<Args, kernels::MatMulInt16Args>) part.scratch = session.slot(task);
    while (begin < end) {
      const int32_t entry = begin / panels;
      const int32_t next = (entry + 1) * panels < end ? (entry + 1) * panels : end;
      const int32_t panel_end = next - entry * panels;
      part.n_begin = (begin - entry * panels) * kernels::kPanel;
      part.n_end = panel_end < panels ? panel_end * kernels::kPanel : args.n;
      part.a = session.input<Element>(step.inputs[0]) + batch_offset(entry, shape, matmul.a_batch_strides());
      part.b = session.input<Element>(step.inputs[1]) + batch_offset(entry, shape, matmul.b_batch_strides());
      part.c = session.output<Element>(step.output) + batch_offset(entry, shape, matmul.c_batch_strides());
      kernel(part);
      begin = next;
    }
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::MatMul& matmul = *step.step.op_as_MatMul();
  const bool integer = is_integer(matmul);
  if (integer && is_int16(step)) {
    kernels::MatMulInt16Args args = {};
    args.factor = factor_of(*matmul.factor());
    args.requantize = requantize_of(*matmul.requantize(), 0);
    run_with(step, session, args, [&](const auto& part) { session.kernels->matmul_s16(part); });
  } else if (kHasInt8 && integer) {
    kernels::MatMulInt8Args args = {};
    args.a_zero_point = step.inputs[0].zero_point;
    args.b_zero_point = step.inputs[1].zero_point;
    args.factor = factor_of(*matmul.factor());
    args.requantize = requantize_of(*matmul.requantize(), step.output.zero_point);
    run_with(step, session, args, [&](const auto& part) { session.kernels->matmul_s8(part); });
  } else if (kHasFloat32) {
    kernels::MatMulArgs args = {};
    args.scale = matmul.scale();
    args.activation = activation_of(matmul.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->matmul_f32(part); });
  }
}

}  // namespace

const OperatorEntry kMatMul = {2, 2, 0, check, scratch_bytes, run};

}  // namespace linnet::engine
