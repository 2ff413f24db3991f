// Ranges without the numbers that make no difference.
#pragma once

#include "converter/ir/graph.hpp"
#include "converter/quantize/calibrate.hpp"

namespace linnet::quantize {

// Of tensors that one function alone reads: a range ends where the function stays within half a step of its own int8
// form, as hard swish does below -3; that of a softmax over the last dimension so far below the least of the rows'
// greatest numbers that what lies beyond has no probability.
void trim_ranges(const ir::Graph& graph, Statistics* statistics);

}  // namespace linnet::quantize
