// int8 weights of layers that compute with real numbers: symmetric, with one scale for all outputs or one for each.
#pragma once

#include <string_view>
#include <vector>

#include "converter/ir/array.hpp"

namespace linnet::ops {

// Throws ir::Error unless weights are of x's type, or int8 with zero points of 0 and scales along the dimension of the
// outputs.
void require_real_weights(const ir::TensorType& weights, const ir::TensorType& x, std::string_view what,
                          int64_t output_axis = 0);

// What the weights [outputs, ...] stand for.
std::vector<double> real_weights(const ir::Array& weights);

// Weights [outputs, ...] as the device's layouts take them: integers, and a scale for every output.
struct Int8Weights {
  explicit Int8Weights(const ir::Array& weights);

  std::vector<int8_t> values;
  std::vector<float> scales;
};

// ONNX's DynamicQuantizeLinear: the range of x and 0 in 255 steps, real = scale * (value - zero_point).
struct DynamicallyQuantized {
  std::vector<int64_t> values;  // 0 to 255
  float scale;
  int64_t zero_point;
};
DynamicallyQuantized dynamically_quantized(const std::vector<float>& x);

// The Panel16Dynamic8 of weights [outputs, inputs].
std::vector<int8_t> dynamic_section(const int8_t* weights, const float* scales, const float* bias, int32_t outputs,
                                    int32_t inputs);

}  // namespace linnet::ops
