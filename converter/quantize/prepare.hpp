// The float graph in the form whose tensors int8 arithmetic has.
#pragma once

#include <optional>
#include <string>

#include "converter/ir/graph.hpp"
#include "converter/passes/passes.hpp"

namespace linnet::quantize {

// Whether the device has a step of int8 for what the node computes, rounded to nearest; else why not.
enum class StepKind : uint8_t {
  other,   // real numbers alone
  layer,   // constant weights
  weak,    // no weights; pays only beside other steps of int8
  moving,  // elements of its inputs, or means of them: one scale for all of its tensors
};
StepKind kind_of(const ir::Node& node);
// The dimension of a layer's weights that its outputs are; absent where several groups share it.
std::optional<size_t> output_dimension(const ir::Node& layer);
int64_t outputs_of(const ir::Node& layer);
std::string obstacle_of(const ir::Node& node);  // of StepKind::other; empty where no real numbers are computed

// The softmax that alone reads a product times a positive factor, which can be the softmax's own; else null.
ir::Node* softmax_of(const ir::Graph& graph, const ir::Node& product);

// Takes residual sums, activations that no clamp is, and factors of products that no softmax can take over out of the
// nodes that `fuse` has merged them into, where they can be int8 steps.
void split_steps(ir::Graph& graph, passes::PassLog& log);

}  // namespace linnet::quantize
