#include "converter/import/constants.hpp"

#include <algorithm>
#include <vector>

namespace linnet::import {

using ir::Array;
using ir::Node;
using ir::Value;

void Constants::note(const Node& node) {
  const bool constant =
      std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Value* v) { return v == nullptr || known(v); });
  if (constant) derived_.insert(node.outputs.begin(), node.outputs.end());
}

const Array* Constants::find(const Value* value) const {
  if (value->constant) return &*value->constant;
  const auto entry = evaluated_.find(value);
  return entry != evaluated_.end() ? &entry->second : nullptr;
}

const Array& Constants::get(const Value* value) {
  std::vector<const Value*> pending{value};
  while (!pending.empty()) {
    const Value* top = pending.back();
    if (find(top) != nullptr) {
      pending.pop_back();
      continue;
    }
    const Node& node = *top->producer;
    std::vector<const Array*> inputs;
    bool ready = true;
    for (const Value* input : node.inputs) {
      inputs.push_back(input != nullptr ? find(input) : nullptr);
      if (input == nullptr || inputs.back() != nullptr) continue;
      pending.push_back(input);
      ready = false;
    }
    if (!ready) continue;
    std::vector<Array> outputs = node.op->evaluate(inputs);
    for (size_t i = 0; i < outputs.size(); ++i) evaluated_[node.outputs[i]] = std::move(outputs[i]);
  }
  return *find(value);
}

std::vector<const Value*> Constants::dependencies(const Value* value) {
  std::vector<const Value*> pending{value}, found;
  std::unordered_set<const Value*> seen;
  while (!pending.empty()) {
    const Value* top = pending.back();
    pending.pop_back();
    if (!seen.insert(top).second || top->constant) continue;
    if (top->producer == nullptr) {
      found.push_back(top);
      continue;
    }
    for (const Value* input : top->producer->inputs)
      if (input != nullptr) pending.push_back(input);
  }
  return found;
}

}  // namespace linnet::import
