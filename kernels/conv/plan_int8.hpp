// How the int8 convolutions divide their scratch memory; the scratch size functions are the sizes of these plans.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

LINNET_INLINE constexpr int64_t aligned_64(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// Tiles of output pixels are computed together, so that each weight panel serves all. Their inputs are read in place
// through pointers where a tap is whole groups of four, and are gathered into rows of scratch memory otherwise.
struct ConvInt8Plan {
  bool gathers;
  int32_t taps, k;  // of a row as it is multiplied: gathered ones have a single tap
  int32_t tiles;
  int64_t inputs_offset;  // bytes; a pixel of padding or the gathered rows, behind pointers [tiles][taps][int8_rows]
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr ConvInt8Plan plan_conv2d_int8(const Window& window, int32_t in_channels,
                                                      const IsaTraits& traits, int32_t pointer_bytes) {
  constexpr int32_t kMostTiles = 64, kMostPointers = 256;
  constexpr int32_t kGatheredBytes = 16 * 1024;
  ConvInt8Plan plan{};
  const int64_t window_taps = int64_t{window.kernel_h} * window.kernel_w;
  plan.gathers = in_channels % kDot != 0;
  plan.taps = plan.gathers ? 1 : static_cast<int32_t>(window_taps);
  plan.k = plan.gathers ? static_cast<int32_t>((window_taps * in_channels + kDot - 1) / kDot * kDot) : in_channels;
  const int32_t wanted = plan.gathers ? kGatheredBytes / traits.int8_rows / plan.k : kMostPointers / plan.taps;
  plan.tiles = traits.width == 1 || wanted < 1 ? 1 : wanted > kMostTiles ? kMostTiles : wanted;
  const int64_t rows = int64_t{plan.tiles} * traits.int8_rows;
  plan.inputs_offset = aligned_64(rows * plan.taps * pointer_bytes);
  plan.scratch_bytes = plan.inputs_offset + (plan.gathers ? rows : 1) * plan.k;
  return plan;
}

// A tap of the window of an output pixel: where its inputs are, and how far those of the next output pixel lie from
// them.
template <class Element>
struct DepthwiseTap {
  const Element* x;
  ptrdiff_t step;
};

struct DepthwiseInt8Plan {
  int32_t taps;            // a multiple of 4; those behind the last have zero weights
  int64_t padding_offset;  // bytes; a pixel of padding, behind the taps
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr DepthwiseInt8Plan plan_depthwise_int8(const Window& window, int32_t channels,
                                                              int32_t pointer_bytes) {
  DepthwiseInt8Plan plan{};
  plan.taps = static_cast<int32_t>((int64_t{window.kernel_h} * window.kernel_w + kDot - 1) / kDot * kDot);
  plan.padding_offset = aligned_64(int64_t{plan.taps} * 2 * pointer_bytes);
  plan.scratch_bytes = plan.padding_offset + channels;
  return plan;
}

}  // namespace linnet::kernels
