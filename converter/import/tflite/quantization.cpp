#include "converter/import/tflite/quantization.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "converter/ir/error.hpp"
#include "converter/ops/axes.hpp"

namespace linnet::import {

using ir::Array;
using ir::Error;
using ir::Quantization;

std::optional<Quantization> quantization_of(const tfl::Tensor& tensor) {
  const tfl::QuantizationParameters* source = tensor.quantization();
  if (source == nullptr || count_of(source->scale()) == 0 || ir::is_floating(dtype_of(tensor.type())))
    return std::nullopt;
  if (source->details_type() != 0) throw Error("is quantized in blocks or otherwise; supported are scales");
  Quantization result{{source->scale()->begin(), source->scale()->end()}, integers_of(source->zero_point()), 0};
  for (const float scale : result.scales)
    if (!std::isfinite(scale) || scale <= 0.0f)
      throw Error(fmt::format("has a scale of {}; supported are positive numbers", scale));
  const size_t count = result.scales.size();
  if (result.zero_points.empty()) result.zero_points = {0};
  if (result.zero_points.size() == 1) result.zero_points.resize(count, result.zero_points[0]);
  if (result.zero_points.size() != count)
    throw Error(fmt::format("has {} scales and {} zero points", count, result.zero_points.size()));
  const int64_t limit = int64_t{1} << std::min<int64_t>(8 * ir::element_bytes(dtype_of(tensor.type())) - 1, 62);
  for (const int64_t zero_point : result.zero_points)
    if (zero_point < -limit || zero_point / 2 >= limit)
      throw Error(fmt::format("has a zero point of {}, which its elements cannot have", zero_point));
  if (count == 1) return result;
  result.axis = source->quantized_dimension();
  const ir::Shape shape = shape_of(tensor);
  if (result.axis < 0 || static_cast<size_t>(result.axis) >= shape.size() ||
      shape[static_cast<size_t>(result.axis)] != static_cast<int64_t>(count))
    throw Error(fmt::format("of shape {} has {} scales along dimension {}", ir::to_string(shape), count, result.axis));
  return result;
}

Array dequantized(const Array& array) {
  const Quantization& quantization = *array.type().quantization;
  const ops::AxisSplit split = quantization.per_tensor()
                                   ? ops::AxisSplit{1, 1, std::max<int64_t>(static_cast<int64_t>(array.size()), 1)}
                                   : ops::split_at(array.shape(), quantization.axis);
  std::vector<float> values(array.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto channel = static_cast<size_t>(static_cast<int64_t>(i) / split.inner % split.size);
    values[i] = quantization.scales[channel] * static_cast<float>(array.integer(i) - quantization.zero_points[channel]);
  }
  return Array::of_floats(array.shape(), std::move(values));
}

}  // namespace linnet::import
