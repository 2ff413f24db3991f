// Running sums, orders and masks, for folding.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "converter/import/tensor_reader.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/folded.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

using Types = std::vector<const TensorType*>;
using Arrays = std::vector<const Array*>;

std::vector<TensorType> same_type(const Types& inputs) {
  return {required(inputs, 0, "x")};
}

int64_t constant_scalar(OnnxContext& context, size_t index, std::string_view what) {
  const Array& array = context.constant(index, what);
  if (array.size() != 1)
    context.fail(fmt::format("input {} ({}) has shape {}, expected one number", index, what, to_string(array.shape())));
  return array.integer(0);
}

// The results of `combine` from the first element of each column along `axis` on.
template <class Start, class Combine>
std::vector<Value*> running(OnnxContext& context, Start start, Combine combine) {
  const int64_t axis = normalized_axis(constant_scalar(context, 1, "axis"), context.input(0)->shape().size());
  const bool exclusive = context.integer("exclusive", 0) != 0, reverse = context.integer("reverse", 0) != 0;
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const AxisSplit view = split_at(inputs[0]->shape(), axis);
    return {typed(*inputs[0], inputs[0]->shape(), [&](auto values) {
      using T = typename decltype(values)::value_type;
      for (int64_t column = 0; column < view.outer * view.inner; ++column) {
        const int64_t first = column / view.inner * view.size * view.inner + column % view.inner;
        T held = static_cast<T>(start);
        for (int64_t s = 0; s < view.size; ++s) {
          T& value = values[static_cast<size_t>(first + (reverse ? view.size - 1 - s : s) * view.inner)];
          const T next = combine(held, value);
          value = exclusive ? held : next;
          held = next;
        }
      }
      return values;
    })};
  };
  return fold(context, 1, fmt::format("{} {} {}", axis, exclusive, reverse), same_type, compute);
}

// Orders numbers with NaN above all others.
bool below(double a, double b) {
  return std::isnan(b) ? !std::isnan(a) : a < b;
}
bool below(int64_t a, int64_t b) {
  return a < b;
}

// The positions of the elements of a column in order, the first of equal ones first.
template <class T>
std::vector<int64_t> order(const T* column, const AxisSplit& view, bool largest) {
  std::vector<int64_t> indices(static_cast<size_t>(view.size));
  std::iota(indices.begin(), indices.end(), 0);
  std::stable_sort(indices.begin(), indices.end(), [&](int64_t a, int64_t b) {
    const T x = column[a * view.inner], y = column[b * view.inner];
    return largest ? below(y, x) : below(x, y);
  });
  return indices;
}

// The positions of the k first elements in order, in the layout of the result.
template <class T>
std::vector<int64_t> top(const std::vector<T>& values, const AxisSplit& view, int64_t k, bool largest) {
  std::vector<int64_t> result(static_cast<size_t>(view.outer * k * view.inner));
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t i = 0; i < view.inner; ++i) {
      const std::vector<int64_t> sorted = order(values.data() + o * view.size * view.inner + i, view, largest);
      for (int64_t s = 0; s < k; ++s)
        result[static_cast<size_t>((o * k + s) * view.inner + i)] = sorted[static_cast<size_t>(s)];
    }
  return result;
}

// Which of the entries along an axis are equal: `first` has the position of the first one of each kind, in the order of
// the result, `kind` the number of every entry's.
struct Kinds {
  std::vector<int64_t> first, kind, counts;
};

