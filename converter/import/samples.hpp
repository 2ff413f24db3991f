// Whether the open first dimension of a model's inputs is a batch of independent samples.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::import {

// `two` and `three` are one model, imported with 2 and with 3 elements in the open first dimensions; `initializers`
// names tensors that are the same in both. Follows these dimensions through the graph, by a rule for every operator
// that may read them. Empty where each output, apart from those that depend on no such input, is for every sample what
// it is for that sample alone, one after the other along its first dimension. Otherwise, or where an operator has no
// rule, why not: "gru1 (Recurrent) mixes its elements".
std::optional<std::string> why_not_samples(const ir::Graph& two, const ir::Graph& three,
                                           const std::unordered_set<std::string>& initializers);

// `one` was imported with 1 in the first dimension of `open_inputs`; `import` imports it again with these shapes for
// them. Throws ir::Problems where it has an answer to why_not_samples. A model that can have no other size than 1 has
// one sample.
using Import = std::function<std::unique_ptr<ir::Graph>(const std::map<std::string, ir::Shape>& shapes)>;
void require_samples(const ir::Graph& one, const std::vector<std::string>& open_inputs,
                     const std::unordered_set<std::string>& initializers, const Import& import);

}  // namespace linnet::import
