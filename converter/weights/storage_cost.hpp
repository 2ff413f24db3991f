// What a layer costs by its storage, on a core with vectors; the unit is one multiply-add at the rate of the
// dense convolution, as in passes/winograd_cost.hpp. tests/bench/sparse_bench.cpp measures what it is fitted to.
#pragma once

#include <cstdint>

namespace linnet::weights {

struct LayerSize {
  int64_t pixels;        // of all images, or rows of a product
  int64_t image_pixels;  // of one image
  int64_t taps, inputs;  // of a window, and of a pixel
  int64_t outputs;
  int64_t k() const { return taps * inputs; }
};

double dense_cost(const LayerSize& layer, bool int8);
// With a part `density` of the blocks of so many outputs (1, 4 or 16) that are kept, in so many bytes.
double sparse_cost(const LayerSize& layer, int64_t block, double density, int64_t bytes);

// The same of int8 and blocks of four inputs, where the unit is int8's.
double sparse_int8_cost(const LayerSize& layer, double density);

}  // namespace linnet::weights
