// How conv_transpose2d_s8 divides its scratch memory.
#pragma once

#include "kernels/conv/plan_int8.hpp"
#include "kernels/conv_transpose/phase.hpp"

namespace linnet::kernels {

// With the taps of the largest phase.
LINNET_INLINE constexpr ConvInt8Plan plan_conv_transpose2d_int8(const Window& window, int32_t in_channels,
                                                                int32_t out_w, const IsaTraits& traits,
                                                                int32_t pointer_bytes) {
  const int64_t taps_h = max_phase_taps(window.kernel_h, window.dilation_h, window.stride_h);
  const int64_t taps_w = max_phase_taps(window.kernel_w, window.dilation_w, window.stride_w);
  return plan_windows_int8(taps_h * taps_w, in_channels, (out_w - 1) / window.stride_w + 1, traits, pointer_bytes);
}

}  // namespace linnet::kernels
