#include <cstring>

#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

constexpr int32_t kFactors = 1, kResidual = 2;

bool check(const StepView& step, Error* error) {
  const fb::ScaledConv2D& conv = *step.step.op_as_ScaledConv2D();
  if (!check_geometry(step, conv, error)) return false;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& factors = step.inputs[kFactors];
  LINNET_REQUIRE(error, factors.rows == x.shape[0], LINNET_ERROR_SHAPE, factors.index, x.shape[0], factors.rows);
  LINNET_REQUIRE(error, factors.columns == x.columns, LINNET_ERROR_SHAPE, factors.index, x.columns, factors.columns);
  return check_convolution(step, conv, 1, error, kResidual);
}

// The weights of an image, times its factors; behind them the convolution's own scratch.
int64_t weight_bytes(const StepView& step, const kernels::Window& window) {
  const int64_t k = window_taps(window) * step.inputs[0].columns;
  return (kernels::panel_floats(step.output.columns, k) * int64_t{sizeof(float)} + LINNET_ALIGNMENT - 1) &
         -int64_t{LINNET_ALIGNMENT};
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const kernels::Window window = window_of(*step.step.op_as_ScaledConv2D());
  return saturating_add(weight_bytes(step, window), kernels::conv2d_scratch_bytes(window, step.inputs[0].columns,
                                                                                  target.traits, target.pointer_bytes));
}

void scale_weights(const linnet_session& session, const kernels::Conv2DArgs& conv, const float* factors, float* to) {
  const int64_t taps = window_taps(conv.window);
  const float* from = conv.packed;
  kernels::BinaryArgs args = {};
  args.function = kernels::BinaryFunction::Mul;
  args.rows = conv.in_channels;
  args.b = factors;
  args.b_row_stride = 1;
  args.a_column_stride = 1;
  for (int32_t column = 0; column < conv.out_channels;) {
    const int32_t width = conv.out_channels - column > kernels::kTailPanel ? kernels::kPanel : kernels::kTailPanel;
    memcpy(to, from, static_cast<size_t>(width) * sizeof(float));
    args.columns = width;
    args.a_row_stride = args.c_row_stride = width;
    from += width;
    to += width;
    for (int64_t tap = 0; tap < taps; ++tap) {
      args.a = from;
      args.c = to;
      session.kernels->binary_f32(args);
      from += static_cast<ptrdiff_t>(width) * args.rows;
      to += static_cast<ptrdiff_t>(width) * args.rows;
    }
    column += width;
  }
}

void run(const StepView& step, const linnet_session& session) {
  const fb::ScaledConv2D& conv = *step.step.op_as_ScaledConv2D();
  const TensorInfo& factors = step.inputs[kFactors];
  kernels::Conv2DArgs args = {};
  set_images(step, conv, session, &args);
  args.groups = 1;
  args.in_channels = step.inputs[0].columns;
  args.out_channels = step.output.columns;
  args.packed = step.model.floats(conv.weights());
  args.epilogue = epilogue_of(step, session, conv.activation(), kResidual);
  const int64_t bytes = weight_bytes(step, args.window);
  parallel_rows(session, step, 0, window_taps(args.window) * args.in_channels, args,
                [&](const kernels::Conv2DArgs& rows, int32_t task) {
                  kernels::Conv2DArgs part = rows;
                  float* const weights = static_cast<float*>(session.slot(task));
                  part.packed = weights;
                  part.scratch = reinterpret_cast<uint8_t*>(weights) + bytes;
                  for (int32_t line = rows.row_begin; line < rows.row_end; line = part.row_end) {
                    const int32_t image = line / args.out_h, next = (image + 1) * args.out_h;
                    scale_weights(session, args, session.input<float>(factors) + image * factors.row_stride, weights);
                    part.row_begin = line;
                    part.row_end = next < rows.row_end ? next : rows.row_end;
                    session.kernels->conv2d_f32(part);
                  }
                });
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_ScaledConv2D());
}

}  // namespace

const OperatorEntry kScaledConv2D = {2, 3, 0b100, check, scratch_bytes, run, 1, window, kResidual};

}  // namespace linnet::engine
