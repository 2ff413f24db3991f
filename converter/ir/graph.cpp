#include "converter/ir/graph.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace linnet::ir {

namespace {

void remove_use(Value* value, const Node* node, size_t input) {
  auto use = std::find_if(value->uses.begin(), value->uses.end(),
                          [&](const Use& u) { return u.node == node && u.input == input; });
  if (use != value->uses.end()) value->uses.erase(use);
}

void require_fits(const TensorType& type) {
  Shape sizes = type.shape;  // an empty tensor must not hide dimensions whose strides overflow
  std::replace(sizes.begin(), sizes.end(), int64_t{0}, int64_t{1});
  if (element_count(sizes) > kMaximumElements)
    throw Error(fmt::format("a tensor of shape {} has more than {} elements", to_string(type.shape), kMaximumElements));
}

}  // namespace

std::vector<TensorType> infer_types(const Op& op, const std::vector<Value*>& inputs) {
  std::vector<const TensorType*> types;
  types.reserve(inputs.size());
  for (const Value* value : inputs) types.push_back(value != nullptr ? &value->type : nullptr);
  std::vector<TensorType> outputs = op.infer(types);
  for (const TensorType& type : outputs) require_fits(type);
  return outputs;
}

std::string to_string(const Node& node) {
  return fmt::format("node '{}' ({})", node.name, node.origin.empty() ? node.op->name() : node.origin);
}

std::unique_ptr<Graph> Graph::clone() const {
  auto copy = std::make_unique<Graph>();
  copy->name = name;
  copy->names_ = names_;
  std::unordered_map<const Value*, Value*> values;
  std::unordered_map<const Node*, Node*> nodes;
  for (const auto& value : values_) {
    Value* twin = copy->add_value(value->name, value->type);
    twin->output_index = value->output_index;
    twin->constant = value->constant;
    twin->source_permutation = value->source_permutation;
    values[value.get()] = twin;
  }
  const auto twins = [&](const std::vector<Value*>& list) {
    std::vector<Value*> result;
    result.reserve(list.size());
    for (const Value* value : list) result.push_back(value != nullptr ? values.at(value) : nullptr);
    return result;
  };
  for (const auto& node : nodes_) {
    auto twin = std::make_unique<Node>();
    twin->op = node->op->clone();
    twin->inputs = twins(node->inputs);
    twin->outputs = twins(node->outputs);
    twin->name = node->name;
    twin->sources = node->sources;
    twin->origin = node->origin;
    for (Value* output : twin->outputs) output->producer = twin.get();
    nodes[node.get()] = twin.get();
    twin->position = copy->nodes_.insert(copy->nodes_.end(), nullptr);
    *twin->position = std::move(twin);
  }
  for (const auto& value : values_)
    for (const Use& use : value->uses) values.at(value.get())->uses.push_back({nodes.at(use.node), use.input});
  copy->inputs = twins(inputs);
  copy->outputs = twins(outputs);
  copy->states = states;
  return copy;
}

Value* Graph::add_value(std::string name, TensorType type) {
  auto value = std::make_unique<Value>();
  value->name = std::move(name);
  value->type = std::move(type);
  Value* pointer = value.get();
  positions_[pointer] = values_.insert(values_.end(), std::move(value));
  return pointer;
}

Value* Graph::add_input(const std::string& name, TensorType type) {
  require_fits(type);
  return inputs.emplace_back(add_value(unique_name(name), std::move(type)));
}

Value* Graph::add_constant(const std::string& name, Array array) {
  require_fits(array.type());
  Value* value = add_value(unique_name(name), array.type());
  value->constant = std::move(array);
  return value;
}

