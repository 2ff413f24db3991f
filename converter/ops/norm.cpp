#include "converter/ops/norm.hpp"

#include "converter/ops/moments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "converter/ops/axes.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"

namespace linnet::ops {

using kernels::NormKind;

namespace {

std::string_view name_of(NormKind kind) {
  return fb::EnumNameNormKind(static_cast<fb::NormKind>(kind));
}

// What the elements' difference from `offset` is multiplied with.
struct Normalization {
  double offset, factor;
};

// Where the epsilon of a Layer or Rms normalization stands.
struct Epsilon {
  double value;
  bool outside;

  double root(double variance) const { return outside ? std::sqrt(variance) + value : std::sqrt(variance + value); }
};

template <class ForEach>
Normalization layer_normalization(ForEach&& for_each, int64_t count, const Epsilon& epsilon) {
  double sum = 0.0, squares = 0.0;
  for_each([&](double x) { sum += x; });
  const double mean = sum / static_cast<double>(count);
  for_each([&](double x) { squares += (x - mean) * (x - mean); });
  return {mean, 1.0 / epsilon.root(squares / static_cast<double>(count))};
}

Normalization row_normalization(NormKind kind, std::span<const double> row, const Epsilon& epsilon) {
  const auto count = static_cast<int64_t>(row.size());
  if (kind == NormKind::Layer) {
    const auto for_each = [&](auto&& visit) { std::for_each(row.begin(), row.end(), visit); };
    return layer_normalization(for_each, count, epsilon);
  }
  const double squares = std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
  if (kind == NormKind::L2 && !epsilon.outside) return {0.0, 1.0 / std::max(std::sqrt(squares), epsilon.value)};
  return {0.0, 1.0 / epsilon.root(kind == NormKind::L2 ? squares : squares / static_cast<double>(count))};
}

Shape normalized_shape(const Shape& shape, int64_t axis) {
  return {shape.begin() + axis, shape.end()};
}

// Channel `c` of image `n` in x [N, C, pixels] or [N, pixels, C].
struct Channels {
  int64_t count, pixels;
  bool last;

  int64_t element(int64_t n, int64_t c, int64_t p) const {
    return last ? (n * pixels + p) * count + c : (n * count + c) * pixels + p;
  }
};

Channels channels_of(const Shape& shape, bool last) {
  const int64_t count = last ? shape.back() : shape[1];
  return {count, count == 0 || shape[0] == 0 ? 0 : element_count(shape) / shape[0] / count, last};
}

void require_integer_norm(const RowNorm& op, const TensorType& x) {
  const Quantization fixed = {{1.0f / 128.0f}, {0}};
  require_quantized(x, "x");
  if (op.kind != NormKind::L2 || op.fused.function != Function::Identity)
    throw Error(fmt::format("{} of integers; supported is L2 without an activation", name_of(op.kind)));
  if (x.dtype != DType::i8 || op.integer->dtype != DType::i8 || op.integer->quantization != fixed)
    throw Error(fmt::format("from {} to {}; supported with integers is from i8 to i8 with {}", to_string(x),
                            to_string(op.integer->type(x.shape)), to_string(fixed)));
}

}  // namespace

void RowNorm::attributes(AttributeWriter& writer) const {
  writer.add("kind", name_of(kind));
  writer.add("axis", axis);
  writer.add("epsilon", epsilon);
  if (epsilon_outside) writer.add("epsilon_outside", epsilon_outside);
  writer.add("fused", fused);
  writer.add("integer", integer);
}

std::vector<TensorType> RowNorm::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  if (!integer) require_floating(x, "x");
  require_axis(axis, x.shape);
  require_epsilon(epsilon);
  const Shape row = normalized_shape(x.shape, axis);
  if (element_count(row) == 0) throw Error(fmt::format("normalizes over no elements: x is {}", to_string(x.shape)));
  if (integer) {
    require_integer_norm(*this, x);
    return {integer->type(x.shape)};
  }
  for (size_t i = 1; i < 3; ++i) {
    const TensorType* parameter = optional(inputs, i);
    if (parameter == nullptr) continue;
    require_floating(*parameter, i == 1 ? "gain" : "shift");
    require_shape(*parameter, row, i == 1 ? "gain" : "shift");
  }
  return {x};
}

std::vector<Array> RowNorm::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array& x = *inputs[0];
  std::vector<double> values = x.doubles();
  const Array *gain = optional(inputs, 1), *shift = optional(inputs, 2);
  const auto size = static_cast<size_t>(element_count(normalized_shape(x.shape(), axis)));
  for (size_t begin = 0; begin < values.size(); begin += size) {
    const Normalization row = row_normalization(kind, {values.data() + begin, size}, {epsilon, epsilon_outside});
    for (size_t i = 0; i < size; ++i) {
      double& value = values[begin + i];
      value = (value - row.offset) * row.factor;
      if (gain != nullptr) value *= gain->number(i);
      if (shift != nullptr) value += shift->number(i);
    }
  }
  return {finish(x.shape(), std::move(values), x.dtype(), fused)};
}

