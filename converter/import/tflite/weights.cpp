#include "converter/import/tflite/weights.hpp"

#include <algorithm>

#include "converter/ops/gather.hpp"

namespace linnet::import {

using ir::Array;
using ir::Shape;
using ir::Value;

namespace {

// Integers [outputs, inputs, taps].
struct Weights {
  int64_t outputs, inputs, taps;
  std::vector<int64_t> values;

  int64_t& at(int64_t output, int64_t input, int64_t tap) {
    return values[static_cast<size_t>((output * inputs + input) * taps + tap)];
  }
};

// Takes what fits into int8 off the weights, and returns it.
Weights part_of(Weights& weights) {
  Weights part = weights;
  for (size_t i = 0; i < part.values.size(); ++i) {
    part.values[i] = std::clamp<int64_t>(weights.values[i], -128, 127);
    weights.values[i] -= part.values[i];
  }
  return part;
}

std::vector<int64_t> inputs_with_weights(Weights& weights) {
  std::vector<int64_t> result;
  for (int64_t input = 0; input < weights.inputs; ++input) {
    bool zero = true;
    for (int64_t output = 0; output < weights.outputs; ++output)
      for (int64_t tap = 0; tap < weights.taps; ++tap) zero = zero && weights.at(output, input, tap) == 0;
    if (!zero) result.push_back(input);
  }
  return result;
}

}  // namespace

Value* symmetric_weights(TfliteContext& context, Value* value, int64_t groups, int64_t axis, Value*& x) {
  const auto& quantization = value->type.quantization;
  if (!value->constant || !quantization || !quantization->per_tensor() || quantization->zero_point() == 0) return value;
  const Shape& shape = value->shape();
  Weights rest = {shape[0], shape[1], ir::element_count({shape.begin() + 2, shape.end()}), value->constant->integers()};
  for (int64_t& weight : rest.values) weight -= quantization->zero_point();
  std::vector<Weights> parts;
  std::vector<std::vector<int64_t>> inputs;
  int64_t count = 0;
  do {
    inputs.push_back(parts.empty() ? std::vector<int64_t>() : inputs_with_weights(rest));
    if (parts.empty())
      for (int64_t i = 0; i < rest.inputs; ++i) inputs[0].push_back(i);
    count += static_cast<int64_t>(inputs.back().size());
    parts.push_back(part_of(rest));
  } while (!inputs_with_weights(rest).empty());

  Weights whole = {rest.outputs, count, rest.taps, {}};
  for (int64_t output = 0; output < rest.outputs; ++output)
    for (size_t p = 0; p < parts.size(); ++p)
      for (const int64_t input : inputs[p])
        for (int64_t tap = 0; tap < rest.taps; ++tap) whole.values.push_back(parts[p].at(output, input, tap));
  if (parts.size() > 1) {
    auto gather = std::make_unique<ops::Gather>();
    gather->axis = axis;
    for (int64_t group = 0; group < groups; ++group)
      for (const std::vector<int64_t>& list : inputs)
        for (const int64_t input : list) gather->indices.push_back(group * rest.inputs + input);
    gather->indices_shape = {static_cast<int64_t>(gather->indices.size())};
    x = context.add(std::move(gather), {x});
  }
  Shape result = shape;
  result[1] = count;
  const ir::Quantization symmetric = {quantization->scales, {0}, 0};
  return context.add_constant(
      Array::of_integers(result, std::move(whole.values), ir::DType::i8).with_quantization(symmetric), value->name);
}

}  // namespace linnet::import
