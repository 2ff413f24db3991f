// Reference evaluation of many runs at once, node after node.
#pragma once

#include <functional>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::ir {

// Called before a node is evaluated with what its first input holds in every run (in one, where it is the same in all).
// It may replace inputs of the node by constants.
using Visit = std::function<void(Node&, const std::vector<const Array*>&)>;

// `runs` holds the inputs of each run.
void evaluate_runs(const Graph& graph, const std::vector<std::vector<Array>>& runs, const Visit& visit);

}  // namespace linnet::ir
