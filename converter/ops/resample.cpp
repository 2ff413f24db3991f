#include "converter/ops/resample.hpp"

#include <fmt/format.h>

#include "converter/emit/context.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"

namespace linnet::ops {

namespace {

void require_integer_input(const Resample& op, const TensorType& x) {
  require_quantized(x, "input");
  const DType from = x.dtype, to = op.integer->dtype;
  const DType narrow = from == DType::i16 || to == DType::i16 ? DType::i16 : DType::i8;
  const auto fits = [&](DType dtype) { return dtype == narrow || dtype == DType::i32; };
  if (!fits(from) || !fits(to) || op.integer->quantization != *x.quantization)
    throw Error(fmt::format("from {} to {} {}; supported with integers are i8 and i32, or i16 and i32, of one scale",
                            to_string(x), ir::name(to), to_string(op.integer->quantization)));
}

}  // namespace

void Resample::attributes(AttributeWriter& writer) const {
  writer.add("axis", axis);
  writer.add("taps", taps);
  writer.add("indices", indices);
  writer.add("weights", weights);
  writer.add("bias", bias);
  if (integer) writer.add("shift", shift);
  writer.add("integer", integer);
}

std::vector<TensorType> Resample::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  TensorType result = *inputs[0];
  if (integer)
    require_integer_input(*this, result);
  else if (!is_floating(result.dtype))
    throw Error(fmt::format("input {}; supported are floating types", to_string(result)));
  const auto along = static_cast<size_t>(normalized_axis(axis, result.shape.size()));
  const size_t outputs = taps > 0 ? indices.size() / static_cast<size_t>(taps) : 0;
  if (taps < 1 || indices.size() % static_cast<size_t>(taps) != 0 || weights.size() != indices.size() ||
      (!bias.empty() && bias.size() != outputs))
    throw Error(fmt::format("{} indices, {} weights and {} biases for {} taps", indices.size(), weights.size(),
                            bias.size(), taps));
  for (const int64_t index : indices)
    if (index < 0 || index >= result.shape[along])
      throw Error(fmt::format("index {} on axis {} of {}", index, axis, to_string(result.shape)));
  result.shape[along] = static_cast<int64_t>(outputs);
  if (integer) result.dtype = integer->dtype;
  return {result};
}

std::vector<Array> Resample::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array& x = *inputs[0];
  const TensorType type = infer({&x.type()})[0];
  const AxisSplit split = split_at(x.shape(), axis);
  const auto count = static_cast<size_t>(taps);
  std::vector<double> y;
  y.reserve(static_cast<size_t>(element_count(type.shape)));
  for (int64_t outer = 0; outer < split.outer; ++outer)
    for (size_t i = 0; i < indices.size() / count; ++i)
      for (int64_t inner = 0; inner < split.inner; ++inner) {
        double sum = bias.empty() ? 0.0 : bias[i];
        for (size_t t = i * count; t < (i + 1) * count; ++t)
          if (weights[t] != 0.0)
            sum += weights[t] * x.number(static_cast<size_t>((outer * split.size + indices[t]) * split.inner + inner));
        y.push_back(sum);
      }
  return {Array::of_doubles(type.shape, std::move(y), type.dtype)};
}

std::unique_ptr<Op> Resample::permuted(const Permutation& permutation, const Node& node) const {
  (void)node;
  auto op = std::make_unique<Resample>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

void Resample::emit(const Node& node, emit::Context& context) const {
  const AxisSplit split = split_at(node.in(0).shape(), axis);
  const auto outputs = static_cast<size_t>(node.out().shape()[static_cast<size_t>(axis)]);
  const std::vector<int32_t> table(indices.begin(), indices.end());
  if (integer) return emit_integer(*this, node, context);
  std::vector<float> factors(weights.begin(), weights.end());
  factors.resize(factors.size() + outputs, 0.0f);
  std::copy(bias.begin(), bias.end(), factors.end() - static_cast<std::ptrdiff_t>(outputs));
  context.step(
      node,
      fb::CreateResample(context.builder(), static_cast<int32_t>(split.outer), static_cast<int32_t>(split.size),
                         static_cast<int32_t>(outputs), static_cast<int32_t>(split.inner), static_cast<int32_t>(taps),
                         context.buffer(std::span(table)), context.buffer(std::span(factors))),
      {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

}  // namespace linnet::ops
