// Batch normalizations that are written out as arithmetic.
#pragma once

#include "converter/ir/graph.hpp"
#include "converter/passes/passes.hpp"

namespace linnet::weights {

// (x - mean) / deviation [* scale] [+ bias], where all but x are known before a run and vary along dimension 1 (of a
// matrix or of images) at most, becomes a BatchNorm, so that its statistics can be replaced. A deviation of the form
// sqrt(variance + number) gives its epsilon; in other forms, such as a constant that an exporter folded, it counts as
// PyTorch's 1e-5. What is done so to the graph's inputs themselves is preprocessing, and stays.
void gather_batch_norms(ir::Graph& graph, passes::PassLog& log);

}  // namespace linnet::weights
