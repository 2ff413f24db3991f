// How int8 weights are decoded: a run of the inputs of some panels at a time, for all pixels of a block.
#pragma once

#include "kernels/code_format.hpp"

namespace linnet::kernels {

// Panels that are decoded together: as many as a tile takes.
LINNET_INLINE constexpr int32_t decoded_panels(const IsaTraits& traits, bool single_row) {
  return traits.width == 1 ? 1 : traits.width == 16 || single_row ? 4 : 1;
}

// Inputs of a run: what the nearest caches hold of those panels.
LINNET_INLINE constexpr int32_t decoded_inputs(const IsaTraits& traits, bool single_row) {
  const int32_t bytes = traits.width == 1 ? 1024 : single_row || traits.width == 4 ? 16 * 1024 : 4096 * traits.width;
  return bytes / (kPanel * decoded_panels(traits, single_row));
}

// With the headers, and with what whole blocks of codes have more than a run.
LINNET_INLINE constexpr int64_t decoded_run_bytes(const IsaTraits& traits, bool single_row) {
  const int64_t panel = kPanel * (kPanelHeader + decoded_inputs(traits, single_row));
  return decoded_panels(traits, single_row) * panel + kPanel * kCodeInputs;
}
LINNET_INLINE constexpr int64_t decoded_bytes_int8(const IsaTraits& traits) {
  const int64_t one = decoded_run_bytes(traits, true), all = decoded_run_bytes(traits, false);
  return one > all ? one : all;
}

// Pixels of a block where decoding is paid for with each: without vectors, and where sums wait in memory.
constexpr int32_t kCodedPixels = 16, kPartialPixels = 128;
LINNET_INLINE constexpr int64_t most_coded_pixels(const IsaTraits& traits, int64_t k, int64_t most) {
  return k <= decoded_inputs(traits, false) ? most : traits.width == 1 ? kCodedPixels : kPartialPixels;
}

// Of blocks of so many pixels, whose k inputs are more than one run.
LINNET_INLINE constexpr int64_t partial_sums_bytes(const IsaTraits& traits, int64_t k, int64_t pixels) {
  const int64_t one = k > decoded_inputs(traits, true) ? decoded_panels(traits, true) : 0;
  const int64_t all = k > decoded_inputs(traits, false) ? decoded_panels(traits, false) * pixels : 0;
  return (one > all ? one : all) * kPanel * static_cast<int64_t>(sizeof(int32_t));
}

}  // namespace linnet::kernels
