// How the axes of a reduction lie in memory.
#pragma once

#include <vector>

#include "converter/ir/array.hpp"
#include "converter/ops/axes.hpp"

namespace linnet::ops {

// Splits ascending axes into runs whose dimensions follow one another in memory; dimensions of size 1 do not separate.
std::vector<std::vector<int64_t>> adjacent_runs(const std::vector<int64_t>& axes, const ir::Shape& shape);

// A tensor seen as [outer, size, inner] around one run of axes.
AxisSplit reduced_view(const std::vector<int64_t>& run, const ir::Shape& shape);

}  // namespace linnet::ops
