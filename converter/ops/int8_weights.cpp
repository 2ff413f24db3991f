#include "converter/ops/int8_weights.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "converter/ir/error.hpp"
#include "converter/ops/functions.hpp"
#include "kernels/pack_int8.hpp"

namespace linnet::ops {

using namespace ir;

void require_real_weights(const TensorType& weights, const TensorType& x, std::string_view what, int64_t output_axis) {
  if (!weights.quantization) return require_same_dtype(weights, x, fmt::format("{} and x", what));
  const Quantization& quantization = *weights.quantization;
  const bool symmetric =
      std::all_of(quantization.zero_points.begin(), quantization.zero_points.end(), [](int64_t z) { return z == 0; });
  if (weights.dtype != DType::i8 || !symmetric || (!quantization.per_tensor() && quantization.axis != output_axis))
    throw Error(
        fmt::format("{} are {}; supported are real numbers, and i8 with a zero point of 0 and one scale for all "
                    "outputs or one per output",
                    what, to_string(weights)));
}

std::vector<double> real_weights(const Array& weights) {
  std::vector<double> result = weights.doubles();
  if (!weights.type().quantization || result.empty()) return result;
  const std::vector<float>& scales = weights.type().quantization->scales;
  const size_t row = result.size() / static_cast<size_t>(weights.shape()[0]);
  for (size_t i = 0; i < result.size(); ++i) result[i] *= static_cast<double>(scales[i / row % scales.size()]);
  return result;
}

Int8Weights::Int8Weights(const Array& weights) : scales(weights.type().quantization->scales) {
  const std::vector<int64_t> integers = weights.integers();
  values.assign(integers.begin(), integers.end());
  scales.resize(static_cast<size_t>(weights.shape()[0]), scales[0]);
}

DynamicallyQuantized dynamically_quantized(const std::vector<float>& x) {
  float least = 0, most = 0;
  for (const float number : x) least = std::min(least, number), most = std::max(most, number);
  DynamicallyQuantized result{{}, least == most ? 1.0f : (most - least) / 255.0f, 0};
  const auto limited = [](float steps) {
    return static_cast<int64_t>(std::nearbyint(std::clamp(steps, 0.0f, 255.0f)));
  };
  result.zero_point = limited(-least / result.scale);
  for (const float number : x) {
    const float steps = std::nearbyint(number / result.scale) + static_cast<float>(result.zero_point);
    result.values.push_back(limited(std::isnan(steps) ? static_cast<float>(result.zero_point) : steps));
  }
  return result;
}

// A Panel16Int8 with the bits of the biases and of the scales.
std::vector<int8_t> dynamic_section(const int8_t* weights, const float* scales, const float* bias, int32_t outputs,
                                    int32_t inputs) {
  std::vector<int32_t> bias_bits;
  std::vector<kernels::Factor> factors;
  for (int32_t i = 0; i < outputs; ++i) {
    bias_bits.push_back(bias != nullptr ? std::bit_cast<int32_t>(bias[i]) : 0);
    factors.push_back({std::bit_cast<int32_t>(scales[i]), 0});
  }
  const kernels::ConvInt8Weights source = {weights, inputs, 1,       0, 0, bias_bits.data(), factors.data(), 0,
                                           1,       inputs, outputs, 1, 1};
  std::vector<int8_t> packed(static_cast<size_t>(kernels::conv2d_int8_packed_bytes(source)));
  kernels::pack_conv2d_int8(source, packed.data());
  return packed;
}

}  // namespace linnet::ops
