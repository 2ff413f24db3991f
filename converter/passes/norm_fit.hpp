// Which normalization a subgraph computes, by its values.
#pragma once

#include <optional>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::passes {

// Nodes in the graph's order that compute the last one's output from `variable`, of the same shape, and constants:
// Binary, Unary, Expand and Reduce with kept dimensions.
struct ReductionSubgraph {
  ir::Value* variable = nullptr;
  std::vector<ir::Node*> nodes;
};

// The dimensions that any of the nodes reduces, ascending.
std::vector<int64_t> reduced_axes(const ReductionSubgraph& subgraph);

// y = normalized(x) * gain + shift with the statistics of RowNormArgs (kernels/contract.hpp) over the reduced axes.
struct FittedNorm {
  kernels::NormKind kind = kernels::NormKind::Layer;
  double epsilon = 0.0;
  bool epsilon_outside = false;
  ir::Array gain, shift;  // of the rank of x; dimensions along which they do not vary have size 1
};

// Kind, epsilon, gain and shift are fitted to the subgraph's values on a few samples: the shift is the even part, the
// kind follows from what a constant added to x changes, epsilon from samples of vanishing variance; its place is the
// one where the result agrees on further samples of usual, tiny and, where the mean is subtracted, offset values. Of
// two kinds that do, the one that needs no gain is taken.
std::optional<FittedNorm> fit_norm(const ReductionSubgraph& subgraph);

}  // namespace linnet::passes
