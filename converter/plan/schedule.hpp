// The order of execution.
#pragma once

#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::plan {

// A topological order that always takes, of the nodes that can run, the one that leaves the fewest bytes alive.
std::vector<const ir::Node*> memory_saving_order(const ir::Graph& graph);

}  // namespace linnet::plan
