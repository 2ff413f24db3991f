// Fully connected layers and products of matrices.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/import/tflite/weights.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"

namespace linnet::import::from_tflite {

namespace {

// The last two dimensions exchanged.
Permutation swapped(size_t rank) {
  Permutation permutation(rank);
  for (size_t d = 0; d < rank; ++d) permutation[d] = static_cast<int64_t>(d);
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  return permutation;
}

}  // namespace

// Weights [N, K]; x is seen as rows of K elements.
std::vector<Value*> import_fully_connected(TfliteContext& context) {
  const auto& options = context.options<tfl::FullyConnectedOptions>();
  if (options.weights_format() != tfl::FullyConnectedOptionsWeightsFormat::DEFAULT)
    context.fail("weights are shuffled; supported is the default format");
  Value *x = context.input(0), *weights = context.parameter(1), *bias = context.parameter(2);
  if (weights == nullptr) context.fail("has no weights");
  require_rank(context, weights, 2, "input 1 (weights)");
  const int64_t outputs = weights->shape()[0], inputs = weights->shape()[1], elements = element_count(x->shape());
  if (inputs < 1 || elements % inputs != 0)
    context.fail(fmt::format("weights of shape {} do not fit an input of shape {}", to_string(weights->shape()),
                             to_string(x->shape())));
  Shape rows = {elements / inputs, inputs};
  if (options.keep_num_dims()) {
    if (x->shape().empty() || x->shape().back() != inputs)
      context.fail(fmt::format("weights of shape {} do not fit an input of shape {} that keeps its dimensions",
                               to_string(weights->shape()), to_string(x->shape())));
    rows = x->shape();
  }
  x = ops::reshape(context, x, rows);
  weights = symmetric_weights(context, weights, 1, static_cast<int64_t>(rows.size()) - 1, x);
  const tfl::ActivationFunctionType activation = options.fused_activation_function();
  if (ops::is_static(weights) && (bias == nullptr || ops::is_static(bias))) {
    bias = layer_bias(context, bias, options.quantized_bias_type(), outputs);
    if (bias != nullptr && bias->shape() != Shape{outputs}) bias = ops::reshape(context, bias, {outputs});
    return {add_activated(context, std::make_unique<ops::Linear>(), {x, weights, bias}, activation)};
  }
  if (context.integer_form() && x->type.dtype == DType::i16)
    context.fail("the weights depend on the model's inputs; supported with int16 are constants");
  auto op = std::make_unique<ops::MatMul>();
  op->b_permutation = swapped(2);
  if (bias == nullptr) return {add_activated(context, std::move(op), {x, weights}, activation)};
  if (context.integer_form())
    context.fail("the weights depend on the model's inputs; supported with a bias are constants");
  Value* y = context.add(std::move(op), {x, weights});
  return {activated(context, ops::binary(context, kernels::BinaryFunction::Add, y, bias), activation)};
}

std::vector<Value*> import_batch_matmul(TfliteContext& context) {
  const auto& options = context.options<tfl::BatchMatMulOptions>();
  const size_t data = context.integer_form(0) ? 0 : 1;  // one of the operands may be constant
  Value *a = context.parameter(0, data), *b = context.parameter(1, data);
  if (a == nullptr || b == nullptr) context.fail("an operand is absent");
  if (a->shape().size() < 2 || b->shape().size() < 2)
    context.fail(fmt::format("operands of shapes {} and {}; supported are two dimensions and more",
                             to_string(a->shape()), to_string(b->shape())));
  if (a->type.dtype == DType::i16) b = widened(context, b);
  auto op = std::make_unique<ops::MatMul>();
  if (options.adj_x()) op->a_permutation = swapped(a->shape().size());
  if (options.adj_y()) op->b_permutation = swapped(b->shape().size());
  return {add_activated(context, std::move(op), {a, b}, tfl::ActivationFunctionType::NONE, data)};
}

}  // namespace linnet::import::from_tflite
