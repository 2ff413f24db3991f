#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::DepthwiseConv2D& conv = *step.step.op_as_DepthwiseConv2D();
  if (!check_geometry(step, conv, error)) return false;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  LINNET_REQUIRE(error, x.columns == y.columns, LINNET_ERROR_SHAPE, y.index, x.columns, y.columns);
  const int64_t taps = window_taps(window_of(conv));
  LINNET_REQUIRE(error, taps <= INT32_MAX, LINNET_ERROR_SHAPE, -1, INT32_MAX, taps);
  return check_span(x.shape[1], y.shape[1], conv.kernel_h(), conv.stride_h(), conv.dilation_h(), conv.pad_top(),
                    error) &&
         check_span(x.shape[2], y.shape[2], conv.kernel_w(), conv.stride_w(), conv.dilation_w(), conv.pad_left(),
                    error) &&
         check_channels(step, conv, 1, kernels::panel_floats(x.columns, taps), error) &&
         check_moments_output(step, conv.moment_rows(), error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::DepthwiseConv2D& conv = *step.step.op_as_DepthwiseConv2D();
  return kernels::depthwise_scratch_bytes(window_of(conv), step.inputs[0].columns, target.traits, target.pointer_bytes);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::DepthwiseConv2D& conv = *step.step.op_as_DepthwiseConv2D();
  kernels::DepthwiseArgs args = {};
  set_images(step, conv, session, &args);
  args.channels = step.output.columns;
  args.packed = step.model.floats(conv.weights());
  args.epilogue = epilogue_of(step, session, conv.activation());
  parallel_rows(session, step, conv.moment_rows(), window_taps(args.window), args,
                [&](kernels::DepthwiseArgs& part, int32_t task) {
                  part.scratch = session.slot(task);
                  session.kernels->depthwise_f32(part);
                });
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_DepthwiseConv2D());
}

}  // namespace

const OperatorEntry kDepthwiseConv2D = {1, 2, 0b10, check, scratch_bytes, run, 2, window};

}  // namespace linnet::engine
