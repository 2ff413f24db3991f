#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::FullyConnected& linear = *step.step.op_as_FullyConnected();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  if (!check_float(step, error)) return false;
  LINNET_REQUIRE(error, x.rows == y.rows, LINNET_ERROR_SHAPE, y.index, x.rows, y.rows);
  return check_words(step, linear.weights(), kernels::panel_floats(y.columns, x.columns), error) &&
         check_residual(step, error) && check_activation(linear.activation(), error);
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

kernels::GemmArgs rows_of(const kernels::GemmArgs& all, int64_t begin, int64_t end) {
  kernels::GemmArgs args = all;
  args.m = static_cast<int32_t>(end - begin);
  args.a += begin * all.a_stride;
  args.c += begin * all.c_stride;
  if (args.epilogue.residual != nullptr) args.epilogue.residual += begin * all.epilogue.residual_stride;
  return args;
}

kernels::GemmArgs columns_of(const kernels::GemmArgs& all, int64_t begin, int64_t end) {
  kernels::GemmArgs args = all;
  args.n = static_cast<int32_t>(end - begin);
  args.packed += kernels::panel_floats(begin, all.k);
  args.c += begin;
  if (args.epilogue.residual != nullptr) args.epilogue.residual += begin;
  return args;
}

void run(const StepView& step, const linnet_session& session) {
  const kernels::GemmArgs args = arguments(step, session);
  const int64_t m = args.m;
  const int64_t n = args.n;
  const int64_t tile_rows = kernels::traits(session.kernels->id).tile_rows;
  const int64_t row_tiles = (m + tile_rows - 1) / tile_rows;
  const int64_t panels = (n + kernels::kPanel - 1) / kernels::kPanel;
  if (row_tiles >= session.threads || row_tiles >= panels) {
    parallel(session, row_tiles, tile_rows * n * args.k, [&](int64_t begin, int64_t end, int32_t) {
      const int64_t last = end * tile_rows < m ? end * tile_rows : m;
      session.kernels->gemm_f32(rows_of(args, begin * tile_rows, last));
    });
    return;
  }
  parallel(session, panels, m * kernels::kPanel * args.k, [&](int64_t begin, int64_t end, int32_t) {
    const int64_t last = end * kernels::kPanel < n ? end * kernels::kPanel : n;
    session.kernels->gemm_f32(columns_of(args, begin * kernels::kPanel, last));
  });
}

}  // namespace

const OperatorEntry kFullyConnected = {1, 2, 0b10, check, nullptr, run};

}  // namespace linnet::engine
