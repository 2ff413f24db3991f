#include "engine/ops/convolution.hpp"
#include "kernels/conv_transpose/phase.hpp"

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

int64_t section_bytes(const StepView& step, const fb::ConvTranspose2D& conv, int32_t n, int64_t k) {
  if (has_int8_weights(conv)) return kernels::panel_float32x8_bytes(n, k);
  return is_int16(step) ? kernels::panel_int16_bytes(n, k) : kernels::panel_int8_bytes(n, k);
}

// Calls visit(begin, k) for the section of every group and phase, which begins at that byte of the weights, until one
// returns false; then for their end with k = -1.
template <class Visit>
bool visit_sections(const StepView& step, const fb::ConvTranspose2D& conv, Visit visit) {
  const int32_t n = group_channels(step.output, conv), channels = group_channels(step.inputs[0], conv);
  int64_t begin = 0;
  for (int32_t group = 0; group < conv.groups(); ++group) {
    for (int32_t y = 0; y < conv.stride_h(); ++y) {
      const int64_t k_y =
          int64_t{channels} * kernels::phase_taps(conv.kernel_h(), conv.dilation_h(), conv.stride_h(), y);
      for (int32_t x = 0; x < conv.stride_w(); ++x) {
        const int64_t k = k_y * kernels::phase_taps(conv.kernel_w(), conv.dilation_w(), conv.stride_w(), x);
        if (!visit(begin, k)) return false;
        begin += section_bytes(step, conv, n, k);
      }
    }
  }
  return visit(begin, -1);
}

// The sections of int8 weights of all groups and phases, one behind the other, are in the buffer and have good factors.
bool check_sections(const StepView& step, const fb::ConvTranspose2D& conv, Error* error) {
  const int64_t weights = saturating_multiply(window_taps(window_of(conv)), group_channels(step.inputs[0], conv));
  LINNET_REQUIRE(error, weights <= INT32_MAX - kernels::kDot, LINNET_ERROR_SHAPE, -1, INT32_MAX, weights);
  const int64_t bytes = step.model.block_bytes(conv.weights());
  const auto check_size = [&](int64_t end, int64_t) {
    LINNET_REQUIRE(error, bytes >= end, LINNET_ERROR_RANGE, -1, end, bytes);
    return true;
  };
  const auto check_factors = [&](int64_t begin, int64_t k) {
    const uint8_t* section = step.model.block(conv.weights()) + begin;
    const int32_t n = group_channels(step.output, conv);
    if (k < 0) return true;
    if (has_int8_weights(conv)) return check_scales(section, n, k, error);
    return is_int16(step) ? check_int16_section(section, n, k, false, error)
                          : check_section(section, n, k, conv.requantize()->rounding(), error);
  };
  return visit_sections(step, conv, check_size) && visit_sections(step, conv, check_factors);
}

bool check_weights(const StepView& step, const fb::ConvTranspose2D& conv, Error* error) {
  if (!check_layout(step, conv, kPanelLayouts, error)) return false;
  if (is_integer(conv)) {
    const bool rounds = !is_int16(step) || check_rounding(*conv.requantize(), fb::Rounding::FixedPoint, error);
    return rounds && check_groups(step, conv.groups(), error) && check_identity(conv.activation(), error) &&
           check_sections(step, conv, error);
  }
  if (has_int8_weights(conv)) {
    return check_groups(step, conv.groups(), error) && check_sections(step, conv, error) &&
           check_activation(conv.activation(), error);
  }
  const int64_t floats = packed_floats(conv, group_channels(step.inputs[0], conv), group_channels(step.output, conv));
  return check_groups(step, conv.groups(), error) &&
         check_words(step, conv.weights(), saturating_multiply(conv.groups(), floats), error) &&
         check_activation(conv.activation(), error);
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
         check_weights(step, conv, error);
}

int64_t scratch_bytes(const StepView& step, const Target& target) {
  const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
  if (is_integer(conv) && is_int16(step)) {
    return kernels::conv_transpose2d_int16_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv),
                                                         target.traits);
  }
  if (is_integer(conv)) {
    return kernels::conv_transpose2d_int8_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv),
                                                        step.output.shape[2], target.traits, target.pointer_bytes);
  }
  return kernels::conv_transpose2d_scratch_bytes(window_of(conv), group_channels(step.inputs[0], conv), target.traits,
                                                 target.pointer_bytes);
}

template <class Args, class Kernel>
void run_with(const StepView& step, const linnet_session& session, Args args, Kernel kernel) {
  const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
  set_images(step, conv, session, &args);
  args.groups = conv.groups();
  args.in_channels = group_channels(step.inputs[0], conv);
  args.out_channels = group_channels(step.output, conv);
  args.packed = reinterpret_cast<decltype(args.packed)>(step.model.block(conv.weights()));
  // Taps of the largest phase.
  const int64_t work = static_cast<int64_t>((conv.kernel_h() - 1) / conv.stride_h() + 1) *
                       ((conv.kernel_w() - 1) / conv.stride_w() + 1) * args.in_channels;
  parallel_rows(session, step, 0, work, args, [&](Args& part, int32_t task) {
    part.scratch = session.slot(task);
    kernel(part);
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
  const bool integer = is_integer(conv);
  if (integer && is_int16(step)) {
    kernels::ConvTranspose2DInt16Args args = {};
    args.low = conv.requantize()->low();
    args.high = conv.requantize()->high();
    run_with(step, session, args, [&](const auto& part) { session.kernels->conv_transpose2d_s16(part); });
  } else if (kHasInt8 && integer) {
    kernels::ConvTranspose2DInt8Args args = {};
    args.input_zero_point = step.inputs[0].zero_point;
    args.requantize = requantize_of(*conv.requantize(), step.output.zero_point);
    run_with(step, session, args, [&](const auto& part) { session.kernels->conv_transpose2d_s8(part); });
  } else if (kHasFloat32 && kHasInt8Weights && has_int8_weights(conv)) {
    kernels::ConvTranspose2DFloat32x8Args args = {};
    args.epilogue.activation = activation_of(conv.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->conv_transpose2d_f32x8(part); });
  } else if (kHasFloat32 && kHasFloat32Weights) {
    kernels::ConvTranspose2DArgs args = {};
    args.epilogue.activation = activation_of(conv.activation());
    run_with(step, session, args, [&](const auto& part) { session.kernels->conv_transpose2d_f32(part); });
  }
}

}  // namespace

const OperatorEntry kConvTranspose2D = {1, 1, 0, check, scratch_bytes, run};

}  // namespace linnet::engine
