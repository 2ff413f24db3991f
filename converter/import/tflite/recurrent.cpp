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
                 kOutputState = 18, kLayerNorm = 20, kInputs = 24;

class LstmImporter {
 public:
  explicit LstmImporter(TfliteContext& context)
      : context_(context), coupled_(context.optional_input(kInputWeights) == nullptr) {}

  Value* run() {
    const auto& options = context_.options<tfl::UnidirectionalSequenceLSTMOptions>();
    require_supported(options);
    context_.warn("its state is 0 at the start of every run");
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
    inputs[ops::Recurrent::kWeights] = gates(kInputWeights);
    inputs[ops::Recurrent::kRecurrentWeights] = gates(kRecurrentWeights);
    inputs[ops::Recurrent::kBias] = biases();
    if (context_.optional_input(kPeepholes + 1) != nullptr) inputs[ops::Recurrent::kPeepholes] = peepholes();
    return context_.add(std::move(op), inputs);
  }

 private:
  TfliteContext& context_;
  bool coupled_;  // the input gate is 1 - the forget gate

  void require_supported(const tfl::UnidirectionalSequenceLSTMOptions& options) const {
    for (size_t i = kProjection; i < kInputs; ++i)
      if (i != kOutputState && i != kOutputState + 1 && context_.optional_input(i) != nullptr)
        context_.fail(i < kOutputState ? "has a projection; supported are layers without"
                                       : "has layer normalization; supported are layers without");
    if (options.diagonal_recurrent_tensors()) context_.fail("has diagonal recurrent weights");
    if (options.fused_activation_function() != tfl::ActivationFunctionType::TANH)
      context_.fail("has another activation than TANH");
    if (options.cell_clip() > 0.0f) context_.fail("clips its cells; supported are layers that do not");
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
