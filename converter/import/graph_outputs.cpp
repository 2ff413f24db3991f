#include "converter/import/graph_outputs.hpp"

#include <vector>

#include "converter/ops/reshape.hpp"

namespace linnet::import {

using ir::Value;

Value* named_output(ir::Graph& graph, Value* value, const std::string& name) {
  if (value->name == name) return value;
  if (graph.is_input(value) || graph.is_output(value) || value->constant) {
    auto view = std::make_unique<ops::Reshape>();
    view->shape = value->shape();
    value = graph.add(std::move(view), {value}, name)->outputs.front();
  }
  graph.rename(value, name);
  return value;
}

void remove_unused_constants(ir::Graph& graph) {
  std::vector<Value*> unused;
  for (const auto& value : graph.values())
    if (value->constant && value->uses.empty() && !graph.is_output(value.get())) unused.push_back(value.get());
  for (Value* value : unused) graph.remove(value);
}

}  // namespace linnet::import
