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

// Pixels whose moments group_norm takes at a time: few enough that its second look at them is into a cache. The same
// for any number of channels, so that the results of a part of the channels are those of all.
constexpr int32_t kGroupNormChunkPixels = 64;

}  // namespace linnet::kernels
