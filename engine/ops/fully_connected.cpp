#include "engine/ops/convolution.hpp"
#include "engine/ops/gemm_columns.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  if (!check_float(step, error)) return false;
  if (!check_feature(kHasTransposed || !linear.transposed(), StepFeature::Transposed, error)) return false;
  LINNET_REQUIRE(error, x.rows == y.rows, LINNET_ERROR_SHAPE, y.index, x.rows, y.rows);
  const int64_t floats =
      linear.transposed() ? kernels::panel_floats(x.columns, y.columns) : kernels::panel_floats(y.columns, x.columns);
  if (linear.bias() != 0 && !check_words(step, linear.bias() - 1, y.columns, error)) return false;
  return check_words(step, linear.weights(), floats, error) && check_residual(step, error) &&
         check_activation(linear.activation(), error);
}

kernels::GemmArgs arguments(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  kernels::GemmArgs args = {};
  args.m = y.rows;
  args.n = y.columns;
  args.k = x.columns;
  args.a = session.input<float>(x);
  args.a_stride = x.row_stride;
  args.packed = step.model.floats(linear.weights());
  args.c = session.output<float>(y);
  args.c_stride = y.row_stride;
  args.epilogue = epilogue_of(step, session, linear.activation());
  return args;
}

kernels::GemmArgs rows_of(const kernels::GemmArgs& all, int32_t begin, int32_t end) {
  kernels::GemmArgs args = all;
  args.m = end - begin;
  args.a += begin * all.a_stride;
  args.c += begin * all.c_stride;
  if (args.epilogue.residual != nullptr) args.epilogue.residual += begin * all.epilogue.residual_stride;
  return args;
}

// Every output is computed alike, wherever the threads divide them.
void run_transposed(const StepView& step, const linnet_session& session) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const kernels::GemmArgs all = arguments(step, session);
  kernels::GemmTransposedArgs args = {};
  args.m = all.m;
  args.n = all.n;
  args.k = all.k;
  args.a = all.a;
  args.a_stride = all.a_stride;
  args.packed = all.packed;
  args.bias = linear.bias() != 0 ? step.model.floats(linear.bias() - 1) : nullptr;
  args.c = all.c;
  args.c_stride = all.c_stride;
  args.epilogue = all.epilogue;
  parallel(session, args.n, int64_t{args.m} * args.k, [&](int32_t begin, int32_t end, int32_t) {
    kernels::GemmTransposedArgs part = args;
    part.n_begin = begin;
    part.n_end = end;
    session.kernels->gemm_transposed_f32(part);
  });
}

void run(const StepView& step, const linnet_session& session) {
  if (kHasTransposed && step.step.op_as_FullyConnected()->transposed()) return run_transposed(step, session);
  const kernels::GemmArgs args = arguments(step, session);
  const int32_t m = args.m;
  const int32_t n = args.n;
  const int32_t tile_rows = kernels::traits(session.kernels->id).tile_rows;
  const int32_t row_tiles = (m - 1) / tile_rows + 1;
  const int32_t panels = (n - 1) / kernels::kPanel + 1;
  if (row_tiles >= session.threads || row_tiles >= panels) {
    parallel(session, row_tiles, int64_t{n} * args.k * tile_rows, [&](int32_t begin, int32_t end, int32_t) {
      const int32_t last = end < row_tiles ? end * tile_rows : m;
      session.kernels->gemm_f32(rows_of(args, begin * tile_rows, last));
    });
    return;
  }
  multiply_columns(session, args);
}

}  // namespace

const OperatorEntry kFullyConnected = {1, 2, 0b10, check, nullptr, run};

}  // namespace linnet::engine
