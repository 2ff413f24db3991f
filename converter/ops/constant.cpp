// Importers of operators that are always constants here: literals, and arithmetic on shapes, which are static.
#include <cmath>

#include <fmt/format.h>

#include "converter/import/onnx_context.hpp"
#include "converter/ops/axes.hpp"

namespace linnet::ops {

using namespace linnet::ir;

namespace {

// A tensor made from nothing may not exceed what a model file could hold.
constexpr int64_t kMaximumMade = int64_t{1} << 28;

void require_count(import::OnnxContext& context, double count) {
  if (!(count <= static_cast<double>(kMaximumMade)))
    context.fail(fmt::format("makes {} elements; supported are up to {}", count, kMaximumMade));
}

Array filled(const Shape& shape, const Array& value) {
  return value.gathered(shape, std::vector<int64_t>(static_cast<size_t>(element_count(shape)), 0));
}

Array vector_of(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Array::of_integers({count}, std::move(values));
}

}  // namespace

std::vector<Value*> import_constant(import::OnnxContext& context) {
  for (const std::string_view name : {"value", "sparse_value"})
    if (std::optional<Array> array = context.tensor(name)) return {context.add_constant(std::move(*array), "")};
  if (context.has("value_float")) return {context.add_constant(Array::scalar(context.number("value_float", 0.0)), "")};
  if (context.has("value_int"))
    return {context.add_constant(Array::of_integers({}, {context.integer("value_int", 0)}), "")};
  if (context.has("value_floats")) {
    std::vector<double> values = context.numbers("value_floats");
    const auto count = static_cast<int64_t>(values.size());
    return {context.add_constant(Array::of_doubles({count}, std::move(values)), "")};
  }
  if (context.has("value_ints")) return {context.add_constant(vector_of(context.integers("value_ints")), "")};
  context.fail("has none of the attributes value, sparse_value, value_float, value_floats, value_int, value_ints");
}

std::vector<Value*> import_constant_of_shape(import::OnnxContext& context) {
  const Shape shape = context.constant(0, "shape").integers();
  const Array value = context.tensor("value").value_or(Array::of_floats({1}, {0.0f}));
  if (value.size() != 1) context.fail(fmt::format("attribute value has {} elements, wanted 1", value.size()));
  require_count(context, static_cast<double>(element_count(shape)));
  return {context.add_constant(filled(shape, value), "")};
}

std::vector<Value*> import_shape(import::OnnxContext& context) {
  const Shape& shape = context.input(0)->shape();
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t start = 0, end = rank;
  if (context.opset() >= 15) {
    start = context.integer("start", 0);
    end = context.integer("end", rank);
  }
  const auto position = [&](int64_t value) { return std::clamp<int64_t>(value < 0 ? value + rank : value, 0, rank); };
  const int64_t first = position(start), last = std::max(first, position(end));
  return {context.add_constant(vector_of({shape.begin() + first, shape.begin() + last}), "")};
}

std::vector<Value*> import_size(import::OnnxContext& context) {
  return {context.add_constant(Array::of_integers({}, {element_count(context.input(0)->shape())}), "")};
}

std::vector<Value*> import_range(import::OnnxContext& context) {
  const Array start = context.constant(0, "start"), limit = context.constant(1, "limit"),
              delta = context.constant(2, "delta");
  if (start.size() != 1 || limit.size() != 1 || delta.size() != 1)
    context.fail("start, limit and delta must be scalars");
  if (delta.number(0) == 0.0 || std::isnan(delta.number(0))) context.fail(fmt::format("delta is {}", delta.number(0)));
  if (start.floating()) {
    const double count = std::max(std::ceil((limit.number(0) - start.number(0)) / delta.number(0)), 0.0);
    require_count(context, count);
    std::vector<double> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = start.number(0) + static_cast<double>(i) * delta.number(0);
    const auto size = static_cast<int64_t>(values.size());
    return {context.add_constant(Array::of_doubles({size}, std::move(values), start.dtype()), "")};
  }
  const __int128 first = start.integer(0), step = delta.integer(0), distance = limit.integer(0) - first;
  const __int128 count = (distance < 0) == (step < 0) ? (distance + step - (step < 0 ? -1 : 1)) / step : 0;
  require_count(context, static_cast<double>(count));
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(first + static_cast<__int128>(i) * step);
  const auto size = static_cast<int64_t>(values.size());
  return {context.add_constant(Array::of_integers({size}, std::move(values), start.dtype()), "")};
}

std::vector<Value*> import_non_zero(import::OnnxContext& context) {
  const Array& x = context.constant(0, "X");
  const Shape shape = x.shape().empty() ? Shape{1} : x.shape();
  const std::vector<int64_t> strides = row_major_strides(shape);
  std::vector<size_t> found;
  for (size_t i = 0; i < x.size(); ++i)
    if (x.number(i) != 0.0) found.push_back(i);
  std::vector<int64_t> coordinates;
  for (size_t d = 0; d < shape.size(); ++d)
    for (const size_t i : found) coordinates.push_back(static_cast<int64_t>(i) / strides[d] % shape[d]);
  const Shape result{static_cast<int64_t>(shape.size()), static_cast<int64_t>(found.size())};
  return {context.add_constant(Array::of_integers(result, std::move(coordinates)), "")};
}

}  // namespace linnet::ops
