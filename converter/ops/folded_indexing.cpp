// Gathering and scattering of single elements, for folding.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/folded.hpp"
#include "converter/ops/functions.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

using Types = std::vector<const TensorType*>;
using Arrays = std::vector<const Array*>;

void require_indices(const TensorType& type) {
  if (is_floating(type.dtype) || type.dtype == DType::boolean)
    throw Error(fmt::format("indices have element type {}, supported are integers", ir::name(type.dtype)));
}

// An index that may count from the end.
int64_t position(int64_t index, int64_t size) {
  if (index < -size || index >= size) throw Error(fmt::format("index {} on an axis of {} elements", index, size));
  return index < 0 ? index + size : index;
}

// For every element of `indices`, the offset in `shape` of the element at its coordinates, but that the one along
// `axis` is the index.
std::vector<int64_t> offsets_along(const Array& indices, const Shape& shape, size_t axis) {
  std::vector<int64_t> strides = row_major_strides(shape);
  const int64_t along = std::exchange(strides[axis], 0);
  std::vector<int64_t> offsets = strided_offsets(indices.shape(), strides);
  for (size_t i = 0; i < offsets.size(); ++i) offsets[i] += along * position(indices.integer(i), shape[axis]);
  return offsets;
}

void require_fits(const TensorType& data, const TensorType& indices, int64_t axis) {
  require_indices(indices);
  bool fits = indices.shape.size() == data.shape.size();
  for (size_t d = 0; fits && d < data.shape.size(); ++d)
    fits = d == static_cast<size_t>(axis) || indices.shape[d] <= data.shape[d];
  if (!fits)
    throw Error(fmt::format("indices of shape {} for data of {}", to_string(indices.shape), to_string(data.shape)));
}

enum class Reduction : uint8_t { none, add, mul, max, min };

Reduction reduction_of(OnnxContext& context, int since, int since_extremes) {
  const std::string text = context.opset() >= since ? context.text("reduction", "none") : "none";
  const std::string_view names[] = {"none", "add", "mul", "max", "min"};
  const auto known = std::end(names) - (context.opset() >= since_extremes ? 0 : 2);
  const auto found = std::find(std::begin(names), known, text);
  if (found == known)
    context.fail(fmt::format("reduction {}; supported are {}", text, fmt::join(std::begin(names), known, ", ")));
  return static_cast<Reduction>(found - std::begin(names));
}

template <class T>
T reduced(Reduction reduction, T old, T update) {
  switch (reduction) {
    case Reduction::add:
      return wrapping_sum(old, update);
    case Reduction::mul:
      return wrapping_product(old, update);
    case Reduction::max:
      return old < update || update != update ? update : old;
    case Reduction::min:
      return old > update || update != update ? update : old;
    case Reduction::none:
      break;
  }
  return update;
}

// Data with update i at offset[i], one after the other.
Array scattered(const Array& data, const std::vector<int64_t>& offsets, const Array& updates, Reduction reduction) {
  return typed(data, data.shape(), [&](auto values) {
    std::decay_t<decltype(values)> changes;
    if constexpr (std::is_same_v<std::decay_t<decltype(values)>, std::vector<double>>)
      changes = updates.doubles();
    else
      changes = updates.integers();
    for (size_t i = 0; i < offsets.size(); ++i) {
      auto& value = values[static_cast<size_t>(offsets[i])];
      value = reduced(reduction, value, changes[i]);
    }
    return values;
  });
}

// The offsets in `shape` of the blocks that the rows of `indices` (of their last dimension) point at, where the first
// `batch` dimensions of both go together.
std::vector<int64_t> block_offsets(const Array& indices, const Shape& shape, size_t batch) {
  const auto depth = static_cast<size_t>(indices.shape().back());
  const std::vector<int64_t> strides = row_major_strides(shape);
  const Shape rows(indices.shape().begin(), indices.shape().end() - 1);
  std::vector<int64_t> batch_strides(rows.size(), 0);
  std::copy_n(strides.begin(), batch, batch_strides.begin());
  std::vector<int64_t> offsets = strided_offsets(rows, batch_strides);
  for (size_t i = 0; i < offsets.size(); ++i)
    for (size_t d = 0; d < depth; ++d)
      offsets[i] += position(indices.integer(i * depth + d), shape[batch + d]) * strides[batch + d];
  return offsets;
}

// The sizes of a block: what the rows of indices do not choose.
Shape block_shape(const TensorType& data, const TensorType& indices, size_t batch) {
  require_indices(indices);
  const size_t rank = data.shape.size();
  bool fits = !indices.shape.empty() && batch < rank && batch < indices.shape.size() && indices.shape.back() >= 1 &&
              indices.shape.back() <= static_cast<int64_t>(rank - batch);
  for (size_t d = 0; fits && d < batch; ++d) fits = indices.shape[d] == data.shape[d];
  if (!fits)
    throw Error(fmt::format("indices of shape {} for data of {} and {} batch dimensions", to_string(indices.shape),
                            to_string(data.shape), batch));
  return {data.shape.begin() + static_cast<std::ptrdiff_t>(batch) + indices.shape.back(), data.shape.end()};
}

