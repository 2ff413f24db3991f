// Compare, Logical, Mod and Where, for folding, with their importers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "converter/import/onnx_context.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

constexpr std::string_view kComparisonNames[] = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
constexpr std::string_view kLogicalNames[] = {"And", "Or", "Xor", "Not"};

template <class T>
bool compare(Comparison comparison, T a, T b) {
  switch (comparison) {
    case Comparison::Equal:
      return a == b;
    case Comparison::Less:
      return a < b;
    case Comparison::LessOrEqual:
      return a <= b;
    case Comparison::Greater:
      return a > b;
    case Comparison::GreaterOrEqual:
      return a >= b;
  }
  return false;
}

bool combine(LogicalFunction function, bool a, bool b) {
  switch (function) {
    case LogicalFunction::And:
      return a && b;
    case LogicalFunction::Or:
      return a || b;
    case LogicalFunction::Xor:
      return a != b;
    case LogicalFunction::Not:
      return !a;
  }
  return false;
}

void require_boolean(const TensorType& type, std::string_view what) {
  if (type.dtype != DType::boolean)
    throw Error(fmt::format("{} has element type {}, expected bool", what, ir::name(type.dtype)));
}

// The position of `text` in a table of names, as the enumeration it names.
template <class Enumeration, size_t kCount>
Enumeration named(OnnxContext& context, const std::string_view (&names)[kCount]) {
  const auto found = std::find(std::begin(names), std::end(names), context.op_type());
  if (found == std::end(names)) context.fail("unknown operator");
  return static_cast<Enumeration>(found - std::begin(names));
}

}  // namespace

void Compare::attributes(AttributeWriter& writer) const {
  writer.add("comparison", kComparisonNames[static_cast<size_t>(comparison)]);
}

std::vector<TensorType> Compare::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& a = required(inputs, 0, "a");
  const TensorType& b = required(inputs, 1, "b");
  require_same_dtype(a, b, "a and b");
  return {{DType::boolean, broadcast(a.shape, b.shape)}};
}

std::vector<Array> Compare::evaluate(const std::vector<const Array*>& inputs) const {
  const Array &a = *inputs[0], &b = *inputs[1];
  const Shape shape = broadcast(a.shape(), b.shape());
  std::vector<int64_t> result;
  const std::array<std::vector<int64_t>, 2> strides = {broadcast_strides(a.shape(), shape),
                                                       broadcast_strides(b.shape(), shape)};
  for_each_position(shape, strides, [&](const std::array<int64_t, 2>& offsets) {
    const auto i = static_cast<size_t>(offsets[0]), j = static_cast<size_t>(offsets[1]);
    result.push_back(a.floating() ? compare(comparison, a.number(i), b.number(j))
                                  : compare(comparison, a.integer(i), b.integer(j)));
  });
  return {Array::of_integers(shape, std::move(result), DType::boolean)};
}

void Logical::attributes(AttributeWriter& writer) const {
  writer.add("function", kLogicalNames[static_cast<size_t>(function)]);
}

std::vector<TensorType> Logical::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& a = required(inputs, 0, "a");
  require_boolean(a, "a");
  if (function == LogicalFunction::Not) return {a};
  const TensorType& b = required(inputs, 1, "b");
  require_boolean(b, "b");
  return {{DType::boolean, broadcast(a.shape, b.shape)}};
}

std::vector<Array> Logical::evaluate(const std::vector<const Array*>& inputs) const {
  const Array &a = *inputs[0], &b = function == LogicalFunction::Not ? a : *inputs[1];
  const Shape shape = broadcast(a.shape(), b.shape());
  std::vector<int64_t> result;
  const std::array<std::vector<int64_t>, 2> strides = {broadcast_strides(a.shape(), shape),
                                                       broadcast_strides(b.shape(), shape)};
  for_each_position(shape, strides, [&](const std::array<int64_t, 2>& offsets) {
    const bool x = a.integer(static_cast<size_t>(offsets[0])) != 0, y = b.integer(static_cast<size_t>(offsets[1])) != 0;
    result.push_back(combine(function, x, y));
  });
  return {Array::of_integers(shape, std::move(result), DType::boolean)};
}

void Mod::attributes(AttributeWriter& writer) const {
  writer.add("c_style", c_style);
}

