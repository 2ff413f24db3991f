#include "converter/import/tflite/quantization.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "converter/ir/error.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/quantize.hpp"

namespace linnet::import {

using ir::Array;
using ir::Error;
using ir::Quantization;

std::optional<Quantization> quantization_of(const tfl::Tensor& tensor) {
  const tfl::QuantizationParameters* source = tensor.quantization();
  if (source == nullptr || count_of(source->scale()) == 0) return std::nullopt;
  if (const ir::DType dtype = dtype_of(tensor.type()); ir::is_floating(dtype) || dtype == ir::DType::boolean)
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
  const ir::DType dtype = dtype_of(tensor.type());
  for (const int64_t zero_point : result.zero_points)
    if (Array::of_integers({}, {zero_point}).cast(dtype).integer(0) != zero_point)
      throw Error(fmt::format("has a zero point of {}, which no {} is", zero_point, ir::name(dtype)));
  if (count == 1) return result;
  result.axis = source->quantized_dimension();
  const ir::Shape shape = shape_of(tensor);
  if (result.axis < 0 || static_cast<size_t>(result.axis) >= shape.size() ||
      shape[static_cast<size_t>(result.axis)] != static_cast<int64_t>(count))
    throw Error(fmt::format("of shape {} has {} scales along dimension {}", ir::to_string(shape), count, result.axis));
  return result;
}

namespace {

constexpr int64_t kUnsignedOffset = 128;

ir::Value* requantized(ir::Graph& graph, ir::Value* value, ir::DType dtype, const std::optional<Quantization>& to) {
  if (value->type.dtype == dtype) return value;
  auto op = std::make_unique<ops::Quantize>();
  op->to = dtype;
  op->quantization = to;
  return graph.add(std::move(op), {value}, value->name)->outputs.front();
}

}  // namespace

ir::TensorType element_type_of(const tfl::Tensor& tensor) {
  ir::TensorType type{dtype_of(tensor.type()), {}, quantization_of(tensor)};
  if (type.dtype != ir::DType::u8 || !type.quantization) return type;
  type.dtype = ir::DType::i8;
  for (int64_t& zero_point : type.quantization->zero_points) zero_point -= kUnsignedOffset;
  return type;
}

Array in_graph_form(const Array& array, const tfl::Tensor& tensor) {
  const ir::TensorType type = element_type_of(tensor);
  if (type.dtype == array.dtype()) return array.with_quantization(type.quantization);
  std::vector<int64_t> values = array.integers();
  for (int64_t& value : values) value -= kUnsignedOffset;
  return Array::of_integers(array.shape(), std::move(values), type.dtype).with_quantization(type.quantization);
}

ir::Value* to_graph_form(ir::Graph& graph, ir::Value* value, const tfl::Tensor& tensor) {
  const ir::TensorType type = element_type_of(tensor);
  return requantized(graph, value, type.dtype, type.quantization);
}

ir::Value* to_file_form(ir::Graph& graph, ir::Value* value, const tfl::Tensor& tensor) {
  if (element_type_of(tensor).dtype == dtype_of(tensor.type())) return value;
  return requantized(graph, value, dtype_of(tensor.type()), quantization_of(tensor));
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
