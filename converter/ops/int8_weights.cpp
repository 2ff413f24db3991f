#include "converter/ops/int8_weights.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "converter/ir/error.hpp"
#include "converter/ops/functions.hpp"

namespace linnet::ops {

using namespace ir;

void require_real_weights(const TensorType& weights, const TensorType& x, std::string_view what) {
  if (!weights.quantization) return require_same_dtype(weights, x, fmt::format("{} and x", what));
  const Quantization& quantization = *weights.quantization;
  const bool symmetric =
      std::all_of(quantization.zero_points.begin(), quantization.zero_points.end(), [](int64_t z) { return z == 0; });
  if (weights.dtype != DType::i8 || !symmetric || (!quantization.per_tensor() && quantization.axis != 0))
    throw Error(
        fmt::format("{} are {}; supported are real numbers, and i8 with a zero point of 0 and one scale for all "
                    "rows or one per row",
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

DynamicallyQuantized dynamically_quantized(const Array& x) {
  const std::vector<float> numbers = x.floats();
  float least = 0, most = 0;
  for (const float number : numbers) least = std::min(least, number), most = std::max(most, number);
  DynamicallyQuantized result{{}, least == most ? 1.0f : (most - least) / 255.0f, 0};
  const auto limited = [](float steps) {
    return static_cast<int64_t>(std::nearbyint(std::clamp(steps, 0.0f, 255.0f)));
  };
  result.zero_point = limited(-least / result.scale);
  for (const float number : numbers) {
    const float steps = std::nearbyint(number / result.scale) + static_cast<float>(result.zero_point);
    result.values.push_back(limited(std::isnan(steps) ? static_cast<float>(result.zero_point) : steps));
  }
  return result;
}

}  // namespace linnet::ops
