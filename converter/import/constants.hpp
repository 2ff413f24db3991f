// Values that depend on constants only, evaluated on demand while a model is imported.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::import {

class Constants {
 public:
  // Adds a node to the graph and gives its outputs. One with only constant inputs and integer or boolean outputs (shape
  // arithmetic) is evaluated at once instead, unless it is very large. Throws ir::Error without naming the node.
  std::vector<ir::Value*> add(ir::Graph& graph, std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs,
                              const std::string& name);
  bool known(const ir::Value* value) const { return value->constant.has_value() || derived_.count(value) != 0; }
  const ir::Array& get(const ir::Value* value);  // of a known value

  // The graph inputs that `value` depends on.
  static std::vector<const ir::Value*> dependencies(const ir::Value* value);

 private:
  std::unordered_set<const ir::Value*> derived_;
  std::unordered_map<const ir::Value*, ir::Array> evaluated_;

  const ir::Array* find(const ir::Value* value) const;
  bool all_known(const std::vector<ir::Value*>& values) const;
};

}  // namespace linnet::import
