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
  if (delta.number(0) == 0.0) context.fail("delta is 0");
  const double count = std::max(std::ceil((limit.number(0) - start.number(0)) / delta.number(0)), 0.0);
  require_count(context, count);
  const auto size = static_cast<int64_t>(count);
  if (start.floating()) {
    std::vector<double> values(static_cast<size_t>(size));
    for (size_t i = 0; i < values.size(); ++i) values[i] = start.number(0) + static_cast<double>(i) * delta.number(0);
    return {context.add_constant(Array::of_doubles({size}, std::move(values), start.dtype()), "")};
  }
  std::vector<int64_t> values(static_cast<size_t>(size));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] =
        static_cast<int64_t>(static_cast<uint64_t>(start.integer(0)) + i * static_cast<uint64_t>(delta.integer(0)));
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

// Exporters write it for assignments to slices in shape arithmetic and in constant masks.
std::vector<Value*> import_scatter_nd(import::OnnxContext& context) {
  const Array data = context.constant(0, "data"), indices = context.constant(1, "indices"),
              updates = context.constant(2, "updates");
  if (context.opset() >= 16 && context.text("reduction", "none") != "none")
    context.fail(fmt::format("reduction {}; supported is none", context.text("reduction", "none")));
  const Shape& shape = data.shape();
  const int64_t depth = indices.shape().empty() ? 0 : indices.shape().back();
  if (depth < 1 || depth > static_cast<int64_t>(shape.size()))
    context.fail(fmt::format("indices of shape {} for data of {}", to_string(indices.shape()), to_string(shape)));
  const int64_t inner = element_count({shape.begin() + depth, shape.end()});
  const auto count = static_cast<int64_t>(indices.size()) / depth;
  if (static_cast<int64_t>(updates.size()) != count * inner || updates.dtype() != data.dtype())
    context.fail(fmt::format("updates {} for indices of {} and data {}", to_string(updates.type()),
                             to_string(indices.shape()), to_string(data.type())));
  const std::vector<int64_t> strides = row_major_strides(shape);
  std::vector<double> numbers = data.floating() ? data.doubles() : std::vector<double>{};
  std::vector<int64_t> integers = data.floating() ? std::vector<int64_t>{} : data.integers();
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (int64_t d = 0; d < depth; ++d) {
      const int64_t size = shape[static_cast<size_t>(d)];
      int64_t index = indices.integer(static_cast<size_t>(i * depth + d));
      index = index < 0 ? index + size : index;
      if (index < 0 || index >= size)
        context.fail(fmt::format("index {} on axis {} of {}", index, d, to_string(shape)));
      offset += index * strides[static_cast<size_t>(d)];
    }
    for (int64_t k = 0; k < inner; ++k) {
      const auto from = static_cast<size_t>(i * inner + k), to = static_cast<size_t>(offset + k);
      if (data.floating())
        numbers[to] = updates.number(from);
      else
        integers[to] = updates.integer(from);
    }
  }
  Array result = data.floating() ? Array::of_doubles(shape, std::move(numbers), data.dtype())
                                 : Array::of_integers(shape, std::move(integers), data.dtype());
  return {context.add_constant(std::move(result), "")};
}

}  // namespace linnet::ops
