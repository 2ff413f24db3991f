// How conv_transpose2d_s16 divides its scratch memory.
#pragma once

#include "kernels/conv/plan_int16.hpp"
#include "kernels/conv_transpose/phase.hpp"

namespace linnet::kernels {

// That of a convolution with the taps of the largest phase.
LINNET_INLINE constexpr ConvInt16Plan plan_conv_transpose2d_int16(const Window& window, int32_t in_channels,
                                                                  const IsaTraits& traits) {
  Window phase{};
  phase.kernel_h = max_phase_taps(window.kernel_h, window.dilation_h, window.stride_h);
  phase.kernel_w = max_phase_taps(window.kernel_w, window.dilation_w, window.stride_w);
  return plan_conv2d_int16(phase, in_channels, traits);
}

}  // namespace linnet::kernels
