#include "engine/ops/convolution.hpp"

namespace linnet::engine {
namespace {

int32_t group_channels(const TensorInfo& tensor, const fb::ConvTranspose2D& conv) {
  return tensor.columns / conv.groups();
}

// Every tap belongs to one of the stride_h * stride_w phases, and every phase has a section with biases.
int64_t packed_floats(const fb::ConvTranspose2D& conv, int64_t in_channels, int64_t out_channels) {
  const int64_t weights = saturating_multiply(window_taps(window_of(conv)), in_channels);
  const int64_t phases = int64_t{conv.stride_h()} * conv.stride_w();
  return weights > INT32_MAX ? INT64_MAX : kernels::panel_floats(out_channels, weights + phases - 1);
}

bool check(const StepView& step, Error* error) {
  const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
  if (!check_geometry(step, conv, error)) return false;
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  LINNET_REQUIRE(error, conv.groups() >= 1, LINNET_ERROR_SHAPE, -1, 1, conv.groups());
  const int64_t phases = saturating_multiply(conv.stride_h(), conv.stride_w());
  LINNET_REQUIRE(error, phases <= kMaxPhases, LINNET_ERROR_SHAPE, -1, kMaxPhases, phases);
  return check_span(x.shape[1], y.shape[1], conv.kernel_h(), 1, conv.dilation_h(), conv.pad_top(), error) &&
         check_span(x.shape[2], y.shape[2], conv.kernel_w(), 1, conv.dilation_w(), conv.pad_left(), error) &&
         check_channels(step, conv, conv.groups(),
                        packed_floats(conv, group_channels(x, conv), group_channels(y, conv)), error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
  return kernels::conv_transpose2d_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv), target.traits,
                                                 target.pointer_bytes);
}

void run(const StepView& step, const linnet_session& session) {
  const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
  kernels::ConvTranspose2DArgs args = {};
  set_images(step, conv, session, &args);
  args.groups = conv.groups();
  args.in_channels = group_channels(step.inputs[0], conv);
  args.out_channels = group_channels(step.output, conv);
  args.packed = step.model.floats(conv.weights());
  args.epilogue.activation = activation_of(conv.activation());
  // Taps of the largest phase.
  const int64_t work = static_cast<int64_t>((conv.kernel_h() - 1) / conv.stride_h() + 1) *
                       ((conv.kernel_w() - 1) / conv.stride_w() + 1) * args.in_channels;
  parallel_rows(session, step, 0, work, args, [&](kernels::ConvTranspose2DArgs& part, int32_t task) {
    part.scratch = session.slot(task);
    session.kernels->conv_transpose2d_f32(part);
  });
}

}  // namespace

const OperatorEntry kConvTranspose2D = {1, 1, 0, check, scratch_bytes, run};

}  // namespace linnet::engine
