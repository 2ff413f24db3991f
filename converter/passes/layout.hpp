// The choice of dimension orders. Every node may compute in some orders of its dimensions; where the orders of a
// producer and a consumer differ, the tensor between them must be transposed. Orders are chosen such that few elements
// are.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::passes {

// The dimension orders in which a node reads its data inputs and writes its output: physical dimension d is the graph's
// dimension in[d] or out[d]. They differ for a Reshape only.
struct Layout {
  ir::Permutation in, out;
  friend bool operator==(const Layout&, const Layout&) = default;
};

// Whether input `index` is data, which follows the node's layout; parameters such as weights do not.
bool is_data_input(const ir::Node& node, size_t index);
// The operator that computes `node` in another layout; null where there is none. A RowNorm's gain and shift are
// left to the caller.
std::unique_ptr<ir::Op> in_layout(const ir::Node& node, const ir::Permutation& permutation);
// The order of a Reshape's output that follows from the order of its input (`forward`) or the reverse; empty where the
// reshaped elements would not keep their order.
ir::Permutation through_reshape(const ir::Shape& input, const ir::Shape& output, const ir::Permutation& permutation,
                                bool forward);
// The first of the input dimensions that a Reshape merges into its last output dimension, which Linear layers alone
// read: a transposition among them is a transposition of the weights. The rank where there are none.
size_t first_flattened_dimension(const ir::Graph& graph, const ir::Node& reshape);

struct LayoutChoice {
  std::unordered_map<const ir::Node*, Layout> nodes;  // those that change
  std::vector<ir::Permutation> inputs, outputs;       // of the graph
};

LayoutChoice choose_layouts(const ir::Graph& graph, bool keep_layout);

}  // namespace linnet::passes
