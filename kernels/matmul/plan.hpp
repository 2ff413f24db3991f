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

// How matmul_s8 divides it: what is added to the sums of each row of a, a row of ones, a packed panel of b, then rows
// of a as they are multiplied.
struct MatMulInt8Plan {
  int32_t k;                                    // as it is multiplied: whole groups
  int32_t a_rows;                               // all of them, copied once, or those of a tile, copied for each panel
  int64_t panel_offset, ones_offset, a_offset;  // bytes
  int64_t plane;                                // from ones and rows to their next plane
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr MatMulInt8Plan plan_matmul_int8(int32_t m, int32_t k, const IsaTraits& traits) {
  constexpr int64_t kReadPast = 64;  // bytes that a load of weights may touch behind the last
  constexpr int64_t kMostCopied = 16 * 1024;
  const auto aligned = [](int64_t bytes) { return (bytes + 63) / 64 * 64; };
  MatMulInt8Plan plan{};
  plan.k = (k + kDot - 1) / kDot * kDot;
  const int64_t row_bytes = int64_t{plan.k} * traits.int8_input_bytes;
  const bool all = traits.width > 1 && m * row_bytes <= kMostCopied;
  plan.a_rows = all || m < traits.int8_rows ? m : traits.int8_rows;
  plan.panel_offset = aligned(int64_t{m} * 4);
  plan.ones_offset = aligned(plan.panel_offset + int64_t{kPanel} * plan.k + kReadPast);
  plan.a_offset = plan.ones_offset + row_bytes;
  const int64_t rows = (1 + plan.a_rows) * row_bytes;
  plan.plane = traits.width == 1 ? rows : aligned(rows + kReadPast);
  plan.scratch_bytes = plan.ones_offset + traits.int8_planes * plan.plane;
  return plan;
}

}  // namespace linnet::kernels
