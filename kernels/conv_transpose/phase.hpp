// The phases of a transposed convolution along one axis: output o belongs to phase (o + pad) % stride and meets those
// kernel positions k with k * dilation % stride == phase.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

LINNET_INLINE constexpr bool in_phase(int32_t kernel_position, int32_t dilation, int32_t stride, int32_t phase) {
  return static_cast<int64_t>(kernel_position) * dilation % stride == phase;
}

LINNET_INLINE constexpr int32_t phase_taps(int32_t kernel, int32_t dilation, int32_t stride, int32_t phase) {
  // The phases of positions repeat, at the latest after as many as the stride.
  int32_t first = 0;
  while (first < kernel && first < stride && !in_phase(first, dilation, stride, phase)) ++first;
  if (first >= kernel || first >= stride) return 0;
  int32_t second = first + 1;
  while (second < kernel && !in_phase(second, dilation, stride, phase)) ++second;
  return second >= kernel ? 1 : (kernel - 1 - first) / (second - first) + 1;
}

// Taps of the phase that has the most: that of the first kernel position.
LINNET_INLINE constexpr int32_t max_phase_taps(int32_t kernel, int32_t dilation, int32_t stride) {
  return phase_taps(kernel, dilation, stride, 0);
}

// An output row, counted through all images, and the phases of its outputs.
struct PhaseLine {
  int32_t row, phase_y, phase_x;
};

// Scratch of a call: row pointers [taps][tile_rows] of one tile, then a pixel of zeros.
struct ConvTransposePlan {
  int64_t zero_offset;  // bytes
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr ConvTransposePlan plan_conv_transpose2d(const Window& w, int32_t in_channels,
                                                                const IsaTraits& traits, int32_t pointer_bytes) {
  const int64_t taps = static_cast<int64_t>(max_phase_taps(w.kernel_h, w.dilation_h, w.stride_h)) *
                       max_phase_taps(w.kernel_w, w.dilation_w, w.stride_w);
  ConvTransposePlan plan{};
  plan.zero_offset = (taps * traits.tile_rows * pointer_bytes + 63) / 64 * 64;
  plan.scratch_bytes = plan.zero_offset + in_channels * int64_t{4};
  return plan;
}

}  // namespace linnet::kernels
