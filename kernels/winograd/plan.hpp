// How winograd2d divides its scratch memory; winograd2d_scratch_bytes() is the size of this plan.
#pragma once

#include "kernels/contract.hpp"
#include "kernels/winograd/points.hpp"

namespace linnet::kernels {

// Distance in floats between the matrices of neighbouring points: an odd number of 64-byte lines, so that the columns
// that a transform walks do not share the sets of a cache.
LINNET_INLINE constexpr int64_t winograd_point_floats(int64_t floats) {
  return ((floats + 15) / 16 | 1) * 16;
}

struct WinogradPlan {
  int32_t tiles;         // of a block, at most
  int32_t columns;       // outputs that are multiplied and transformed at a time, at most
  int64_t input_offset;  // floats; before it a pixel of padding
  int64_t product_offset;
  int64_t scratch_bytes;
};

// `tiles`: of all images together.
LINNET_INLINE constexpr WinogradPlan plan_winograd2d(int32_t tile, int32_t in_channels, int64_t tiles,
                                                     const IsaTraits& traits) {
  // A block's transformed inputs should stay in the second-level cache, but a block must have enough tiles for one pass
  // over the transformed weights, which may come from memory; 49 are an image of 28x28 in F(4x4). The scalar kernel
  // serves microcontrollers: one register tile.
  const int64_t budget = traits.width == 1 ? 0 : traits.width == 4 ? 256 * 1024 : 512 * 1024;
  const int64_t least = traits.width == 1 ? 1 : ((traits.width == 4 ? 16 : 54) - 1) / traits.tile_rows + 1, most = 16;
  const int64_t points = winograd_multiplications(tile);
  const int64_t step_bytes = points * in_channels * 4 * traits.tile_rows;
  int64_t steps = least;
  while (steps < most && (steps + 1) * step_bytes <= budget) ++steps;
  const int64_t rows = steps * traits.tile_rows;
  WinogradPlan plan{};
  plan.tiles = static_cast<int32_t>(tiles < rows ? tiles : rows);
  plan.columns = traits.width == kPanel ? 2 * kPanel : kPanel;
  plan.input_offset = (static_cast<int64_t>(in_channels) + 15) / 16 * 16;
  plan.product_offset =
      plan.input_offset + points * winograd_point_floats(static_cast<int64_t>(plan.tiles) * in_channels);
  plan.scratch_bytes =
      (plan.product_offset + points * winograd_point_floats(static_cast<int64_t>(plan.tiles) * plan.columns)) * 4;
  return plan;
}

}  // namespace linnet::kernels
