#include "converter/ops/recurrent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/recurrent_reference.hpp"
#include "kernels/pack.hpp"
#include "kernels/recurrent/plan.hpp"

namespace linnet::ops {

namespace {

// The gates that have weights on the device, as positions in ONNX's order.
std::vector<int64_t> device_gates(const Recurrent& layer) {
  if (layer.input_forget) return {0, 1, 3};
  std::vector<int64_t> gates;
  for (int64_t gate = 0; gate < kernels::gate_count(layer.kind, false); ++gate) gates.push_back(gate);
  return gates;
}

// `columns` numbers per hidden unit, of these gates only.
std::vector<float> of_gates(const Array& array, const std::vector<int64_t>& gates, int64_t hidden, int64_t columns) {
  std::vector<float> result;
  for (const int64_t gate : gates)
    for (int64_t i = 0; i < hidden * columns; ++i)
      result.push_back(static_cast<float>(array.number(static_cast<size_t>(gate * hidden * columns + i))));
  return result;
}

// Weights of these gates as sections of the device's layout, one behind the other.
class Sections {
 public:
  Sections(const Array& weights, const std::vector<int64_t>& gates, int64_t hidden, bool dynamic)
      : dynamic_(dynamic), inputs_(weights.shape()[1]), rows_(of_gates(weights, gates, hidden, inputs_)) {
    if (!weights.type().quantization) return;
    const Shape shape = {weights.shape()[0]};
    scales_ = of_gates(Array::of_floats(shape, Int8Weights(weights).scales), gates, hidden, 1);
  }

  // Of `count` rows from `first` on.
  void add(int64_t first, int64_t count, const std::vector<float>& bias) {
    const float *rows = rows_.data() + first * inputs_, *biases = bias.empty() ? nullptr : bias.data();
    const int32_t n = device_int(count), k = device_int(inputs_);
    if (scales_.empty()) {
      kernels::pack_gemm(rows, 1, k, biases, n, k, extended(floats_, kernels::panel_floats(n, k)));
      return;
    }
    const std::vector<int8_t> integers(rows, rows + count * inputs_);
    if (dynamic_) {
      const std::vector<int8_t> section = dynamic_section(integers.data(), scales_.data() + first, biases, n, k);
      bytes_.insert(bytes_.end(), section.begin(), section.end());
      return;
    }
    kernels::pack_gemm_float32x8(integers.data(), 1, k, scales_.data() + first, biases, n, k,
                                 extended(bytes_, kernels::panel_float32x8_bytes(n, k)));
  }

  uint32_t write(emit::Context& context) const {
    return scales_.empty() ? context.buffer(floats_) : context.buffer(bytes_);
  }

 private:
  bool dynamic_;
  int64_t inputs_;
  std::vector<float> rows_, scales_, floats_;
  std::vector<int8_t> bytes_;

