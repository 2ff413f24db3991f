#include "converter/ops/linear.hpp"

#include <fmt/format.h>

#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/parallel.hpp"
#include "converter/ops/sparse_emission.hpp"
#include "kernels/pack.hpp"

namespace linnet::ops {

namespace {

// In float32, as ONNX Runtime computes MatMulInteger and what quantize_dynamic puts behind it.
Array evaluate_dynamic(const Linear& layer, const std::vector<const Array*>& inputs) {
  const TensorType type = layer.infer(types_of(inputs))[0];
  const DynamicallyQuantized x = dynamically_quantized(inputs[0]->floats());
  const Int8Weights weights(*inputs[1]);
  const Array *bias = optional(inputs, 2), *residual = optional(inputs, 3);
  const size_t n = weights.scales.size(), k = weights.values.size() / n;
  std::vector<double> y(static_cast<size_t>(element_count(type.shape)));
  parallel_for(static_cast<int64_t>(y.size()), [&](int64_t index) {
    const auto position = static_cast<size_t>(index);
    const size_t output = position % n;
    const int64_t* in = &x.values[position / n * k];
    int64_t sum = 0;
    for (size_t i = 0; i < k; ++i) sum += (in[i] - x.zero_point) * weights.values[output * k + i];
    float value = static_cast<float>(static_cast<int32_t>(sum)) * (x.scale * weights.scales[output]);
    if (bias != nullptr) value += static_cast<float>(bias->number(output));
    y[position] = static_cast<double>(value) + (residual != nullptr ? residual->number(position) : 0.0);
  });
  return finish(type.shape, std::move(y), type.dtype, layer.fused);
}

}  // namespace

void Linear::attributes(AttributeWriter& writer) const {
  writer.add("fused", fused);
  writer.add("integer", integer);
  writer.add("summand", summand);
  if (dynamic) writer.add("dynamic", true);
  if (sparse != 0) writer.add("sparse", sparse);
  if (codes) writer.add("code_bits", int64_t{codes->format.bits});
}

std::vector<TensorType> Linear::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  const TensorType& weights = required(inputs, 1, "weights");
  if (integer) {
    require_integer_layer(x, weights, optional(inputs, 2));
  } else {
    require_floating(x, "x");
    require_real_weights(weights, x, "weights");
    if (dynamic && !weights.quantization)
      throw Error("its input is quantized at run time, its weights are real numbers");
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
  if (dynamic) return {evaluate_dynamic(*this, inputs)};
  const TensorType type = infer(types_of(inputs))[0];
  const std::vector<double> x = inputs[0]->doubles(), weights = real_weights(*inputs[1]);
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
  const Array& weights = *constant_input(node, 1, "weights");
  const Array* bias = constant_input(node, 2, "bias");
  const int32_t n = device_int(weights.shape()[0]), k = device_int(weights.shape()[1]);
  const std::vector<float> biases = bias ? bias->floats() : std::vector<float>();
  const float* const bias_data = bias ? biases.data() : nullptr;
  const fb::Activation activation = emit::Context::activation(fused);
  flatbuffers::Offset<fb::FullyConnected> table;
  if (dynamic) {
    const Int8Weights integers(weights);
    const std::vector<int8_t> packed = dynamic_section(integers.values.data(), integers.scales.data(), bias_data, n, k);
    table = fb::CreateFullyConnected(context.builder(), context.buffer(packed), &activation, false, 0,
                                     fb::WeightLayout::Panel16Dynamic8);
  } else if (weights.type().quantization) {
    const Int8Weights integers(weights);
    std::vector<int8_t> packed(static_cast<size_t>(kernels::panel_float32x8_bytes(n, k)));
    kernels::pack_gemm_float32x8(integers.values.data(), 1, k, integers.scales.data(), bias_data, n, k, packed.data());
    table = fb::CreateFullyConnected(context.builder(), context.buffer(packed), &activation, false, 0,
                                     fb::WeightLayout::Panel16Float32x8);
  } else if (sparse != 0) {
    const auto floats = weights.shared_floats();
    const kernels::ConvWeights source = {floats->data(), k, 1, 0, 0, bias_data, 1, k, n, 1, 1};
    table = fb::CreateFullyConnected(context.builder(), sparse_buffer(source, sparse, context), &activation, false, 0,
                                     sparse_layout(sparse));
  } else if (codes) {
    table = fb::CreateFullyConnected(context.builder(), codes_buffer(*codes, bias_data, context), &activation, false, 0,
                                     fb::WeightLayout::Panel16Codes);
  } else {
    const emit::Context::PackedMatrix matrix = context.matrix(weights, kernels::panel_floats(n, k), [&](float* packed) {
      kernels::pack_gemm(weights.shared_floats()->data(), 1, k, bias_data, n, k, packed);
    });
    const uint32_t own_bias = matrix.transposed && bias ? 1 + context.buffer(biases) : 0;
    table = fb::CreateFullyConnected(context.builder(), matrix.buffer, &activation, matrix.transposed, own_bias);
  }
  std::vector<uint32_t> tensors = {context.tensor(node.in(0))};
  if (node.has(3)) tensors.push_back(context.tensor(node.in(3)));
  context.step(node, table, tensors, {context.tensor(node.out())});
}

}  // namespace linnet::ops
