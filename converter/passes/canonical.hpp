// The forms that layouts can be chosen for.
#pragma once

#include "converter/ir/graph.hpp"

namespace linnet::passes {

// Element-wise operands get the rank of their result, reductions keep their dimensions and gathers have one index
// dimension, with a Reshape where the shape was another; convolutions, pools and group norms become channels-last, with
// a Transpose before and behind.
void make_canonical(ir::Graph& graph);

}  // namespace linnet::passes
