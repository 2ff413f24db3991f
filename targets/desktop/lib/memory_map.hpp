// Pictures of the arena's tensor region over time.
#pragma once

#include <string>

#include "targets/desktop/lib/model_facts.hpp"

namespace linnet::tools {

// Columns are steps (several per column for long models), rows are bands of addresses, a letter is the tensor that
// fills most of the cell, '.' is free memory. The legend lists the `legend` largest tensors.
std::string memory_map_text(const ModelFacts& model, size_t legend);

// The same as an SVG drawing: one rectangle per tensor, time from left to right, addresses upwards.
std::string memory_map_svg(const ModelFacts& model);

}  // namespace linnet::tools
