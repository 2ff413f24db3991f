#include "converter/ops/batch_norm.hpp"

#include <fmt/format.h>

#include <cmath>

#include "converter/ops/axes.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/reduce.hpp"

namespace linnet::ops {

using import::OnnxContext;
using kernels::BinaryFunction;

namespace {

constexpr size_t kMean = 3;
constexpr std::string_view kParameters[] = {"x", "scale", "bias", "mean", "variance"};

TensorType infer_per_channel(const std::vector<const TensorType*>& inputs, size_t count, int64_t axis) {
  const TensorType& x = required(inputs, 0, kParameters[0]);
  require_floating(x, kParameters[0]);
  require_axis(axis, x.shape);
  for (size_t i = 1; i < count; ++i) {
    if (i >= kMean && (inputs.size() <= i || inputs[i] == nullptr)) continue;
    const TensorType& parameter = required(inputs, i, kParameters[i]);
    require_floating(parameter, kParameters[i]);
    require_shape(parameter, {x.shape[static_cast<size_t>(axis)]}, kParameters[i]);
  }
  return x;
}

std::vector<double> scale_and_shift(const Array& x, int64_t axis, const std::vector<double>& scale,
                                    const std::vector<double>& shift) {
  std::vector<double> values = x.doubles();
  const auto channels = scale.size();
  const auto inner = static_cast<size_t>(element_count({x.shape().begin() + axis + 1, x.shape().end()}));
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = i / inner % channels;
    values[i] = values[i] * scale[c] + shift[c];
  }
  return values;
}

}  // namespace

void BatchNorm::attributes(AttributeWriter& writer) const {
  writer.add("epsilon", epsilon);
  writer.add("axis", axis);
}

std::vector<TensorType> BatchNorm::infer(const std::vector<const TensorType*>& inputs) const {
  require_epsilon(epsilon);
  return {infer_per_channel(inputs, 5, axis)};
}

std::vector<Array> BatchNorm::evaluate(const std::vector<const Array*>& inputs) const {
  if (inputs.size() < 5 || inputs[3] == nullptr || inputs[4] == nullptr) throw Error("has no mean and variance");
  const Array& x = *inputs[0];
  std::vector<double> scale = inputs[1]->doubles(), shift = inputs[2]->doubles();
  for (size_t c = 0; c < scale.size(); ++c) {
    scale[c] /= std::sqrt(inputs[4]->number(c) + epsilon);
    shift[c] -= inputs[3]->number(c) * scale[c];
  }
  return {Array::of_doubles(x.shape(), scale_and_shift(x, axis, scale, shift), x.dtype())};
}