std::vector<TensorType> Mod::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& a = required(inputs, 0, "a");
  const TensorType& b = required(inputs, 1, "b");
  require_same_dtype(a, b, "a and b");
  if (is_floating(a.dtype) && !c_style) throw Error("floating element types require fmod=1, got fmod=0");
  return {{a.dtype, broadcast(a.shape, b.shape)}};
}

std::vector<Array> Mod::evaluate(const std::vector<const Array*>& inputs) const {
  const Array &a = *inputs[0], &b = *inputs[1];
  const Shape shape = broadcast(a.shape(), b.shape());
  const std::array<std::vector<int64_t>, 2> strides = {broadcast_strides(a.shape(), shape),
                                                       broadcast_strides(b.shape(), shape)};
  const auto combine_all = [&](const auto& x, const auto& y, auto remainder) {
    std::decay_t<decltype(x)> result;
    for_each_position(shape, strides, [&](const std::array<int64_t, 2>& offsets) {
      result.push_back(remainder(x[static_cast<size_t>(offsets[0])], y[static_cast<size_t>(offsets[1])]));
    });
    return result;
  };
  if (a.floating()) {
    const auto remainder = [](double x, double y) { return std::fmod(x, y); };
    return {Array::of_doubles(shape, combine_all(a.doubles(), b.doubles(), remainder), a.dtype())};
  }
  const auto remainder = [this](int64_t x, int64_t y) {
    if (y == 0) throw Error("division by zero");
    const int64_t rest = y == -1 ? 0 : x % y;  // INT64_MIN % -1 would overflow
    return !c_style && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
  };
  return {Array::of_integers(shape, combine_all(a.integers(), b.integers(), remainder), a.dtype())};
}

void Where::attributes(AttributeWriter&) const {}

std::vector<TensorType> Where::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& condition = required(inputs, 0, "condition");
  const TensorType& a = required(inputs, 1, "a");
  const TensorType& b = required(inputs, 2, "b");
  require_boolean(condition, "condition");
  require_same_dtype(a, b, "a and b");
  return {{a.dtype, broadcast(condition.shape, broadcast(a.shape, b.shape))}};
}

std::vector<Array> Where::evaluate(const std::vector<const Array*>& inputs) const {
  const Array &condition = *inputs[0], &a = *inputs[1], &b = *inputs[2];
  const Shape shape = infer(types_of(inputs))[0].shape;
  const std::array<std::vector<int64_t>, 3> strides = {broadcast_strides(condition.shape(), shape),
                                                       broadcast_strides(a.shape(), shape),
                                                       broadcast_strides(b.shape(), shape)};
  const auto select = [&](const auto& x, const auto& y) {
    std::decay_t<decltype(x)> result;
    for_each_position(shape, strides, [&](const std::array<int64_t, 3>& offsets) {
      const bool first = condition.integer(static_cast<size_t>(offsets[0])) != 0;
      result.push_back(first ? x[static_cast<size_t>(offsets[1])] : y[static_cast<size_t>(offsets[2])]);
    });
    return result;
  };
  if (a.floating()) return {Array::of_doubles(shape, select(a.doubles(), b.doubles()), a.dtype())};
  return {Array::of_integers(shape, select(a.integers(), b.integers()), a.dtype())};
}

std::vector<Value*> import_compare(OnnxContext& context) {
  auto op = std::make_unique<Compare>();
  op->comparison = named<Comparison>(context, kComparisonNames);
  return {context.add(std::move(op), {context.input(0), context.input(1)})};
}

std::vector<Value*> import_logical(OnnxContext& context) {
  auto op = std::make_unique<Logical>();
  op->function = named<LogicalFunction>(context, kLogicalNames);
  std::vector<Value*> inputs = {context.input(0)};
  if (op->function != LogicalFunction::Not) inputs.push_back(context.input(1));
  return {context.add(std::move(op), inputs)};
}

std::vector<Value*> import_mod(OnnxContext& context) {
  auto op = std::make_unique<Mod>();
  op->c_style = context.integer("fmod", 0) != 0;
  return {context.add(std::move(op), {context.input(0), context.input(1)})};
}

std::vector<Value*> import_where(OnnxContext& context) {
  return {context.add(std::make_unique<Where>(), {context.input(0), context.input(1), context.input(2)})};
}

}  // namespace linnet::ops
