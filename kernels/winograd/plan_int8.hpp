// When and how int8 convolutions go by Winograd's F(2x2, 3x3), and how they divide their scratch memory.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

// Twice the matrix G for both axes has integers for elements, and sums of products four times the true ones, which must
// fit into 32 bits: 4 * 9 * 128 * 128 an input channel. All transforms are exact in 16 bits: at most 4 * 128 of inputs,
// 9 * 128 of weights.
constexpr int32_t kWinogradInt8MostChannels = 3640;

// Where no instruction adds up products of bytes in 32 bits: 16 products instead of 36 for four outputs.
LINNET_INLINE constexpr bool has_winograd_int8(const Window& w, int32_t in_channels, const IsaTraits& traits) {
  return traits.int8_winograd && w.kernel_h == 3 && w.kernel_w == 3 && w.stride_h == 1 && w.stride_w == 1 &&
         w.dilation_h == 1 && w.dilation_w == 1 && in_channels % kDot == 0 && in_channels >= kPanel &&
         in_channels >= 2 * traits.width && in_channels <= kWinogradInt8MostChannels;
}

struct WinogradInt8Plan {
  int32_t tiles;                                       // of a block, at most
  int64_t input_distance, weight_distance;             // elements from a point's matrix to the next
  int64_t inputs_offset, weights_offset, sums_offset;  // bytes; before them a pixel of padding
  int64_t scratch_bytes;
};

// An odd number of 64-byte lines: points do not share the sets of a cache.
LINNET_INLINE constexpr int64_t odd_lines(int64_t bytes) {
  return ((bytes + 63) / 64 | 1) * 64;
}

LINNET_INLINE constexpr WinogradInt8Plan plan_winograd_int8(int32_t in_channels, int64_t out_lines, int32_t out_w) {
  constexpr int64_t kBudget = 256 * 1024, kLeast = 12, kMost = 192, kSlack = 64, kPoints = 16;
  const int64_t fitting = kBudget / (kPoints * in_channels * 2), all = (out_lines / 2 + 1) * (int64_t{out_w} / 2 + 1);
  const int64_t wanted = fitting < kLeast ? kLeast : fitting < kMost ? fitting : kMost;
  WinogradInt8Plan plan{};
  plan.tiles = static_cast<int32_t>(wanted < all ? wanted : all);
  const int64_t inputs = odd_lines(int64_t{plan.tiles} * in_channels * 2);
  const int64_t weights = odd_lines(int64_t{in_channels} * kPanel * 2);
  plan.input_distance = inputs / 2;
  plan.weight_distance = weights / 2;
  plan.inputs_offset = (in_channels + kSlack + 63) / 64 * 64;
  plan.weights_offset = plan.inputs_offset + kPoints * inputs;
  plan.sums_offset = plan.weights_offset + kPoints * weights;
  plan.scratch_bytes = plan.sums_offset + kPoints * plan.tiles * kPanel * 4;
  return plan;
}

}  // namespace linnet::kernels
