// Recurrent layers.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/recurrent.hpp"

namespace linnet::import::from_tflite {

namespace {

// Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM. Of four, those of the input, forget, cell and output gate; of three, without
// the cell gate.
constexpr size_t kInputWeights = 1, kRecurrentWeights = 5, kPeepholes = 9, kBiases = 12, kProjection = 16,
                 kOutputState = 18, kCellState = 19, kLayerNorm = 20, kInputs = 24;

class LstmImporter {
 public:
  explicit LstmImporter(TfliteContext& context)
      : context_(context), coupled_(context.optional_input(kInputWeights) == nullptr) {}

  Value* run() {
    const auto& options = context_.options<tfl::UnidirectionalSequenceLSTMOptions>();
    require_supported(options);
    auto op = std::make_unique<ops::Recurrent>();
    op->kind = kernels::RecurrentKind::Lstm;
    op->x_batch_first = op->y_batch_first = !options.time_major();
    op->input_forget = coupled_;
    op->gate = {Function::Sigmoid};
    op->cell = op->output = {Function::Tanh};
    Value* x = context_.input(0);
    require_rank(context_, x, 3, "input 0");
    std::vector<Value*> inputs(ops::Recurrent::kInputs, nullptr);
    inputs[ops::Recurrent::kX] = x;
    Value *weights = int8_gates(kInputWeights), *recurrent = int8_gates(kRecurrentWeights);
    const bool int8 = weights != nullptr && recurrent != nullptr;
    inputs[ops::Recurrent::kWeights] = int8 ? weights : gates(kInputWeights);
    inputs[ops::Recurrent::kRecurrentWeights] = int8 ? recurrent : gates(kRecurrentWeights);
    inputs[ops::Recurrent::kBias] = biases();
    if (context_.optional_input(kPeepholes + 1) != nullptr) inputs[ops::Recurrent::kPeepholes] = peepholes();
    Variable *hidden = state(kOutputState), *cell = state(kCellState);
    inputs[ops::Recurrent::kInitialH] = current(hidden);
    inputs[ops::Recurrent::kInitialC] = current(cell);
    op->last = true;
    const std::vector<Value*> outputs = context_.add_many(std::move(op), inputs);
    if (hidden != nullptr) hidden->current = outputs[1];
    if (cell != nullptr) cell->current = outputs[2];
    return outputs[0];
  }

 private:
  TfliteContext& context_;
  bool coupled_;  // the input gate is 1 - the forget gate

  void require_supported(const tfl::UnidirectionalSequenceLSTMOptions& options) const {
    for (size_t i = kProjection; i < kInputs; ++i)
      if (i != kOutputState && i != kCellState && context_.optional_input(i) != nullptr)
        context_.fail(i < kOutputState ? "has a projection; supported are layers without"
                                       : "has layer normalization; supported are layers without");
    if (options.diagonal_recurrent_tensors()) context_.fail("has diagonal recurrent weights");
    if (options.fused_activation_function() != tfl::ActivationFunctionType::TANH)
      context_.fail("has another activation than TANH");
    if (options.cell_clip() > 0.0f) context_.fail("clips its cells; supported are layers that do not");
  }

  // The variable tensor of one of the layer's states, 0 before the first run; null where the layer has none.
  Variable* state(size_t index) {
    const int32_t tensor = context_.input_index(index);
    if (tensor == -1) return nullptr;
    TfliteState& file = context_.state();
    const tfl::Tensor& source = *file.subgraph.tensors()->Get(static_cast<uint32_t>(tensor));
    if (!source.is_variable())
      context_.fail(fmt::format("input {} '{}' is not a variable tensor", index, text_of(source.name())));
    const auto [entry, added] = file.variables.try_emplace(fmt::format("tensor {}", tensor));
    Variable& variable = entry->second;
    if (!added) return &variable;
    const Shape& x = context_.input(0)->shape();
    const int64_t batch = x[context_.options<tfl::UnidirectionalSequenceLSTMOptions>().time_major() ? 1 : 0];
    const Shape shape = {batch, context_.input(kRecurrentWeights + 1)->shape().back()};
    variable.initial = Array::of_floats(shape, std::vector<float>(static_cast<size_t>(element_count(shape))));
    variable.input = file.graph.add_input(text_of(source.name()), variable.initial->type());
    return &variable;
  }
  static Value* current(const Variable* variable) {
    if (variable == nullptr) return nullptr;
    return variable->current != nullptr ? variable->current : variable->input;
  }

  Value* joined(std::vector<Value*> parts) {
    auto op = std::make_unique<ops::Concat>();
    op->axis = 0;
    return context_.add(std::move(op), std::move(parts));
  }

  // 1 - sigmoid(x) is sigmoid(-x): the input gate's parameters where it is coupled to the forget gate. The graph's
  // layer couples the other way round and does not use those of its forget gate.
  Value* negated(Value* value) { return ops::unary(context_, {Function::Neg}, value); }
  Value* input_gate(size_t first) {
    return coupled_ ? negated(context_.float_input(first + 1)) : context_.float_input(first);
  }

  // In the graph's order: input, output, forget, cell.
  Value* gates(size_t first) {
    return joined({input_gate(first), context_.float_input(first + 3), context_.float_input(first + 1),
                   context_.float_input(first + 2)});
  }
  // The same of weights that are int8 with a zero point of 0, one scale per row; null where they are others.
  Value* int8_gates(size_t first) {
    std::vector<int64_t> values;
    ir::Quantization rows;
    Shape shape = {0, 0};
    for (const size_t gate : {coupled_ ? size_t{1} : size_t{0}, size_t{3}, size_t{1}, size_t{2}}) {
      const Value* value = context_.input(first + gate);
      if (!value->constant || value->type.dtype != DType::i8 || !value->type.quantization) return nullptr;
      const ir::Quantization& quantization = *value->type.quantization;
      const bool negative = coupled_ && shape[0] == 0;
      if (value->shape().size() != 2 || (!quantization.per_tensor() && quantization.axis != 0)) return nullptr;
      for (const int64_t number : value->constant->integers()) {
        if (negative && number == -128) return nullptr;
        values.push_back(negative ? -number : number);
      }
      for (int64_t row = 0; row < value->shape()[0]; ++row) {
        const size_t scale = quantization.per_tensor() ? 0 : static_cast<size_t>(row);
        if (quantization.zero_points[scale] != 0) return nullptr;
        rows.scales.push_back(quantization.scales[scale]);
        rows.zero_points.push_back(0);
      }
      shape = {shape[0] + value->shape()[0], value->shape()[1]};
    }
    if (element_count(shape) != static_cast<int64_t>(values.size())) return nullptr;
    Array array = Array::of_integers(shape, std::move(values), DType::i8).with_quantization(std::move(rows));
    return context_.add_constant(std::move(array), context_.input(first + 1)->name);
  }
  // There are biases of the recurrent weights as well.
  Value* biases() {
    Value* bias = gates(kBiases);
    std::vector<float> zeros(static_cast<size_t>(bias->shape()[0]));
    return joined({bias, context_.add_constant(Array::of_floats(bias->shape(), std::move(zeros)), "zeros")});
  }
  Value* peepholes() {
    Value* forget = context_.float_input(kPeepholes + 1);
    Value* input = coupled_ ? negated(forget) : context_.float_input(kPeepholes);
    return joined({input, context_.float_input(kPeepholes + 2), forget});
  }
};

}  // namespace

std::vector<Value*> import_lstm(TfliteContext& context) {
  return {LstmImporter(context).run()};
}

}  // namespace linnet::import::from_tflite
