// Which tensors may be slices of others, that is, have rows that do not follow one another densely.
#pragma once

#include "converter/ir/graph.hpp"

namespace linnet::plan {

// Whether the device operator of `node` reads input `index` (writes its output) in rows of any distance. A view does
// where it keeps the rows.
bool reads_rows(const ir::Node& node, size_t index);
bool writes_rows(const ir::Node& node);

}  // namespace linnet::plan
