// How group_norm divides its scratch memory: the moments of an image, then those of a part of it.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

struct GroupNormPlan {
  int64_t part;  // floats from the start
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr GroupNormPlan plan_group_norm(int32_t channels) {
  return {int64_t{3} * channels, int64_t{6} * channels * 4};
}

// Pixels whose moments group_norm takes at a time: 16 KB of them, that both of its looks find in the first-level cache.
LINNET_INLINE constexpr int32_t group_norm_chunk_pixels(int32_t channels) {
  constexpr int32_t kElements = 4096;
  return channels >= kElements / 16 ? 16 : kElements / channels;
}

}  // namespace linnet::kernels
