// The tensors that one list of nodes sees: those of the model's graph, those of an If's branch and of the graph around
// it, or those of a function's body.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "converter/import/functions.hpp"
#include "converter/ir/graph.hpp"

namespace linnet::import {

struct Scope {
  const Scope* around = nullptr;  // of a branch
  const Scope* caller = nullptr;  // of a function's body
  const Function* function = nullptr;
  int opset = 0;                                       // of domain ai.onnx; 0: a function that names none
  std::string prefix;                                  // of the names of nodes
  AttributeMap attributes;                             // of the function's call
  std::unordered_map<std::string, ir::Value*> values;  // by ONNX name; null: a function's optional input, not given
  std::unordered_set<std::string> read;                // names that a node or the outputs read
  // Tensors that exist but could not be imported; what depends on them is not reported again.
  std::unordered_set<std::string> spoiled;

  // Null where this scope and those around it have no such tensor.
  ir::Value* const* find(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->around)
      if (const auto found = scope->values.find(name); found != scope->values.end()) return &found->second;
    return nullptr;
  }
};

}  // namespace linnet::import
