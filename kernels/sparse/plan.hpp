// How the kernels with sparse weights divide their scratch memory; the scratch size functions are the sizes of these
// plans.
#pragma once

#include "kernels/contract_sparse.hpp"
#include "kernels/sparse/layout.hpp"

namespace linnet::kernels {

// Vectors of pixels in a tile, so many that multiply-adds do not wait for each other while the inputs of a run stay in
// the first-level cache.
LINNET_INLINE constexpr int32_t sparse_vectors(const IsaTraits& traits, int32_t block) {
  const bool many_registers = traits.width == 16 || (traits.width == 4 && traits.tile_rows == 8);
  return block == 1 || many_registers ? 4 : 2;
}

// Outputs of at most so many pixels of an image are computed one by one.
constexpr int32_t kSparseFewPixels = 3;
LINNET_INLINE constexpr bool sparse_by_pixel(int32_t out_h, int32_t out_w) {
  return int64_t{out_h} * out_w <= kSparseFewPixels;
}

// Between copied windows of k floats. Rows of inputs a multiple of 4 KB apart would share the same few lines of a
// cache.
LINNET_INLINE constexpr int64_t sparse_window_stride(int64_t k) {
  return (k + 15) / 16 * 16 + 16;
}
constexpr ptrdiff_t kSparseBadStride = 1024;

struct SparsePlan {
  int32_t taps;
  int32_t pixels;         // of a tile, at most
  int64_t zero_offset;    // bytes; a pixel of zeros, behind pointers to the inputs of all pixels at each tap
  int64_t inputs_offset;  // copies of those: windows [pixels][k], or of a run of positions [kSparseRun][pixels]
  int64_t sums_offset;    // [outputs][pixels]: of all outputs where there are several runs, else of a panel
  int64_t scratch_bytes;
};

LINNET_INLINE constexpr int64_t sparse_aligned(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// Inputs and sums of pixels in lanes, with windows of so many positions of so many words each.
LINNET_INLINE constexpr SparsePlan divide_sparse_lanes(SparsePlan plan, int64_t positions, int32_t words,
                                                       int32_t out_channels) {
  const int64_t run = positions < kSparseRun ? positions : kSparseRun;
  plan.sums_offset = plan.inputs_offset + sparse_aligned(plan.pixels * run * words * 4);
  const int64_t outputs = positions <= kSparseRun ? kPanel : int64_t{kPanel} * sparse_panels(out_channels);
  plan.scratch_bytes = plan.sums_offset + outputs * plan.pixels * 4;
  return plan;
}

// `pixels`: of all images together.
LINNET_INLINE constexpr SparsePlan plan_sparse_conv2d(const Window& window, int32_t in_channels, int32_t out_channels,
                                                      int32_t block, int32_t out_h, int32_t out_w, int64_t pixels,
                                                      const IsaTraits& traits, int32_t pointer_bytes) {
  const bool by_pixel = sparse_by_pixel(out_h, out_w), rows = block == kPanel;
  SparsePlan plan{};
  plan.taps = window.kernel_h * window.kernel_w;
  const int64_t k = int64_t{plan.taps} * in_channels;
  const int64_t step = by_pixel || rows ? 1 : traits.width, budget = traits.width == 1 ? 8 * 1024 : 128 * 1024;
  const int64_t fitting = budget / (k * 4) < 16 ? 16 : budget / (k * 4);
  const int64_t most = by_pixel ? 1 : rows ? (fitting < 64 ? fitting : 64) : sparse_vectors(traits, block) * step;
  const int64_t all = (pixels + step - 1) / step * step;
  plan.pixels = static_cast<int32_t>(most < all ? most : all);
  plan.zero_offset = sparse_aligned(int64_t{plan.pixels} * plan.taps * pointer_bytes);
  plan.inputs_offset = plan.zero_offset + sparse_aligned(in_channels * int64_t{4});
  if (by_pixel || rows) {
    plan.scratch_bytes = plan.inputs_offset + plan.pixels * sparse_window_stride(k) * 4;
    return plan;
  }
  return divide_sparse_lanes(plan, k, 1, out_channels);
}

// Words of 32 bits that the inputs of a pixel and a group of four take: bytes, or two pairs of int16.
LINNET_INLINE constexpr int32_t sparse_words(const IsaTraits& traits) {
  return traits.int8_input_bytes > 1 || traits.int8_planes > 1 ? 2 : 1;
}

LINNET_INLINE constexpr SparsePlan plan_sparse_int8(const Window& window, int32_t in_channels, int32_t out_channels,
                                                    int64_t pixels, const IsaTraits& traits, int32_t pointer_bytes) {
  SparsePlan plan{};
  plan.taps = window.kernel_h * window.kernel_w;
  const int64_t most = int64_t{sparse_vectors(traits, 1)} * traits.width;
  const int64_t all = (pixels + traits.width - 1) / traits.width * traits.width;
  plan.pixels = static_cast<int32_t>(most < all ? most : all);
  plan.zero_offset = sparse_aligned(int64_t{plan.pixels} * plan.taps * pointer_bytes);
  plan.inputs_offset = plan.zero_offset + sparse_aligned(in_channels);
  return divide_sparse_lanes(plan, int64_t{plan.taps} * (in_channels / kDot), sparse_words(traits), out_channels);
}

}  // namespace linnet::kernels
