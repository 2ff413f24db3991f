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
  if (!check_spans(step, conv, error) || !check_layout(step, conv, kDepthwiseLayouts, error)) {
    return false;
  }
  if (is_integer(conv)) {
    return check_groups(step, 1, error) && check_integer_weights(step, conv, 1, x.columns, taps, error);
  }
  return check_channels(step, conv, 1, x.columns, taps, error) && check_moments_output(step, conv.moment_rows(), error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::DepthwiseConv2D& conv = *step.step.op_as_DepthwiseConv2D();
  const int32_t channels = step.inputs[0].columns;
  if (is_integer(conv) && is_int16(step)) {
    return kernels::depthwise_int16_scratch_bytes(window_of(conv), channels, target.pointer_bytes);
  }
  if (is_integer(conv)) {
    return kernels::depthwise_int8_scratch_bytes(window_of(conv), channels, target.pointer_bytes);
  }
  return kernels::depthwise_scratch_bytes(window_of(conv), channels, target.traits, target.pointer_bytes);
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  const fb::DepthwiseConv2D& conv = *step.step.op_as_DepthwiseConv2D();
  set_images(step, conv, session, &args);
  args.channels = step.output.columns;
  args.packed = reinterpret_cast<decltype(args.packed)>(step.model.block(conv.weights()));
  parallel_rows(session, step, conv.moment_rows(), window_taps(args.window), args, [&](Args& part, int32_t task) {
    part.scratch = session.slot(task);
    kernel(part);
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::DepthwiseConv2D& conv = *step.step.op_as_DepthwiseConv2D();
  if (is_integer(conv) && is_int16(step)) {
    kernels::DepthwiseInt16Args args = {};
    args.low = conv.requantize()->low();
    args.high = conv.requantize()->high();
    run_with(step, session, args, [&](const auto& part) { session.kernels->depthwise_s16(part); });
  } else if (kHasInt8 && is_integer(conv)) {
    kernels::DepthwiseInt8Args args = {};
    args.input_zero_point = step.inputs[0].zero_point;
    args.epilogue = epilogue_int8_of(step, session, *conv.requantize(), conv.residual());
    run_with(step, session, args, [&](const auto& part) { session.kernels->depthwise_s8(part); });
  } else if (kHasFloat32 && kHasInt8Weights && has_int8_weights(conv)) {
    kernels::DepthwiseFloat32x8Args args = {};
    args.epilogue = epilogue_of(step, session, conv.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->depthwise_f32x8(part); });
  } else if (kHasFloat32 && kHasFloat32Weights) {
    kernels::DepthwiseArgs args = {};
    args.epilogue = epilogue_of(step, session, conv.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->depthwise_f32(part); });
  }
}

kernels::Window window(const fb::Step& step) {
  return window_of(*step.op_as_DepthwiseConv2D());
}

}  // namespace

const OperatorEntry kDepthwiseConv2D = {1, 2, 0b10, check, scratch_bytes, run, 2, window};

}  // namespace linnet::engine