Kinds kinds_of(const Array& x, int64_t axis, bool sorted) {
  const AxisSplit view = split_at(x.shape(), axis);
  const auto compare = [&](int64_t a, int64_t b) {
    for (int64_t e = 0; e < view.outer * view.inner; ++e) {
      const int64_t base = e / view.inner * view.size * view.inner + e % view.inner;
      const auto i = static_cast<size_t>(base + a * view.inner), j = static_cast<size_t>(base + b * view.inner);
      const bool less = x.floating() ? below(x.number(i), x.number(j)) : x.integer(i) < x.integer(j);
      const bool more = x.floating() ? below(x.number(j), x.number(i)) : x.integer(j) < x.integer(i);
      if (less || more) return less ? -1 : 1;
    }
    return 0;
  };
  std::vector<int64_t> entries(static_cast<size_t>(view.size));
  std::iota(entries.begin(), entries.end(), 0);
  std::stable_sort(entries.begin(), entries.end(), [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  Kinds kinds{{}, std::vector<int64_t>(entries.size()), {}};
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i == 0 || compare(entries[i - 1], entries[i]) != 0)
      kinds.first.push_back(entries[i]), kinds.counts.push_back(0);
    kinds.kind[static_cast<size_t>(entries[i])] = static_cast<int64_t>(kinds.first.size()) - 1;
    ++kinds.counts.back();
  }
  if (sorted) return kinds;
  std::vector<int64_t> places(kinds.first.size()), position(kinds.first.size());
  std::iota(places.begin(), places.end(), 0);
  const auto at = [](const std::vector<int64_t>& list, int64_t i) { return list[static_cast<size_t>(i)]; };
  std::sort(places.begin(), places.end(),
            [&](int64_t a, int64_t b) { return at(kinds.first, a) < at(kinds.first, b); });
  Kinds result{{}, kinds.kind, {}};
  for (size_t i = 0; i < places.size(); ++i) {
    position[static_cast<size_t>(places[i])] = static_cast<int64_t>(i);
    result.first.push_back(at(kinds.first, places[i]));
    result.counts.push_back(at(kinds.counts, places[i]));
  }
  for (int64_t& kind : result.kind) kind = at(position, kind);
  return result;
}

Array vector_of(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Array::of_integers({count}, std::move(values));
}

Value* add_gather(OnnxContext& context, Value* x, int64_t axis, std::vector<int64_t> indices) {
  auto op = std::make_unique<Gather>();
  op->axis = axis;
  op->indices_shape = {static_cast<int64_t>(indices.size())};
  op->indices = std::move(indices);
  return context.add(std::move(op), {x});
}

}  // namespace

std::vector<Value*> import_cum_sum(OnnxContext& context) {
  return running(context, 0, [](auto a, auto b) { return wrapping_sum(a, b); });
}

std::vector<Value*> import_cum_prod(OnnxContext& context) {
  return running(context, 1, [](auto a, auto b) { return wrapping_product(a, b); });
}