std::unique_ptr<Op> BatchNorm::permuted(const Permutation& permutation, const Node&) const {
  auto op = std::make_unique<BatchNorm>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

void ScaleShift::attributes(AttributeWriter& writer) const {
  writer.add("axis", axis);
  writer.add("fused", fused);
}

std::vector<TensorType> ScaleShift::infer(const std::vector<const TensorType*>& inputs) const {
  return {infer_per_channel(inputs, 3, axis)};
}

std::vector<Array> ScaleShift::evaluate(const std::vector<const Array*>& inputs) const {
  const Array& x = *inputs[0];
  return {finish(x.shape(), scale_and_shift(x, axis, inputs[1]->doubles(), inputs[2]->doubles()), x.dtype(), fused)};
}

std::unique_ptr<Op> ScaleShift::permuted(const Permutation& permutation, const Node&) const {
  auto op = std::make_unique<ScaleShift>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

bool ScaleShift::in_place(const Node&, size_t index) const {
  return index == 0;
}

void ScaleShift::emit(const Node& node, emit::Context& context) const {
  require_float_arithmetic(node);
  const auto last = static_cast<int64_t>(node.in(0).shape().size()) - 1;
  if (axis != last)
    throw Error(fmt::format("scales along axis {}, the device supports the last axis ({})", axis, last));
  std::vector<float> parameters = constant_input(node, 1, "scale")->floats();
  const std::vector<float> shift = constant_input(node, 2, "shift")->floats();
  parameters.insert(parameters.end(), shift.begin(), shift.end());
  const fb::Activation activation = emit::Context::activation(fused);
  const auto table = fb::CreateScaleShift(context.builder(), context.buffer(parameters), &activation);
  context.step(node, table, {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

namespace {

// Statistics of the input itself, over all axes but 1, as graph arithmetic that folds away.
struct Statistics {
  Value *mean, *variance;
};

Statistics input_statistics(OnnxContext& context, Value* x) {
  std::vector<int64_t> axes;
  for (size_t d = 0; d < x->shape().size(); ++d) {
    if (d != 1) axes.push_back(static_cast<int64_t>(d));
  }
  Value* mean = reduce(context, kernels::ReduceKind::Mean, x, axes);
  Value* centered = binary(context, BinaryFunction::Sub, x, mean);
  Value* variance =
      reduce(context, kernels::ReduceKind::Mean, binary(context, BinaryFunction::Mul, centered, centered), axes);
  const Shape channels = {x->shape()[1]};
  return {reshape(context, mean, channels), reshape(context, variance, channels)};
}

Value* running(OnnxContext& context, Value* before, Value* current, double momentum) {
  Value* kept = binary(context, BinaryFunction::Mul, before, scalar(context, momentum, before, "momentum"));
  Value* added = binary(context, BinaryFunction::Mul, current, scalar(context, 1.0 - momentum, current, "momentum"));
  return binary(context, BinaryFunction::Add, kept, added);
}

// Statistics per element of a sample (spatial = 0 of opsets 7 and 8): plain arithmetic on parameters of shape
// x.shape[1:].
Value* per_element(OnnxContext& context, double epsilon) {
  Value* variance = context.input(4);
  Value* stabilized = binary(context, BinaryFunction::Add, variance, scalar(context, epsilon, variance, "epsilon"));
  Value* scale = binary(context, BinaryFunction::Div, context.input(1), unary(context, {Function::Sqrt}, stabilized));
  Value* offset = binary(context, BinaryFunction::Mul, context.input(3), scale);
  Value* shift = binary(context, BinaryFunction::Sub, context.input(2), offset);
  return binary(context, BinaryFunction::Add, binary(context, BinaryFunction::Mul, context.input(0), scale), shift);
}

}  // namespace

std::vector<Value*> import_batch_normalization(OnnxContext& context) {
  Value* x = context.input(0);
  auto op = std::make_unique<BatchNorm>();
  op->epsilon = context.number("epsilon", 1e-5);
  const double momentum = context.number("momentum", 0.9);
  const bool spatial = context.opset() >= 9 || context.integer("spatial", 1) != 0;
  // Before opset 14 the statistics as outputs are what tells of training.
  const bool training = context.opset() >= 14 ? context.integer("training_mode", 0) != 0 : context.output_count() > 1;
  if (x->shape().size() < 2)
    context.fail(fmt::format("input of shape {}, supported are rank 2 and more", to_string(x->shape())));
  const bool of_data = !context.is_static(x);
  // In training the statistics are those of the data: absent until a data set gives them.
  Value *mean = context.optional_input(3), *variance = context.optional_input(4);
  if (training && of_data) mean = variance = nullptr;
  for (size_t i = 1; i < context.output_count() && !training; ++i) {
    if (context.output_used(i))
      context.fail(fmt::format("output {} is used, outside of training there is output 0 only", i));
  }
  if (!spatial && training) context.fail("trains with spatial=0; supported is inference");
  if (!spatial) return {per_element(context, op->epsilon)};
  std::vector<Value*> outputs(1);
  if (training && !of_data) {
    const Statistics statistics = input_statistics(context, x);
    outputs.push_back(context.output_used(1) ? running(context, context.input(3), statistics.mean, momentum) : nullptr);
    outputs.push_back(context.output_used(2) ? running(context, context.input(4), statistics.variance, momentum)
                                             : nullptr);
    mean = statistics.mean;
    variance = statistics.variance;
    if (context.opset() < 14) outputs.insert(outputs.end(), {mean, variance});
  }
  outputs[0] = context.add(std::move(op), {x, context.input(1), context.input(2), mean, variance});
  return outputs;
}

}  // namespace linnet::ops
