#include "converter/import/constants.hpp"

#include <algorithm>
#include <vector>

namespace linnet::import {

using ir::Array;
using ir::Node;
using ir::Value;

namespace {

// Shape arithmetic above this size is left in the graph for the folding pass.
constexpr int64_t kFoldedElements = int64_t{1} << 24;

bool is_shape_arithmetic(const ir::TensorType& type) {
  return !ir::is_floating(type.dtype) && ir::element_count(type.shape) <= kFoldedElements;
}

}  // namespace

bool Constants::all_known(const std::vector<Value*>& values) const {
  return std::all_of(values.begin(), values.end(), [&](const Value* v) { return v == nullptr || known(v); });
}

std::vector<Value*> Constants::add(ir::Graph& graph, std::unique_ptr<ir::Op> op, std::vector<Value*> inputs,
                                   const std::string& name) {
  const std::vector<ir::TensorType> types = ir::infer_types(*op, inputs);
  const bool constant = all_known(inputs);
  if (constant && std::all_of(types.begin(), types.end(), is_shape_arithmetic)) {
    std::vector<const Array*> arrays;
    arrays.reserve(inputs.size());
    for (const Value* value : inputs) arrays.push_back(value != nullptr ? &get(value) : nullptr);
    std::vector<Value*> outputs;
    for (Array& array : op->evaluate(arrays)) outputs.push_back(graph.add_constant(name, std::move(array)));
    return outputs;
  }
  const Node* node = graph.add(std::move(op), std::move(inputs), name);
  if (constant) derived_.insert(node->outputs.begin(), node->outputs.end());
  return node->outputs;
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
