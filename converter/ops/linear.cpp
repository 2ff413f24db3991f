#include "converter/ops/linear.hpp"

#include <fmt/format.h>

#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/parallel.hpp"
#include "kernels/pack.hpp"

namespace linnet::ops {

void Linear::attributes(AttributeWriter& writer) const {
  writer.add("fused", fused);
  writer.add("integer", integer);
  writer.add("summand", summand);
}

std::vector<TensorType> Linear::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  const TensorType& weights = required(inputs, 1, "weights");
  if (integer) {
    require_integer_layer(x, weights, optional(inputs, 2));
  } else {
    require_floating(x, "x");
    require_same_dtype(weights, x, "weights and x");
  }
  if (weights.shape.size() != 2 || x.shape.empty() || x.shape.back() != weights.shape[1]) {
    throw Error(fmt::format("weights of shape {} (outputs, inputs) do not fit an input of shape {}",
                            to_string(weights.shape), to_string(x.shape)));
  }
  TensorType output = integer ? integer->type(x.shape) : x;
  output.shape.back() = weights.shape[0];
  if (const TensorType* bias = optional(inputs, 2)) require_shape(*bias, {weights.shape[0]}, "bias");
  if (const TensorType* residual = optional(inputs, 3)) require_shape(*residual, output.shape, "residual");
  require_summand(*this, x, optional(inputs, 3));
  return {output};
}

std::vector<Array> Linear::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const TensorType type = infer(types_of(inputs))[0];
  const std::vector<double> x = inputs[0]->doubles(), weights = inputs[1]->doubles();
  const Array *bias = optional(inputs, 2), *residual = optional(inputs, 3);
  const int64_t n = inputs[1]->shape()[0], k = inputs[1]->shape()[1];
  std::vector<double> y(static_cast<size_t>(element_count(type.shape)));
  const int64_t rows = n == 0 ? 0 : static_cast<int64_t>(y.size()) / n;
  parallel_for(n, [&](int64_t output) {
    const double* w = weights.data() + output * k;
    for (int64_t row = 0; row < rows; ++row) {
      const double* in = x.data() + row * k;
      double sum = bias ? bias->number(static_cast<size_t>(output)) : 0.0;
      for (int64_t i = 0; i < k; ++i) sum += in[i] * w[i];
      const auto position = static_cast<size_t>(row * n + output);
      y[position] = residual ? sum + residual->number(position) : sum;
    }
  });
  return {finish(type.shape, std::move(y), type.dtype, fused)};
}

int64_t Linear::macs(const Node& node) const {
  return element_count(node.out().shape()) * node.in(1).shape()[1];
}

bool Linear::in_place(const Node& node, size_t index) const {
  return index == 3 && node.has(3);
}

void Linear::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_float_arithmetic(node);
  const Array& weights = *constant_input(node, 1, "weights");
  const Array* bias = constant_input(node, 2, "bias");
  const int32_t n = device_int(weights.shape()[0]), k = device_int(weights.shape()[1]);
  const std::vector<float> biases = bias ? bias->floats() : std::vector<float>();
  const emit::Context::PackedMatrix matrix = context.matrix(weights, kernels::panel_floats(n, k), [&](float* packed) {
    kernels::pack_gemm(weights.shared_floats()->data(), 1, k, bias ? biases.data() : nullptr, n, k, packed);
  });
  const uint32_t own_bias = matrix.transposed && bias ? 1 + context.buffer(biases) : 0;
  const fb::Activation activation = emit::Context::activation(fused);
  const auto table =
      fb::CreateFullyConnected(context.builder(), matrix.buffer, &activation, matrix.transposed, own_bias);
  std::vector<uint32_t> tensors = {context.tensor(node.in(0))};
  if (node.has(3)) tensors.push_back(context.tensor(node.in(3)));
  context.step(node, table, tensors, {context.tensor(node.out())});
}

}  // namespace linnet::ops
