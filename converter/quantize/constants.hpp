// Weights and biases as integers.
#pragma once

#include <optional>

#include "converter/ir/graph.hpp"

namespace linnet::quantize {

enum class WeightScale : uint8_t { max, mse };  // the greatest magnitude, or the least squared error
struct WeightOptions {
  bool per_tensor = false;  // one scale instead of one per output
  WeightScale scale = WeightScale::max;
};

// The number that all of them are multiples of, by `least` .. `most`, to the rounding of float32; of several the
// greatest. Nothing where there is none, or all are 0.
std::optional<double> common_step(const double* weights, size_t count, int least, int most);

// int8, symmetric, -127 to 127, with a scale per element of dimension `outputs`, or one where it is absent or the
// options say so. Weights of a grid of at most 127 steps stay what they are. `smallest` is the least scale that each
// output may have.
ir::Array quantized_weights(const ir::Array& weights, std::optional<size_t> outputs, const WeightOptions& options,
                            const std::vector<double>& smallest);
// int32 with the scales of the products of x and the weights.
ir::Array quantized_bias(const ir::Array& bias, float x_scale, const ir::Quantization& weights);
// The scales below which the biases of so many outputs would leave 32 bits.
std::vector<double> smallest_scales(size_t outputs, const ir::Array* bias, float x_scale);

// Any other constant, with this scale.
ir::Array quantized_constant(const ir::Array& numbers, const ir::Quantization& quantization);

}  // namespace linnet::quantize
