// What the matrices of a layer read and what is added to their products, in one run.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "converter/treat/layer.hpp"

namespace linnet::treat {

// Rows of the matrix that read the same columns, whose channels begin at first_channel of the layer's input.
struct RowRange {
  int64_t first = 0, rows = 0, first_channel = 0;
};
std::vector<RowRange> row_ranges(const Layer& layer);

bool is_recurrent(const Layer& layer);

struct Readings {
  std::vector<ir::Array> x;  // one for all row ranges, or one for each
  std::optional<ir::Array> residual;
};
using TensorOf = std::function<ir::Array(const ir::Value&)>;
// `tensor` gives those of the layer's graph.
Readings readings(const Layer& layer, const TensorOf& tensor);

}  // namespace linnet::treat
