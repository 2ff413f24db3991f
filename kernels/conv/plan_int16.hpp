// How the int16 convolutions divide their scratch memory; the scratch size functions are the sizes of these plans.
#pragma once

#include "kernels/contract_int16.hpp"

namespace linnet::kernels {

// Pairs whose products an int32 sum holds: each is at most 2^23.
constexpr int32_t kPairsTogether = 128;

// Output pixels of a tile.
LINNET_INLINE constexpr int32_t int16_rows(int32_t vector_width) {
  return vector_width == 1 ? 2 : 4;
}

// A tile of output pixels is computed together. Their inputs are gathered into rows of scratch memory, unless each is a
// whole number of pairs in the image.
struct ConvInt16Plan {
  int32_t k;  // of a row, even
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr ConvInt16Plan plan_conv2d_int16(const Window& window, int32_t in_channels,
                                                        const IsaTraits& traits) {
  const int64_t k = (int64_t{window.kernel_h} * window.kernel_w * in_channels + kPair - 1) / kPair * kPair;
  return {static_cast<int32_t>(k), int16_rows(traits.width) * k * static_cast<int64_t>(sizeof(int16_t))};
}

struct DepthwiseInt16Plan {
  int32_t taps;            // even; one behind the last has zero weights
  int64_t padding_offset;  // bytes; a pixel of zeros, behind the taps
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr DepthwiseInt16Plan plan_depthwise_int16(const Window& window, int32_t channels,
                                                                int32_t pointer_bytes) {
  DepthwiseInt16Plan plan{};
  plan.taps = static_cast<int32_t>((int64_t{window.kernel_h} * window.kernel_w + kPair - 1) / kPair * kPair);
  plan.padding_offset = (int64_t{plan.taps} * 2 * pointer_bytes + 63) / 64 * 64;
  plan.scratch_bytes = plan.padding_offset + int64_t{channels} * static_cast<int64_t>(sizeof(int16_t));
  return plan;
}

}  // namespace linnet::kernels
