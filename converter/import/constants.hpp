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
  void note(const ir::Node& node);  // to be called for every node added to the graph
  bool known(const ir::Value* value) const { return value->constant.has_value() || derived_.count(value) != 0; }
  const ir::Array& get(const ir::Value* value);  // of a known value

  // The graph inputs that `value` depends on.
  static std::vector<const ir::Value*> dependencies(const ir::Value* value);

 private:
  std::unordered_set<const ir::Value*> derived_;
  std::unordered_map<const ir::Value*, ir::Array> evaluated_;

  const ir::Array* find(const ir::Value* value) const;
};

}  // namespace linnet::import
