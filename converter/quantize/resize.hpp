// Resizing images of int8.
#pragma once

#include <unordered_set>

#include "converter/ir/graph.hpp"
#include "converter/ops/resample.hpp"

namespace linnet::quantize {

// Whether every output is a mean of inputs, which integer weights can compute: weights of 1 together, no bias.
bool is_mean(const ops::Resample& resample);

// The tensors between two axes that are resampled one after the other, of all that `nodes` resample: sums that are
// rounded behind the second.
std::unordered_set<const ir::Value*> sums_between(const ir::Graph& graph,
                                                  const std::unordered_set<const ir::Node*>& nodes);

// Every resampling of `nodes` whose input is int8 seen as real numbers computes with integers; what it gives is seen
// so. `sums` is what sums_between gave before the tensors were quantized.
void resample_integers(ir::Graph& graph, const std::vector<ir::Node*>& nodes,
                       const std::unordered_set<const ir::Value*>& sums);

}  // namespace linnet::quantize
