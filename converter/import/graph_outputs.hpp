// What importers do at the end.
#pragma once

#include <string>

#include "converter/ir/graph.hpp"

namespace linnet::import {

// The graph output `name` that holds `value`: the value itself, which takes the name, or a view of it where it is a
// graph input or output already or a constant, which keep theirs.
ir::Value* named_output(ir::Graph& graph, ir::Value* value, const std::string& name);

void remove_unused_constants(ir::Graph& graph);

}  // namespace linnet::import
