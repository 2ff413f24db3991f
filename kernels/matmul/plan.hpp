// How matmul divides its scratch memory: a packed span of b, then a tile of a.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

struct MatMulPlan {
  int64_t a_offset;  // bytes
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr MatMulPlan plan_matmul(int32_t m, int32_t n, int32_t k, const IsaTraits& traits) {
  constexpr int64_t kReadPast = 16;  // floats that a vector load may touch behind the last weights
  const int64_t span = traits.width == kPanel ? 2 * kPanel : kPanel;
  MatMulPlan plan{};
  plan.a_offset = ((panel_floats(n < span ? n : span, k) + kReadPast) * 4 + 63) / 64 * 64;
  plan.scratch_bytes = plan.a_offset + (m < traits.tile_rows ? m : traits.tile_rows) * static_cast<int64_t>(k) * 4;
  return plan;
}

}  // namespace linnet::kernels
