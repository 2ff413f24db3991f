// Batch normalizations that an exporter or a program uses to normalize the rows of a view.
#pragma once

#include "converter/ir/graph.hpp"
#include "converter/passes/passes.hpp"

namespace linnet::weights {

// A batch normalization without running averages of a Reshape to one image [1, rows, ...], whose rows are not the
// channels that the tensor had, normalizes every row by its own statistics, whatever the data: it becomes a GroupNorm.
// Where mean and variance are computed in the graph, they must be those of the rows, which is tried on a sample.
void replace_batches_of_one(ir::Graph& graph, passes::PassLog& log);

}  // namespace linnet::weights
