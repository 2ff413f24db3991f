// How group_norm divides its scratch memory: per channel the mean of its group, a factor and an offset.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

struct GroupNormPlan {
  int64_t factors, offsets;  // floats from the start; the means are first
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr GroupNormPlan plan_group_norm(int32_t channels) {
  return {channels, int64_t{2} * channels, int64_t{3} * channels * 4};
}

}  // namespace linnet::kernels
