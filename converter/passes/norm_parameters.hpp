// Merges what stands around a normalization into it.
#pragma once

#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

// Whether `node`, a product or sum with a constant, was merged into the gain and shift of the RowNorm or the scale and
// shift of the GroupNorm that it follows. A RowNorm over all dimensions behind the channels becomes a GroupNorm where
// the constant is per channel.
bool merge_parameters(Graph& graph, PassLog& log, Node* node);

// Whether `node`, a Reshape of a normalization [N, G, ...] of a Reshape of x to [N, C, ...], became a GroupNorm of G
// groups: the exporters' and the usual written-out group norm.
bool merge_reshapes(Graph& graph, PassLog& log, Node* node);

// The array broadcast to `shape`.
Array repeated(const Array& array, const Shape& shape);

}  // namespace linnet::passes
