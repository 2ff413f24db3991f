// Channels: the indices along one dimension of a tensor, from the layer that computes each of them to the layers that
// read it, and what is known about their elements whatever the graph's inputs are.
#pragma once

#include <unordered_map>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::passes {

// What output channels are made of: channel j of channel source[j] along `axis` of this input, and of what other
// operands say.
struct Operand {
  size_t input;
  int64_t axis;
  std::vector<int64_t> source;  // -1: the channel has nothing of this input
};

// A node that keeps channels apart: its output channels, along `axis`, depend on no others than their operands'.
// Inputs that are no operands have the same effect on all channels.
struct Flow {
  int64_t axis;
  std::vector<Operand> operands;
};

class Channels {
 public:
  explicit Channels(const ir::Graph& graph);

  // The dimension of a tensor's channels; -1 where there is none, as of what the graph reads.
  int64_t axis(const ir::Value* value) const;
  // As many as the dimension has elements; 0 without one.
  int64_t count(const ir::Value* value) const;
  // Null for nodes that mix channels.
  const Flow* flow(const ir::Node* node) const;

 private:
  std::unordered_map<const ir::Value*, int64_t> axes_;
  std::unordered_map<const ir::Node*, Flow> flows_;

  std::optional<Flow> find_flow(ir::Node& node) const;
  std::optional<Flow> of_groups(ir::Node& node) const;
  std::optional<Flow> of_concat(const ir::Node& node, int64_t axis) const;
  std::optional<Flow> of_binary(const ir::Node& node) const;
  std::optional<Flow> of_factors(const ir::Node& node, int64_t axis) const;
  std::optional<Flow> of_movement(const ir::Node& node, int64_t axis) const;
};

}  // namespace linnet::passes