Node* Graph::add(std::unique_ptr<Op> op, std::vector<Value*> inputs, std::string name, Node* before,
                 const std::vector<std::string>& output_names) {
  std::vector<TensorType> types;
  try {
    types = infer_types(*op, inputs);
  } catch (const Error& error) {
    throw Error(fmt::format("{} ({}): {}", name, op->name(), error.what()));
  }
  const auto position = nodes_.insert(before != nullptr ? before->position : nodes_.end(), std::make_unique<Node>());
  Node* node = position->get();
  node->position = position;
  node->op = std::move(op);
  node->inputs = std::move(inputs);
  node->name = std::move(name);
  node->sources = SourceNames(node->name);
  for (size_t i = 0; i < node->inputs.size(); ++i)
    if (node->inputs[i] != nullptr) node->inputs[i]->uses.push_back({node, i});
  for (size_t i = 0; i < types.size(); ++i) {
    Value* value = add_value(unique_name(i < output_names.size() ? output_names[i] : node->name), std::move(types[i]));
    value->producer = node;
    value->output_index = i;
    node->outputs.push_back(value);
  }
  return node;
}

void Graph::set_input(Node* node, size_t index, Value* value) {
  if (node->inputs.size() <= index) node->inputs.resize(index + 1, nullptr);
  if (node->inputs[index] != nullptr) remove_use(node->inputs[index], node, index);
  node->inputs[index] = value;
  if (value != nullptr) value->uses.push_back({node, index});
}

void Graph::replace_all_uses(Value* from, Value* to) {
  if (from == to) return;
  for (const Use& use : from->uses) {
    use.node->inputs[use.input] = to;
    to->uses.push_back(use);
  }
  from->uses.clear();
  if (!is_output(from)) return;
  if (!is_input(to) && !is_output(to)) {
    std::swap(from->name, to->name);
    std::swap(from->source_permutation, to->source_permutation);
  }
  std::replace(outputs.begin(), outputs.end(), from, to);
}

void Graph::drop_uses(Node* node) {
  for (size_t i = 0; i < node->inputs.size(); ++i)
    if (node->inputs[i] != nullptr) remove_use(node->inputs[i], node, i);
}

void Graph::remove(Node* node) {
  for (const Value* output : node->outputs)
    if (!output->uses.empty() || is_output(output))
      throw Error(fmt::format("{} is removed but its output {} is in use", node->name, output->name));
  drop_uses(node);
  for (Value* output : node->outputs) {
    values_.erase(positions_.at(output));
    positions_.erase(output);
  }
  nodes_.erase(node->position);
}

void Graph::remove(Value* value) {
  if (value->producer != nullptr || !value->uses.empty() || is_output(value))
    throw Error(fmt::format("tensor {} is removed but is in use", value->name));
  inputs.erase(std::remove(inputs.begin(), inputs.end(), value), inputs.end());
  const auto position = positions_.at(value);
  positions_.erase(value);
  values_.erase(position);
}

void Graph::infer(Node* node) {
  std::vector<TensorType> types;
  try {
    types = infer_types(*node->op, node->inputs);
  } catch (const Error& error) {
    throw Error(fmt::format("{} ({}): {}", node->name, node->op->name(), error.what()));
  }
  if (types.size() != node->outputs.size())
    throw Error(fmt::format("{} ({}): has {} outputs, {} are inferred", node->name, node->op->name(),
                            node->outputs.size(), types.size()));
  for (size_t i = 0; i < types.size(); ++i) node->outputs[i]->type = std::move(types[i]);
}

void Graph::rename(Value* value, std::string name) {
  value->name = std::move(name);
}

bool Graph::is_input(const Value* value) const {
  return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
}
bool Graph::is_output(const Value* value) const {
  return std::find(outputs.begin(), outputs.end(), value) != outputs.end();
}

std::string Graph::unique_name(std::string_view stem) {
  std::string name(stem.empty() ? "value" : stem);
  size_t& number = names_.try_emplace(name, 0).first->second;
  if (number++ == 0) return name;
  for (;; ++number) {
    std::string numbered = fmt::format("{}_{}", name, number);
    if (names_.try_emplace(numbered, 1).second) return numbered;
  }
}

}  // namespace linnet::ir
