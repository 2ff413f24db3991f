// The weights of a graph as it was imported: which constants feed the weight input of a layer.
#pragma once

#include <vector>

#include "converter/ir/graph.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::weights {

// Inputs of Conv, ConvTranspose and Linear.
inline constexpr size_t kWeights = 1, kBias = 2;

struct LayerWeight {
  ir::Node* layer;
  ir::Value* source;  // the constant with as many elements as the layer's weights that they are computed from
  bool moved_only;    // by nothing but reshapes, transposes and casts
  const ir::Shape& shape() const { return layer->in(kWeights).shape(); }
};

using ops::is_static;

bool is_layer(const ir::Node& node);

// In the order of the layers. Layers whose weights come from no such constant are left out.
std::vector<LayerWeight> find_weights(const ir::Graph& graph);

// The layer's output channel of every weight; transposed convolutions keep theirs in dimension 1, group by group.
std::vector<size_t> output_channels(const ir::Node& layer);

// What one output sums over (fan_in), and how many outputs one input takes part in (fan_out), at stride 1.
struct Fans {
  int64_t in, out;
};
Fans fans(const ir::Node& layer);

// A weight matrix of a recurrent layer: the constants that it is cut out of or joined from, and the fans of one gate.
struct RecurrentMatrix {
  std::vector<ir::Value*> sources;
  Fans fans;
};
std::vector<RecurrentMatrix> recurrent_matrices(const ir::Node& layer);

void remove_unused_constants(ir::Graph& graph);

}  // namespace linnet::weights
