// Reductions of views.
#pragma once

#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

// A Reduce of functions of Reshape(x), which merges neighbouring dimensions (images as [N, C, H W]), becomes the Reduce
// of the same functions of x over the dimensions that were merged, so that statistics and what they are for have one
// shape. Returns whether there was one.
bool reduce_before_views(Graph& graph, PassLog& log);

}  // namespace linnet::passes
