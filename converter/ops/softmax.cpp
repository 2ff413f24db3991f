#include "converter/ops/softmax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "converter/ops/axes.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

void softmax(double* column, int64_t size, int64_t stride, bool log) {
  double maximum = column[0], sum = 0.0;
  for (int64_t s = 1; s < size; ++s) maximum = std::max(maximum, column[s * stride]);
  for (int64_t s = 0; s < size; ++s) sum += std::exp(column[s * stride] - maximum);
  for (int64_t s = 0; s < size; ++s) {
    double& value = column[s * stride];
    value = log ? value - maximum - std::log(sum) : std::exp(value - maximum) / sum;
  }
}

}  // namespace

void Softmax::attributes(AttributeWriter& writer) const {
  writer.add("axis", axis);
  writer.add("log", log);
  if (beta != 1.0) writer.add("beta", beta);
  writer.add("integer", integer);
}

std::vector<TensorType> Softmax::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  if (integer) {
    require_quantized(x, "x");
    require_signed_words(x, *integer, "x");
    if (log && x.dtype != DType::i8)
      throw Error(fmt::format("x is {}; supported of int16 is the softmax itself", to_string(x)));
    const Quantization fixed = log ? Quantization{{1.0f / 16.0f}, {127}} : Quantization{{1.0f / 256.0f}, {-128}};
    if (x.dtype == DType::i8 && integer->quantization != fixed)
      throw Error(fmt::format("from {} to {}; supported with integers is from i8 to i8 with {}", to_string(x),
                              to_string(integer->type(x.shape)), to_string(fixed)));
  } else {
    require_floating(x, "x");
  }
  require_axis(axis, x.shape);
  return {integer ? integer->type(x.shape) : x};
}

std::vector<Array> Softmax::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array& x = *inputs[0];
  std::vector<double> values = x.doubles();
  const AxisSplit view = split_at(x.shape(), axis);
  for (int64_t o = 0; o < view.outer; ++o) {
    for (int64_t i = 0; i < view.inner; ++i)
      softmax(values.data() + o * view.size * view.inner + i, view.size, view.inner, log);
  }
  return {Array::of_doubles(x.shape(), std::move(values), x.dtype())};
}

std::unique_ptr<Op> Softmax::permuted(const Permutation& permutation, const Node&) const {
  auto op = std::make_unique<Softmax>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

bool Softmax::in_place(const Node&, size_t index) const {
  return index == 0;
}

void Softmax::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_float_arithmetic(node);
  const AxisSplit view = split_at(node.in(0).shape(), axis);
  const auto table =
      fb::CreateSoftmax(context.builder(), device_int(view.outer), device_int(view.size), device_int(view.inner), log);
  context.step(node, table, {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

namespace {

std::vector<Value*> import_softmax_of(OnnxContext& context, bool log) {
  Value* x = context.input(0);
  const Shape shape = x->shape();
  const bool flattens = context.opset() < 13;  // the dimensions from `axis` on count as one
  auto op = std::make_unique<Softmax>();
  op->log = log;
  op->axis = normalized_axis(context.integer("axis", flattens ? 1 : -1), shape.size());
  const auto after = shape.begin() + op->axis + 1;
  if (!flattens || std::all_of(after, shape.end(), [](int64_t size) { return size == 1; })) {
    return {context.add(std::move(op), {x})};
  }
  Shape flat(shape.begin(), after);
  flat.back() *= element_count({after, shape.end()});
  Value* y = context.add(std::move(op), {reshape(context, x, flat)});
  return {reshape(context, y, shape)};
}

}  // namespace

std::vector<Value*> import_softmax(OnnxContext& context) {
  return import_softmax_of(context, false);
}
std::vector<Value*> import_log_softmax(OnnxContext& context) {
  return import_softmax_of(context, true);
}

}  // namespace linnet::ops