std::vector<Value*> import_top_k(OnnxContext& context) {
  const int64_t axis = normalized_axis(context.integer("axis", -1), context.input(0)->shape().size());
  const int64_t k = context.opset() < 10 ? context.integer("k", -1) : constant_scalar(context, 1, "K");
  const bool largest = context.opset() < 11 || context.integer("largest", 1) != 0;
  if (context.opset() >= 11) context.integer("sorted", 1);  // any order is allowed without
  const auto types = [=](const Types& inputs) -> std::vector<TensorType> {
    TensorType values = required(inputs, 0, "X");
    int64_t& size = values.shape[static_cast<size_t>(axis)];
    if (k < 0 || k > size)
      throw Error(fmt::format("K is {}, supported are 0 to {}, the size of axis {}", k, size, axis));
    size = k;
    return {values, {DType::i64, values.shape}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array& x = *inputs[0];
    const Shape shape = types(types_of(inputs))[0].shape;
    const AxisSplit view = split_at(x.shape(), axis);
    std::vector<int64_t> indices =
        x.floating() ? top(x.doubles(), view, k, largest) : top(x.integers(), view, k, largest);
    std::vector<int64_t> source(indices.size());
    for (size_t i = 0; i < source.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      source[i] = (at / view.inner / k * view.size + indices[i]) * view.inner + at % view.inner;
    }
    return {x.gathered(shape, source), Array::of_integers(shape, std::move(indices))};
  };
  return fold(context, 1, fmt::format("{} {} {}", axis, k, largest), types, compute);
}

std::vector<Value*> import_trilu(OnnxContext& context) {
  const bool upper = context.integer("upper", 1) != 0;
  const int64_t k = context.optional_input(1) != nullptr ? constant_scalar(context, 1, "k") : 0;
  const auto types = [](const Types& inputs) -> std::vector<TensorType> {
    const TensorType& x = required(inputs, 0, "input");
    if (x.shape.size() < 2)
      throw Error(fmt::format("input of shape {}, supported are 2 dimensions and more", to_string(x.shape)));
    return {x};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Shape& shape = inputs[0]->shape();
    const int64_t rows = shape.end()[-2], columns = shape.back();
    std::vector<int64_t> source(inputs[0]->size());
    for (int64_t i = 0; i < static_cast<int64_t>(source.size()); ++i) {
      const int64_t diagonal = i % columns - i / columns % rows;
      source[static_cast<size_t>(i)] = (upper ? diagonal >= k : diagonal <= k) ? i : -1;
    }
    return {inputs[0]->gathered(shape, source)};
  };
  return fold(context, 1, fmt::format("{} {}", upper, k), types, compute);
}

// Depends on the shape of its input alone.
std::vector<Value*> import_eye_like(OnnxContext& context) {
  const TensorType& x = context.input(0)->type;
  if (x.shape.size() != 2) context.fail(fmt::format("input of shape {}, supported are matrices", to_string(x.shape)));
  const DType dtype = context.has("dtype") ? import::dtype_of(static_cast<int>(context.integer("dtype", 0))) : x.dtype;
  const int64_t k = context.integer("k", 0);
  std::vector<int64_t> values(static_cast<size_t>(element_count(x.shape)));
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i)
    values[static_cast<size_t>(i)] = i % x.shape[1] - i / x.shape[1] == k ? 1 : 0;
  return {context.add_constant(Array::of_integers(x.shape, std::move(values)).cast(dtype), "")};
}

