#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

int32_t group_channels(const TensorInfo& tensor, const fb::Conv2D& conv) {
  return tensor.columns / conv.groups();
}

bool check(const StepView& step, Error* error) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  if (!check_geometry(step, conv, error)) return false;
  LINNET_REQUIRE(error, conv.groups() >= 1, LINNET_ERROR_SHAPE, -1, 1, conv.groups());
  return check_convolution(step, conv, conv.groups(), error) && check_moments_output(step, conv.moment_rows(), error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  return kernels::conv2d_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv), target.traits,
                                       target.pointer_bytes);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Conv2D& conv = *step.step.op_as_Conv2D();
  kernels::Conv2DArgs args = {};
  set_images(step, conv, session, &args);
  args.groups = conv.groups();
  args.in_channels = group_channels(step.inputs[0], conv);
  args.out_channels = group_channels(step.output, conv);
  args.packed = step.model.floats(conv.weights());
  args.epilogue = epilogue_of(step, session, conv.activation());
  parallel_rows(session, step, conv.moment_rows(), window_taps(args.window) * args.in_channels, args,
                [&](kernels::Conv2DArgs& part, int32_t task) {
                  part.scratch = session.slot(task);
                  session.kernels->conv2d_f32(part);
                });
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_Conv2D());
}

}  // namespace

const OperatorEntry kConv2D = {1, 2, 0b10, check, scratch_bytes, run, 2, window};

}  // namespace linnet::engine