  template <class Element>
  static Element* extended(std::vector<Element>& elements, int64_t count) {
    elements.resize(elements.size() + static_cast<size_t>(count));
    return elements.data() + elements.size() - count;
  }
};

struct Biases {
  std::vector<float> input, candidate;  // of the input weights; of a GRU's recurrent weights of the candidate
};

// Both biases of a gate are one, but for the candidate whose recurrent half the reset gate multiplies.
Biases merged_biases(const Recurrent& layer, const Array* bias, int64_t hidden) {
  Biases result;
  const int64_t all = kernels::gate_count(layer.kind, false) * hidden;
  const auto number = [&](int64_t i) { return bias == nullptr ? 0.0 : bias->number(static_cast<size_t>(i)); };
  for (const int64_t gate : device_gates(layer)) {
    const bool apart = layer.kind == RecurrentKind::Gru && layer.linear_before_reset && gate == 2;
    for (int64_t i = gate * hidden; i < (gate + 1) * hidden; ++i) {
      result.input.push_back(static_cast<float>(number(i) + (apart ? 0.0 : number(all + i))));
      if (apart) result.candidate.push_back(static_cast<float>(number(all + i)));
    }
  }
  return result;
}

}  // namespace

void Recurrent::attributes(AttributeWriter& writer) const {
  writer.add("kind", fb::EnumNameRecurrentKind(static_cast<fb::RecurrentKind>(kind)));
  if (reverse) writer.add("reverse", true);
  if (x_batch_first) writer.add("x_batch_first", true);
  if (y_batch_first) writer.add("y_batch_first", true);
  writer.add("sequence", sequence);
  writer.add("last", last);
  if (linear_before_reset) writer.add("linear_before_reset", true);
  if (input_forget) writer.add("input_forget", true);
  if (std::isfinite(clip)) writer.add("clip", clip);
  writer.add("gate", gate);
  writer.add("cell", cell);
  writer.add("output", output);
  if (dynamic) writer.add("dynamic", true);
}

std::vector<TensorType> Recurrent::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, kX, "x");
  const TensorType& recurrent = required(inputs, kRecurrentWeights, "recurrent weights");
  require_floating(x, "x");
  if (x.shape.size() != 3)
    throw Error(fmt::format("x has shape {}, supported are three dimensions", to_string(x.shape)));
  if (recurrent.shape.size() != 2)
    throw Error(
        fmt::format("recurrent weights have shape {}, supported are two dimensions", to_string(recurrent.shape)));
  const int64_t steps = x.shape[x_batch_first ? 1 : 0], batch = x.shape[x_batch_first ? 0 : 1];
  const int64_t hidden = recurrent.shape[1], rows = kernels::gate_count(kind, false) * hidden;
  if (steps < 1 || hidden < 1) throw Error(fmt::format("{} time steps of {} hidden units", steps, hidden));
  if (!(clip > 0)) throw Error(fmt::format("clip is {}, supported are positive numbers", clip));
  const auto require = [&](size_t index, const Shape& shape, std::string_view what) {
    const TensorType* type = optional(inputs, index);
    if (type == nullptr) return;
    require_same_dtype(*type, x, fmt::format("{} and x", what));
    require_shape(*type, shape, what);
  };
  const TensorType& weights = required(inputs, kWeights, "weights");
  require_shape(weights, {rows, x.shape[2]}, "weights");
  require_real_weights(weights, x, "weights");
  require_shape(recurrent, {rows, hidden}, "recurrent weights");
  require_real_weights(recurrent, x, "recurrent weights");
  require_same_dtype(weights, recurrent, "weights and recurrent weights");
  if (dynamic && !weights.quantization) throw Error("its products are of integers, its weights are real numbers");
  require(kBias, {2 * rows}, "bias");
  require(kInitialH, {batch, hidden}, "initial h");
  require(kInitialC, {batch, hidden}, "initial c");
  require(kPeepholes, {3 * hidden}, "peepholes");
  std::vector<TensorType> outputs;
  if (sequence) outputs.push_back({x.dtype, y_batch_first ? Shape{batch, steps, hidden} : Shape{steps, batch, hidden}});
  if (last) outputs.push_back({x.dtype, {batch, hidden}});
  if (kind == RecurrentKind::Lstm) outputs.push_back({x.dtype, {batch, hidden}});
  return outputs;
}

std::vector<Array> Recurrent::evaluate(const std::vector<const Array*>& inputs) const {
  return evaluate_recurrent(*this, inputs, infer(types_of(inputs)));
}

int64_t Recurrent::macs(const Node& node) const {
  const Shape& x = node.in(kX).shape();
  const int64_t hidden = node.in(kRecurrentWeights).shape()[1];
  return x[0] * x[1] * kernels::gate_count(kind, input_forget) * hidden * (x[2] + hidden);
}

void Recurrent::emit(const Node& node, emit::Context& context) const {
  const Array& weights = *constant_input(node, kWeights, "weights");
  const Array& recurrent = *constant_input(node, kRecurrentWeights, "recurrent weights");
  const Array* peepholes = constant_input(node, kPeepholes, "peepholes");
  const int64_t hidden = recurrent.shape()[1];
  const std::vector<int64_t> gates = device_gates(*this);
  const int64_t rows = static_cast<int64_t>(gates.size()) * hidden;
  const Biases biases = merged_biases(*this, constant_input(node, kBias, "bias"), hidden);
  Sections of_input(weights, gates, hidden, dynamic), of_state(recurrent, gates, hidden, dynamic);
  of_input.add(0, rows, biases.input);
  const bool two_sections = kind == RecurrentKind::Gru;
  of_state.add(0, two_sections ? 2 * hidden : rows, {});
  if (two_sections) of_state.add(2 * hidden, hidden, biases.candidate);
  const uint32_t input_block = of_input.write(context), recurrent_block = of_state.write(context);
  const auto layout = dynamic                       ? fb::WeightLayout::Panel16Dynamic8
                      : weights.type().quantization ? fb::WeightLayout::Panel16Float32x8
                                                    : fb::WeightLayout::Panel16;
  const uint32_t peephole_block = peepholes != nullptr ? context.buffer(peepholes->floats()) + 1 : 0;
  const fb::Activation functions[] = {emit::Context::activation(gate), emit::Context::activation(cell),
                                      emit::Context::activation(output)};
  const auto table = fb::CreateRecurrent(
      context.builder(), static_cast<fb::RecurrentKind>(kind), device_int(hidden), reverse, x_batch_first,
      y_batch_first, node.has(kInitialH), node.has(kInitialC), sequence, last, linear_before_reset, input_forget,
      std::isfinite(clip) ? static_cast<float>(clip) : 0.0f, &functions[0], &functions[1], &functions[2], input_block,
      recurrent_block, peephole_block, layout);
  std::vector<uint32_t> outputs;
  for (const Value* value : node.outputs) outputs.push_back(context.tensor(*value));
  context.step(node, table, input_tensors(node, context, {kX, kInitialH, kInitialC}), outputs);
}

}  // namespace linnet::ops
