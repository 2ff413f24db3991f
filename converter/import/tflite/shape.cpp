// Operators that give a tensor another shape, and shapes as tensors.
#include <cmath>

#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::import::from_tflite {

namespace {

// `shape` with a -1 resolved for `elements` elements.
Shape resolved(TfliteContext& context, Shape shape, int64_t elements) {
  int64_t known = 1, open = -1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1 && open >= 0) context.fail(fmt::format("shape {} has several -1", to_string(shape)));
    if (shape[d] < -1 || shape[d] > kMaximumElements) context.fail(fmt::format("shape {}", to_string(shape)));
    if (shape[d] == -1)
      open = static_cast<int64_t>(d);
    else if (__builtin_mul_overflow(known, shape[d], &known))
      context.fail(fmt::format("shape {}", to_string(shape)));
  }
  if (open >= 0 && (known == 0 || elements % known != 0))
    context.fail(fmt::format("shape {} for {} elements", to_string(shape), elements));
  if (open >= 0) shape[static_cast<size_t>(open)] = elements / known;
  return shape;
}

// A list of integers of the type that the output is declared with.
Value* integer_constant(TfliteContext& context, Shape shape, std::vector<int64_t> values) {
  const DType dtype = dtype_of(context.output_tensor(0).type());
  if (is_floating(dtype)) context.fail(fmt::format("gives {}; supported are integers", ir::name(dtype)));
  return context.add_constant(Array::of_integers(std::move(shape), std::move(values), dtype),
                              text_of(context.output_tensor(0).name()));
}

}  // namespace

// The shape is an input or, in older files, an option. There [0] stands for a scalar.
std::vector<Value*> import_reshape(TfliteContext& context) {
  Value* x = context.input(0);
  Shape shape;
  if (context.optional_input(1) != nullptr) {
    shape = constant_list(context, 1, "shape");
  } else {
    shape = integers_of(context.options<tfl::ReshapeOptions>().new_shape());
    if (shape == Shape{0}) shape.clear();
  }
  return {ops::reshape(context, x, resolved(context, std::move(shape), element_count(x->shape())))};
}

std::vector<Value*> import_squeeze(TfliteContext& context) {
  Value* x = context.input(0);
  const auto* options = context.optional_options<tfl::SqueezeOptions>();
  std::vector<int64_t> axes = options != nullptr ? integers_of(options->squeeze_dims()) : std::vector<int64_t>();
  for (int64_t& axis : axes) axis = ops::normalized_axis(axis, x->shape().size());
  Shape shape;
  for (size_t d = 0; d < x->shape().size(); ++d) {
    const int64_t size = x->shape()[d];
    const bool named = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    if (named && size != 1) context.fail(fmt::format("dimension {} of {} is not 1", d, to_string(x->shape())));
    if (!(named || (axes.empty() && size == 1))) shape.push_back(size);
  }
  return {ops::reshape(context, x, shape)};
}

std::vector<Value*> import_expand_dims(TfliteContext& context) {
  Value* x = context.input(0);
  const std::vector<int64_t> axis = constant_list(context, 1, "axis", 1);
  Shape shape = x->shape();
  shape.insert(shape.begin() + ops::normalized_axis(axis[0], shape.size() + 1), 1);
  return {ops::reshape(context, x, shape)};
}

std::vector<Value*> import_shape(TfliteContext& context) {
  const Shape& shape = context.input(0)->shape();
  return {integer_constant(context, {static_cast<int64_t>(shape.size())}, shape)};
}

std::vector<Value*> import_rank(TfliteContext& context) {
  return {integer_constant(context, {}, {static_cast<int64_t>(context.input(0)->shape().size())})};
}

std::vector<Value*> import_transpose(TfliteContext& context) {
  Value* x = context.input(0);
  const auto rank = static_cast<int64_t>(x->shape().size());
  const Permutation permutation =
      ops::normalized_axes(constant_list(context, 1, "permutation", rank), x->shape().size());
  return {ops::transpose(context, x, permutation)};
}

std::vector<Value*> import_broadcast_to(TfliteContext& context) {
  auto op = std::make_unique<ops::Expand>();
  op->shape = constant_list(context, 1, "shape");
  return {context.add(std::move(op), {context.input(0)})};
}

std::vector<Value*> import_tile(TfliteContext& context) {
  Value* x = context.input(0);
  auto op = std::make_unique<ops::Tile>();
  op->repeats = constant_list(context, 1, "multiples", static_cast<int64_t>(x->shape().size()));
  return {context.add(std::move(op), {x})};
}

std::vector<Value*> import_fill(TfliteContext& context) {
  Value* value = context.input(1);
  if (!value->shape().empty()) context.fail(fmt::format("value of shape {}", to_string(value->shape())));
  auto op = std::make_unique<ops::Expand>();
  op->shape = constant_list(context, 0, "shape");
  return {context.add(std::move(op), {value})};
}

std::vector<Value*> import_zeros_like(TfliteContext& context) {
  const TensorType& type = context.input(0)->type;
  auto op = std::make_unique<ops::Expand>();
  op->shape = type.shape;
  return {context.add(std::move(op), {ops::scalar(context, 0.0, context.input(0), "zero")})};
}

std::vector<Value*> import_range(TfliteContext& context) {
  const Array &start = context.constant(0, "start"), &limit = context.constant(1, "limit"),
              &delta = context.constant(2, "delta");
  if (start.size() != 1 || limit.size() != 1 || delta.size() != 1 || delta.number(0) == 0.0)
    context.fail("start, limit or step is not a number, or the step is 0");
  const double count = std::ceil((limit.number(0) - start.number(0)) / delta.number(0));
  if (!(count < static_cast<double>(kMaximumElements))) context.fail("the range is too long");
  std::vector<double> values(count > 0.0 ? static_cast<size_t>(count) : 0);
  for (size_t i = 0; i < values.size(); ++i) values[i] = start.number(0) + static_cast<double>(i) * delta.number(0);
  const auto size = static_cast<int64_t>(values.size());
  return {context.add_constant(Array::of_doubles({size}, std::move(values), DType::f64).cast(start.dtype()), "range")};
}

}  // namespace linnet::import::from_tflite