// Every element of the blocks at `offsets`.
std::vector<int64_t> block_elements(const std::vector<int64_t>& offsets, int64_t size) {
  std::vector<int64_t> elements;
  for (const int64_t offset : offsets)
    for (int64_t i = 0; i < size; ++i) elements.push_back(offset + i);
  return elements;
}

}  // namespace

std::vector<Value*> import_gather_elements(OnnxContext& context) {
  const int64_t axis = normalized_axis(context.integer("axis", 0), context.input(0)->shape().size());
  const auto types = [axis](const Types& inputs) -> std::vector<TensorType> {
    const TensorType &data = required(inputs, 0, "data"), &indices = required(inputs, 1, "indices");
    require_fits(data, indices, axis);
    return {{data.dtype, indices.shape}};
  };
  const auto compute = [axis](const Arrays& inputs) -> std::vector<Array> {
    const Array &data = *inputs[0], &indices = *inputs[1];
    return {data.gathered(indices.shape(), offsets_along(indices, data.shape(), static_cast<size_t>(axis)))};
  };
  return fold(context, 2, fmt::format("{}", axis), types, compute);
}

std::vector<Value*> import_scatter_elements(OnnxContext& context) {
  const int64_t axis = normalized_axis(context.integer("axis", 0), context.input(0)->shape().size());
  const Reduction reduction = reduction_of(context, 16, 18);
  const auto types = [axis](const Types& inputs) -> std::vector<TensorType> {
    const TensorType &data = required(inputs, 0, "data"), &indices = required(inputs, 1, "indices");
    const TensorType& updates = required(inputs, 2, "updates");
    require_fits(data, indices, axis);
    require_same_dtype(data, updates, "data and updates");
    require_shape(updates, indices.shape, "updates");
    return {data};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array &data = *inputs[0], &indices = *inputs[1];
    return {scattered(data, offsets_along(indices, data.shape(), static_cast<size_t>(axis)), *inputs[2], reduction)};
  };
  return fold(context, 3, fmt::format("{} {}", axis, static_cast<int>(reduction)), types, compute);
}

std::vector<Value*> import_gather_nd(OnnxContext& context) {
  const int64_t batch_dims = context.opset() >= 12 ? context.integer("batch_dims", 0) : 0;
  if (batch_dims < 0) context.fail(fmt::format("batch_dims is {}, supported are 0 and more", batch_dims));
  const auto batch = static_cast<size_t>(batch_dims);
  const auto types = [batch](const Types& inputs) -> std::vector<TensorType> {
    const TensorType &data = required(inputs, 0, "data"), &indices = required(inputs, 1, "indices");
    const Shape block = block_shape(data, indices, batch);
    Shape shape(indices.shape.begin(), indices.shape.end() - 1);
    shape.insert(shape.end(), block.begin(), block.end());
    return {{data.dtype, shape}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array &data = *inputs[0], &indices = *inputs[1];
    const int64_t size = element_count(block_shape(data.type(), indices.type(), batch));
    return {data.gathered(types(types_of(inputs))[0].shape,
                          block_elements(block_offsets(indices, data.shape(), batch), size))};
  };
  return fold(context, 2, fmt::format("{}", batch), types, compute);
}

// Exporters write it for assignments to slices in shape arithmetic and in constant masks.
std::vector<Value*> import_scatter_nd(OnnxContext& context) {
  const Reduction reduction = reduction_of(context, 16, 18);
  const auto types = [](const Types& inputs) -> std::vector<TensorType> {
    const TensorType &data = required(inputs, 0, "data"), &indices = required(inputs, 1, "indices");
    const TensorType& updates = required(inputs, 2, "updates");
    const Shape block = block_shape(data, indices, 0);
    Shape shape(indices.shape.begin(), indices.shape.end() - 1);
    shape.insert(shape.end(), block.begin(), block.end());
    require_same_dtype(data, updates, "data and updates");
    require_shape(updates, shape, "updates");
    return {data};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array &data = *inputs[0], &indices = *inputs[1];
    const int64_t size = element_count(block_shape(data.type(), indices.type(), 0));
    return {scattered(data, block_elements(block_offsets(indices, data.shape(), 0), size), *inputs[2], reduction)};
  };
  return fold(context, 3, fmt::format("{}", static_cast<int>(reduction)), types, compute);
}

}  // namespace linnet::ops
