// Normalizations that are computed in another shape than that of their tensor.
#pragma once

#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

// Whether `node`, a Reshape back to the shape that another Reshape changed before functions of one variable, was
// removed with it: statistics whose reduced dimensions are dropped and given back.
bool remove_reshapes_around_functions(Graph& graph, PassLog& log, Node* node);

// Whether `node`, a Reshape to [N, C, ...] of a normalization of a Reshape of x [N, ...], became a GroupNorm: the
// exporters' and the usual written-out group and instance norms, in views [N, G, ...], [N G, ...] and [1, N G, ...].
bool merge_reshapes(Graph& graph, PassLog& log, Node* node);

}  // namespace linnet::passes