std::vector<Value*> import_one_hot(OnnxContext& context) {
  const auto rank = context.input(0)->shape().size();
  const int64_t axis = normalized_axis(context.integer("axis", -1), rank + 1);
  const int64_t depth = constant_scalar(context, 1, "depth");
  if (depth < 0) context.fail(fmt::format("depth is {}, supported are 0 and more", depth));
  const auto types = [=](const Types& inputs) -> std::vector<TensorType> {
    Shape shape = required(inputs, 0, "indices").shape;
    const TensorType& values = required(inputs, 2, "values");
    require_shape(values, {2}, "values");
    shape.insert(shape.begin() + axis, depth);
    return {{values.dtype, shape}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Shape shape = types(types_of(inputs))[0].shape;
    const int64_t inner = split_at(shape, axis).inner;
    std::vector<int64_t> source(static_cast<size_t>(element_count(shape)));
    for (int64_t i = 0; i < static_cast<int64_t>(source.size()); ++i) {
      int64_t index = inputs[0]->integer(static_cast<size_t>(i / (depth * inner) * inner + i % inner));
      if (index < 0 && index >= -depth) index += depth;
      source[static_cast<size_t>(i)] = index == i / inner % depth ? 1 : 0;
    }
    return {inputs[2]->gathered(shape, source)};
  };
  return fold(context, 3, fmt::format("{} {}", axis, depth), types, compute);
}

std::vector<Value*> import_reverse_sequence(OnnxContext& context) {
  const int64_t batch_axis = context.integer("batch_axis", 1), time_axis = context.integer("time_axis", 0);
  if (batch_axis + time_axis != 1 || batch_axis * time_axis != 0)
    context.fail(fmt::format("batch_axis {} and time_axis {}; supported are 0 and 1", batch_axis, time_axis));
  const auto types = [=](const Types& inputs) -> std::vector<TensorType> {
    const TensorType &x = required(inputs, 0, "input"), &lengths = required(inputs, 1, "sequence_lens");
    if (x.shape.size() < 2)
      throw Error(fmt::format("input of shape {}, supported are 2 dimensions and more", to_string(x.shape)));
    require_shape(lengths, {x.shape[static_cast<size_t>(batch_axis)]}, "sequence_lens");
    return {x};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Shape& shape = inputs[0]->shape();
    const std::vector<int64_t> strides = row_major_strides(shape);
    const auto b = static_cast<size_t>(batch_axis), t = static_cast<size_t>(time_axis);
    std::vector<int64_t> source(inputs[0]->size());
    for (int64_t i = 0; i < static_cast<int64_t>(source.size()); ++i) {
      const int64_t length = inputs[1]->integer(static_cast<size_t>(i / strides[b] % shape[b]));
      if (length < 0 || length > shape[t])
        throw Error(fmt::format("a sequence of length {}, supported are 0 to {}", length, shape[t]));
      const int64_t time = i / strides[t] % shape[t];
      source[static_cast<size_t>(i)] = time < length ? i + (length - 1 - 2 * time) * strides[t] : i;
    }
    return {inputs[0]->gathered(shape, source)};
  };
  return fold(context, 2, fmt::format("{}", time_axis), types, compute);
}

// With a constant condition it is a Gather, which the device has.
std::vector<Value*> import_compress(OnnxContext& context) {
  Value* x = context.input(0);
  const Array& condition = context.constant(1, "condition");
  if (!context.has("axis")) x = reshape(context, x, {element_count(x->shape())});
  const int64_t axis = normalized_axis(context.integer("axis", 0), x->shape().size());
  const int64_t size = x->shape()[static_cast<size_t>(axis)];
  std::vector<int64_t> indices;
  for (size_t i = 0; i < condition.size(); ++i)
    if (condition.integer(i) != 0) indices.push_back(static_cast<int64_t>(i));
  if (condition.dtype() != DType::boolean || static_cast<int64_t>(condition.size()) > size)
    context.fail(fmt::format("condition {} for an axis of {} elements", to_string(condition.type()), size));
  return {add_gather(context, x, axis, std::move(indices))};
}

std::vector<Value*> import_unique(OnnxContext& context) {
  const bool sorted = context.integer("sorted", 1) != 0;
  Array x = context.constant(0, "X");
  if (!context.has("axis")) x = x.reshaped({element_count(x.shape())});
  const int64_t axis = normalized_axis(context.integer("axis", 0), x.shape().size());
  const Kinds kinds = kinds_of(x, axis, sorted);
  Gather gather;
  gather.axis = axis;
  gather.indices = kinds.first;
  gather.indices_shape = {static_cast<int64_t>(kinds.first.size())};
  std::vector<Value*> outputs = {context.add_constant(gather.evaluate({&x})[0], "")};
  for (const auto* list : {&kinds.first, &kinds.kind, &kinds.counts})
    outputs.push_back(context.add_constant(vector_of(*list), ""));
  return outputs;
}

// Below opset 13 the axes from `axis` on are one.
std::vector<Value*> import_hardmax(OnnxContext& context) {
  const bool flat = context.opset() < 13;
  const int64_t axis = normalized_axis(context.integer("axis", flat ? 1 : -1), context.input(0)->shape().size());
  const auto types = [](const Types& inputs) -> std::vector<TensorType> {
    require_floating(required(inputs, 0, "input"), "input");
    return {*inputs[0]};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    AxisSplit view = split_at(inputs[0]->shape(), axis);
    if (flat) view.size *= std::exchange(view.inner, 1);
    const std::vector<double> x = inputs[0]->doubles();
    std::vector<double> y(x.size(), 0.0);
    for (int64_t column = 0; column < view.outer * view.inner && view.size > 0; ++column) {
      const int64_t first = column / view.inner * view.size * view.inner + column % view.inner;
      int64_t best = first;
      for (int64_t s = 1; s < view.size; ++s)
        if (x[static_cast<size_t>(first + s * view.inner)] > x[static_cast<size_t>(best)])
          best = first + s * view.inner;
      y[static_cast<size_t>(best)] = 1.0;
    }
    return {Array::of_doubles(inputs[0]->shape(), std::move(y), inputs[0]->dtype())};
  };
  return fold(context, 1, fmt::format("{}", axis), types, compute);
}

}  // namespace linnet::ops
