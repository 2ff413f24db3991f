// int8 weights for layers whose inputs and outputs stay real numbers (`linnet convert --weights int8`, `--int8
// dynamic`).
#pragma once

#include <functional>

#include "converter/passes/passes.hpp"
#include "converter/report/report.hpp"

namespace linnet::quantize {

// Weights of dimension 0 outputs, symmetric with a scale for each: where all of an output's weights are multiples of
// one number, at most 128 times it, that number, so that weights which were int8 before keep their integers; otherwise
// the greatest magnitude / 127.
ir::Array int8_weights(const ir::Array& weights);

struct WeightTargets {
  std::function<bool(const ir::Node&)> wanted;  // whose layer multiplies by int8 weights as they are
  bool dynamic;                                 // linear and recurrent layers quantize their inputs at run time
};

// Gives int8 weights to the layers with constant float weights, at least two for each output; those that are int8
// already keep their integers. Returns what was done, with the reason of every layer that stays float.
report::Int8Weights quantize_weights(ir::Graph& graph, const WeightTargets& targets, passes::PassLog& log);

}  // namespace linnet::quantize
