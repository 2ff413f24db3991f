#include "converter/ops/quantize.hpp"

#include <cmath>

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"

namespace linnet::ops {

namespace {

// The real numbers, as TensorFlow Lite rounds them.
Array dequantized(const Array& x) {
  const Quantization& from = *x.type().quantization;
  std::vector<float> values(x.size());
  const auto axis = static_cast<size_t>(from.axis);
  const size_t count = from.scales.size(),
               inner = count == 1 ? 1 : static_cast<size_t>(row_major_strides(x.shape())[axis]);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t entry = i / inner % count;
    values[i] = static_cast<float>(static_cast<double>(from.scales[entry]) *
                                   static_cast<double>(x.integer(i) - from.zero_points[entry]));
  }
  return Array::of_floats(x.shape(), std::move(values));
}

int64_t quantized(float number, const Quantize& op, const IntegerRange& range) {
  if (std::isnan(number)) number = 0.0f;
  const float steps = number / op.quantization->scale();
  const float rounded = op.rounding == Rounding::tflite ? std::round(steps) : std::nearbyint(steps);
  return range.clamp(static_cast<int64_t>(std::clamp(rounded, -1e9f, 1e9f)) + op.quantization->zero_point());
}

}  // namespace

void Quantize::attributes(AttributeWriter& writer) const {
  writer.add("to", ir::name(to));
  if (quantization) writer.add("integer", std::optional<IntegerForm>({to, *quantization, rounding}));
}

std::vector<TensorType> Quantize::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  const TensorType& x = *inputs[0];
  if (x.quantization) {
    if (quantization) require_quantized(x, "x");
    type_range(x.dtype);
  }
  if (!x.quantization && !is_floating(x.dtype))
    throw Error(fmt::format("x is {}; supported are real numbers and integers with a scale", to_string(x)));
  if (!quantization && (!x.quantization || !is_floating(to)))
    throw Error(fmt::format("from {} to {}", to_string(x), ir::name(to)));
  if (quantization && !quantization->per_tensor())
    throw Error("a scale per channel; supported is one for the whole tensor");
  if (quantization) type_range(to);
  return {{to, x.shape, quantization}};
}

std::vector<Array> Quantize::evaluate(const std::vector<const Array*>& inputs) const {
  const Array& x = *inputs[0];
  if (!quantization) return {dequantized(x).cast(to)};
  const IntegerRange range = type_range(to);
  std::vector<int64_t> values(x.size());
  if (!x.type().quantization) {
    const std::vector<float> numbers = x.floats();
    for (size_t i = 0; i < values.size(); ++i) values[i] = quantized(numbers[i], *this, range);
  } else {
    const Quantization& from = *x.type().quantization;
    const double factor = static_cast<double>(from.scale()) / static_cast<double>(quantization->scale());
    const Requantizer requantize({factor}, {to, *quantization, rounding}, {});
    for (size_t i = 0; i < values.size(); ++i) values[i] = requantize(x.integer(i) - from.zero_point(), 0);
  }
  return {Array::of_integers(x.shape(), std::move(values), to).with_quantization(quantization)};
}

std::unique_ptr<Op> Quantize::permuted(const Permutation&, const Node&) const {
  return clone();
}

}  // namespace linnet::ops
