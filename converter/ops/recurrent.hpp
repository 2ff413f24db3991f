// Recurrent layers: one direction of ONNX's RNN, LSTM or GRU over its whole sequence.
#pragma once

#include <limits>

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;
using kernels::RecurrentKind;

// Inputs (kHidden units, gates in ONNX's order: LSTM i o f c, GRU z r h):
//   x [time, batch, inputs], or [batch, time, inputs] with x_batch_first
//   weights [gates * hidden, inputs], recurrent weights [gates * hidden, hidden]
//   both of x's type, or both int8 with one scale for all rows or one per row and a zero point of 0
//   bias [2 * gates * hidden] or absent: those of the input weights, then those of the recurrent weights
//   initial h, initial c [batch, hidden] or absent: zeros; c of an LSTM only
//   peepholes [3 * hidden] of i, o, f or absent; of an LSTM only
// Outputs: where `sequence`, the hidden state of every time step [time, batch, hidden], or [batch, time, hidden] with
// y_batch_first; where `last`, that of the step computed last [batch, hidden]; of an LSTM, its last cell state [batch,
// hidden].
struct Recurrent : OpBase<Recurrent> {
  static constexpr std::string_view kName = "Recurrent";
  enum Input : size_t { kX, kWeights, kRecurrentWeights, kBias, kInitialH, kInitialC, kPeepholes, kInputs };

  RecurrentKind kind = RecurrentKind::Rnn;
  bool reverse = false;
  bool x_batch_first = false, y_batch_first = false;
  bool sequence = true, last = false;
  bool linear_before_reset = false;  // of a GRU
  bool input_forget = false;         // of an LSTM: the forget gate is 1 - the input gate, its weights are not used
  double clip = std::numeric_limits<double>::infinity();
  Activation gate, cell, output;  // f, g and h of ONNX
  // With int8 weights: products quantize x, and in every step the states of all batch entries together, as
  // DynamicQuantizeLinear does it; their sums are integers.
  bool dynamic = false;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  int64_t macs(const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;

  size_t last_output() const { return sequence ? 1 : 0; }
  size_t cell_output() const { return last_output() + (last ? 1 : 0); }
};

}  // namespace linnet::ops