// The normalized dimensions must stay the last ones, and in their order where each has parameters of its own.
std::unique_ptr<Op> RowNorm::permuted(const Permutation& permutation, const Node& node) const {
  for (auto d = static_cast<size_t>(axis); d < permutation.size(); ++d) {
    const bool in_order = permutation[d] == static_cast<int64_t>(d);
    if (permutation[d] < axis || (!in_order && (node.has(1) || node.has(2)))) return nullptr;
  }
  return clone();
}

bool RowNorm::in_place(const Node&, size_t index) const {
  return index == 0;
}

void RowNorm::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_float_arithmetic(node);
  const auto parameter = [&](size_t index, std::string_view what) {
    const Array* array = constant_input(node, index, what);
    return array != nullptr ? context.buffer(array->floats()) + 1 : 0;
  };
  const uint32_t gain = parameter(1, "gain"), shift = parameter(2, "shift");
  const fb::Activation activation = emit::Context::activation(fused);
  const int32_t size = device_int(element_count(normalized_shape(node.in(0).shape(), axis)));
  const auto table = fb::CreateRowNorm(context.builder(), static_cast<fb::NormKind>(kind), size,
                                       static_cast<float>(epsilon), gain, shift, &activation, epsilon_outside);
  context.step(node, table, {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

void GroupNorm::attributes(AttributeWriter& writer) const {
  writer.add("groups", groups);
  writer.add("epsilon", epsilon);
  if (epsilon_outside) writer.add("epsilon_outside", epsilon_outside);
  writer.add("channels_last", channels_last);
  if (moment_rows > 0) writer.add("moment_rows", moment_rows);
  writer.add("fused", fused);
}

std::vector<TensorType> GroupNorm::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  require_floating(x, "x");
  if (x.shape.size() < 2) throw Error(fmt::format("x has shape {}, supported are rank 2 and more", to_string(x.shape)));
  require_epsilon(epsilon);
  const int64_t channels = channels_last ? x.shape.back() : x.shape[1];
  if (groups < 1 || channels % groups != 0)
    throw Error(
        fmt::format("{} groups do not divide the {} channels of x, shape {}", groups, channels, to_string(x.shape)));
  for (size_t i = 1; i < 3; ++i) {
    const std::string_view what = i == 1 ? "scale" : "shift";
    const TensorType& parameter = required(inputs, i, what);
    require_floating(parameter, what);
    require_shape(parameter, {channels}, what);
  }
  if (const TensorType* moments = optional(inputs, 3))
    require_shape(*moments, moments_shape(x.shape, moment_rows), "moments");
  return {x};
}

std::vector<Array> GroupNorm::evaluate(const std::vector<const Array*>& inputs) const {
  const Array& x = *inputs[0];
  std::vector<double> values = x.doubles();
  const Channels view = channels_of(x.shape(), channels_last);
  const int64_t width = view.count / groups;
  for (int64_t n = 0; n < x.shape()[0]; ++n) {
    for (int64_t group = 0; group < groups; ++group) {
      const auto for_each_element = [&](auto&& visit) {
        for (int64_t c = group * width; c < (group + 1) * width; ++c)
          for (int64_t p = 0; p < view.pixels; ++p) visit(values[view.element(n, c, p)], c);
      };
      const Normalization norm =
          layer_normalization([&](auto&& visit) { for_each_element([&](double value, int64_t) { visit(value); }); },
                              width * view.pixels, {epsilon, epsilon_outside});
      for_each_element([&](double& value, int64_t c) {
        value = (value - norm.offset) * norm.factor * inputs[1]->number(c) + inputs[2]->number(c);
      });
    }
  }
  return {finish(x.shape(), std::move(values), x.dtype(), fused)};
}

bool GroupNorm::in_place(const Node&, size_t index) const {
  return index == 0;
}

void GroupNorm::emit(const Node& node, emit::Context& context) const {
  require_float_arithmetic(node);
  if (!channels_last) throw Error("has its channels in dimension 1, the device supports the last dimension");
  std::vector<float> parameters = constant_input(node, 1, "scale")->floats();
  const std::vector<float> shift = constant_input(node, 2, "shift")->floats();
  parameters.insert(parameters.end(), shift.begin(), shift.end());
  const fb::Activation activation = emit::Context::activation(fused);
  const auto table =
      fb::CreateGroupNorm(context.builder(), device_int(groups), static_cast<float>(epsilon),
                          context.buffer(parameters), &activation, epsilon_outside, device_int(moment_rows));
  std::vector<uint32_t> inputs = {context.tensor(node.in(0))};
  if (node.has(3)) inputs.push_back(context.tensor(node.in(3)));
  context.step(node, table, inputs, {context.tensor(node.out())});
}

}  // namespace linnet::ops
