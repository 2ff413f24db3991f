#include "converter/import/tflite/helpers.hpp"

#include <fmt/format.h>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/window.hpp"

namespace linnet::import::from_tflite {

Activation activation_of(TfliteContext& context, tfl::ActivationFunctionType function) {
  switch (function) {
    case tfl::ActivationFunctionType::NONE:
      return {};
    case tfl::ActivationFunctionType::RELU:
      return {Function::Relu};
    case tfl::ActivationFunctionType::RELU_N1_TO_1:
      return {Function::Clip, -1.0f, 1.0f};
    case tfl::ActivationFunctionType::RELU6:
      return {Function::Clip, 0.0f, 6.0f};
    default:
      break;
  }
  context.fail(fmt::format("has fused activation {}; supported are RELU, RELU_N1_TO_1 and RELU6",
                           tfl::EnumNameActivationFunctionType(function)));
}

Value* activated(TfliteContext& context, Value* value, tfl::ActivationFunctionType function) {
  const Activation activation = activation_of(context, function);
  return activation.function == Function::Identity ? value : ops::unary(context, activation, value);
}

Value* unary(TfliteContext& context, const Activation& function, Value* x) {
  auto op = std::make_unique<ops::Unary>();
  op->function = function;
  op->integer = context.integer_form();
  return context.add(std::move(op), {x});
}

Value* permuted_weights(TfliteContext& context, Value* weights, const Permutation& permutation) {
  auto op = std::make_unique<ops::Transpose>();
  op->permutation = permutation;
  return context.add_folded(std::move(op), weights);
}

Value* layer_bias(TfliteContext& context, Value* bias, tfl::TensorType type, int64_t outputs, size_t input) {
  if (bias != nullptr || type != tfl::TensorType::INT32 || !context.integer_form(input)) return bias;
  return context.add_constant(
      Array::of_integers({outputs}, std::vector<int64_t>(static_cast<size_t>(outputs), 0), DType::i32), "bias");
}

Value* widened(TfliteContext& context, Value* value) {
  const std::optional<Quantization>& from = value->type.quantization;
  if (value->type.dtype != DType::i8 || !from || !from->per_tensor()) return value;
  const Quantization to = {from->scales, {0}, 0};
  if (value->constant) {
    std::vector<int64_t> values = value->constant->integers();
    for (int64_t& number : values) number -= from->zero_point();
    return context.add_constant(Array::of_integers(value->shape(), std::move(values), DType::i16).with_quantization(to),
                                value->name);
  }
  auto op = std::make_unique<ops::Quantize>();
  op->to = DType::i16;
  op->quantization = to;
  return context.add(std::move(op), {value});
}

void require_rank(TfliteContext& context, const Value* value, size_t rank, std::string_view what) {
  if (value->shape().size() != rank)
    context.fail(fmt::format("{} has shape {}; supported are {} dimensions", what, to_string(value->shape()), rank));
}

std::vector<int64_t> constant_list(TfliteContext& context, size_t index, std::string_view what, int64_t count) {
  const Array& array = context.constant(index, what);
  if (is_floating(array.dtype()) || array.shape().size() > 1)
    context.fail(fmt::format("input {} ({}) is {}, wanted a list of integers", index, what, to_string(array.type())));
  if (count >= 0 && array.size() != static_cast<size_t>(count))
    context.fail(fmt::format("input {} ({}) has {} elements, wanted {}", index, what, array.size(), count));
  return array.integers();
}

Padding1D window_padding(tfl::Padding padding, int64_t size, int64_t kernel, int64_t stride, int64_t dilation) {
  if (padding == tfl::Padding::VALID || stride < 1) return {0, 0};  // a wrong stride is the operator's to refuse
  const int64_t outputs = (size + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((outputs - 1) * stride + ops::window_extent(kernel, dilation) - size, 0);
  return {total / 2, total - total / 2};
}

}  // namespace linnet::import::from_tflite
