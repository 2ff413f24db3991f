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

// A section of packed weights: a group's taps of one phase.
struct PhaseSection {
  int32_t group, phase_y, phase_x, taps;
};

// visit(section) for all sections in their order in memory.
template <class Args, class Visit>
LINNET_INLINE void for_each_section(const Args& args, Visit visit) {
  const Window& w = args.window;
  for (int32_t group = 0; group < args.groups; ++group) {
    for (int32_t y = 0; y < w.stride_h; ++y) {
      const int32_t taps_y = phase_taps(w.kernel_h, w.dilation_h, w.stride_h, y);
      for (int32_t x = 0; x < w.stride_w; ++x)
        visit(PhaseSection{group, y, x, taps_y * phase_taps(w.kernel_w, w.dilation_w, w.stride_w, x)});
    }
  }
}

// visit(line) for the rows of the call that belong to a section.
template <class Args, class Visit>
LINNET_INLINE void for_each_line(const Args& args, const PhaseSection& section, Visit visit) {
  const Window& w = args.window;
  for (int32_t row = args.row_begin; row < args.row_end; ++row) {
    if ((row % args.out_h + w.pad_top) % w.stride_h == section.phase_y)
      visit(PhaseLine{row, section.phase_y, section.phase_x});
  }
}

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
