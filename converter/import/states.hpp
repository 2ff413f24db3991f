// States that the user names: pairs of a graph's input and output.
#pragma once

#include <map>
#include <string>

#include "converter/ir/graph.hpp"

namespace linnet::import {

// Makes a state, at first the number 0, of every input in `states` and the output that it maps to. Throws ir::Problems
// with all pairs that are none.
void add_states(ir::Graph& graph, const std::map<std::string, std::string>& states);

}  // namespace linnet::import
