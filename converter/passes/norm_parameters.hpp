// Merges what stands behind a normalization into it.
#pragma once

#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

// Whether `node`, a product or sum with a constant, was merged into the gain and shift of the RowNorm or the scale and
// shift of the GroupNorm that it follows. Where images are still channels-first, a RowNorm over all dimensions behind
// the channels becomes a GroupNorm when the constant is per channel, and a GroupNorm without parameters a RowNorm when
// it is per element.
bool merge_parameters(Graph& graph, PassLog& log, Node* node, bool channels_first);

// The array broadcast to `shape`.
Array repeated(const Array& array, const Shape& shape);

}  // namespace linnet::passes
