// Whether the open first dimension of a model's inputs is a batch of independent samples.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "converter/ir/graph.hpp"

namespace linnet::import {

// `two` and `three` are one model, imported with 2 and with 3 elements in the open first dimensions; `initializers`
// names tensors that are the same in both. Follows these dimensions through the graph, by a rule for every operator
// that may read them. Empty where each output, apart from those that depend on no such input, is for every sample what
// it is for that sample alone, one after the other along its first dimension. Otherwise, or where an operator has no
// rule, why not: "gru1 (Recurrent) mixes its elements".
std::optional<std::string> why_not_samples(const ir::Graph& two, const ir::Graph& three,
                                           const std::unordered_set<std::string>& initializers);

}  // namespace linnet::import
