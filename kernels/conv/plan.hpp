// How conv2d divides its scratch memory; conv2d_scratch_bytes() is the size of this plan.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

constexpr int32_t kMaxConvTiles = 16;

// Up to this many input channels, dense and without dilation, every line of the kernel is read as one run of kernel_w *
// in_channels floats, from a copy where part of it is padding.
constexpr int32_t kMaxMergedChannels = 8;

struct ConvPlan {
  int32_t taps;
  int32_t tiles;          // whose row pointers are kept, so that each weight panel serves all of them
  int64_t copies_offset;  // bytes; before them lie the pointers [tiles][taps][tile_rows]
  int64_t zero_offset;    // bytes; before it lie the copies [tiles][tile_rows][taps * in_channels] of merged lines
  int32_t zero_floats;    // a run of padding
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr ConvPlan plan_conv2d(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                             int32_t pointer_bytes) {
  ConvPlan plan{};
  plan.taps = window.kernel_h * window.kernel_w;
  const bool merged = in_channels <= kMaxMergedChannels;
  const int32_t wanted = 128 / plan.taps;
  plan.tiles = traits.width == 1 || wanted < 1 ? 1 : wanted > kMaxConvTiles ? kMaxConvTiles : wanted;
  const int64_t rows = static_cast<int64_t>(plan.tiles) * traits.tile_rows;
  plan.copies_offset = (rows * plan.taps * pointer_bytes + 63) / 64 * 64;
  plan.zero_offset = plan.copies_offset + (merged ? rows * plan.taps * in_channels * 4 : 0);
  plan.zero_floats = in_channels * (merged ? window.kernel_w : 1);
  plan.scratch_bytes = plan.zero_offset + plan.zero_floats * int64_t{4};
  return plan;
}

}  // namespace linnet::kernels
