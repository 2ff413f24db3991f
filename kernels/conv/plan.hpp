// How conv2d divides its scratch memory; conv2d_scratch_bytes() is the size of this plan.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

// Up to this many input channels, a line of the kernel that lies inside the image is read as one run of
// kernel_w * in_channels floats (with dilation_w 1 and dense pixels).
constexpr int32_t kMaxMergedChannels = 16;

struct ConvPlan {
  int32_t taps;
  int32_t tiles;        // whose row pointers are kept, so that each weight panel serves all of them
  int64_t zero_offset;  // bytes; before it lie the pointers [tiles][taps][tile_rows]
  int32_t zero_floats;  // a run of padding
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr ConvPlan plan_conv2d(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                             int32_t pointer_bytes) {
  ConvPlan plan{};
  plan.taps = window.kernel_h * window.kernel_w;
  const int32_t wanted = 128 / plan.taps;
  plan.tiles = traits.width == 1 || wanted < 1 ? 1 : wanted > 8 ? 8 : wanted;
  const int64_t pointers = static_cast<int64_t>(plan.tiles) * plan.taps * traits.tile_rows;
  plan.zero_offset = (pointers * pointer_bytes + 63) / 64 * 64;
  plan.zero_floats = in_channels * (in_channels <= kMaxMergedChannels ? window.kernel_w : 1);
  plan.scratch_bytes = plan.zero_offset + plan.zero_floats * int64_t{4};
  return plan;
}

}  // namespace linnet::kernels
