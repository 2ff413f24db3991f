// Convolutions, transposed convolutions and linear layers with constant weights, and where their channels lie.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "converter/ir/graph.hpp"

namespace linnet::passes {

constexpr size_t kWeights = 1, kBias = 2, kResidual = 3, kFactors = 4;  // inputs of a layer

struct Layer {
  ir::Node* node;
  int64_t groups = 1;
  bool transposed = false;  // weights [in, out / groups, ...] instead of [out, in / groups, ...]
  bool channels_last = true;
  // Not every output sees every tap of the window. Of a transposed convolution so near the border and between strided
  // pixels.
  bool padded = false;

  const ir::Value& weights() const { return node->in(kWeights); }
  // Of input and output.
  int64_t channel_axis() const { return channels_last ? static_cast<int64_t>(node->out().shape().size()) - 1 : 1; }
  int64_t outputs() const { return transposed ? weights().shape()[1] * groups : weights().shape()[0]; }
  int64_t inputs() const { return transposed ? weights().shape()[0] : weights().shape()[1] * groups; }

  // Input and output channel of every weight.
  std::pair<int64_t, int64_t> channels(int64_t weight) const;
};

// Nothing for other nodes, and where weights or bias are computed.
std::optional<Layer> as_layer(ir::Node* node);

}  // namespace linnet::passes
