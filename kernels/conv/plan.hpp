// How conv2d divides its scratch memory; conv2d_scratch_bytes() is the size of this plan.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

constexpr int32_t kMaxConvTiles = 16;

// Up to this many input channels, dense and without gaps between windows, the inputs of an output pixel in one line of
// the kernel are read as one run of kernel_w * in_channels floats, from copies of a strip of the image's lines with
// their padding.
constexpr int32_t kMaxLineChannels = 8;

LINNET_INLINE constexpr bool reads_lines(const Window& w, int32_t in_channels) {
  return in_channels <= kMaxLineChannels && w.dilation_h == 1 && w.dilation_w == 1 && w.stride_w <= w.kernel_w;
}

struct ConvPlan {
  // Of other images.
  int32_t taps;
  int32_t tiles;        // whose row pointers [tiles][taps][tile_rows] are kept, so that each weight panel serves all
  int64_t zero_offset;  // bytes; a pixel of zeros, behind the pointers
  // Of images with few channels.
  int32_t strip;         // output pixels across; 0: none
  int64_t line_floats;   // of a line's copy
  int64_t lines_offset;  // bytes; the copies [kernel_h][line_floats], behind pointers [kernel_h] to them

  int64_t scratch_bytes;
};

LINNET_INLINE constexpr ConvPlan plan_conv2d(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                             int32_t pointer_bytes) {
  ConvPlan plan{};
  plan.taps = window.kernel_h * window.kernel_w;
  const int32_t wanted = 128 / plan.taps;
  plan.tiles = traits.width == 1 || wanted < 1 ? 1 : wanted > kMaxConvTiles ? kMaxConvTiles : wanted;
  const int64_t rows = static_cast<int64_t>(plan.tiles) * traits.tile_rows;
  plan.zero_offset = (rows * plan.taps * pointer_bytes + 63) / 64 * 64;
  plan.scratch_bytes = plan.zero_offset + in_channels * int64_t{4};
  if (!reads_lines(window, in_channels)) return plan;
  const int64_t pixel_bytes = int64_t{4} * window.kernel_h * window.stride_w * in_channels;
  const int32_t budget = traits.width == 1 ? 2 * 1024 : 64 * 1024, most = traits.width == 1 ? 8 : 64;
  int32_t pixels = pixel_bytes > budget ? 0 : budget / static_cast<int32_t>(pixel_bytes);
  if (pixels > most) pixels = most;
  plan.strip = pixels < traits.tile_rows ? traits.tile_rows : pixels / traits.tile_rows * traits.tile_rows;
  plan.line_floats = ((plan.strip - 1) * int64_t{window.stride_w} + window.kernel_w) * in_channels;
  plan.lines_offset = (int64_t{window.kernel_h} * pointer_bytes + 63) / 64 * 64;
  const int64_t bytes = plan.lines_offset + window.kernel_h * plan.line_floats * 4;
  if (bytes > plan.scratch_bytes) plan.scratch_bytes = bytes;
  return plan;
}

}  // namespace linnet::kernels
