#include "converter/import/node_context.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/import/shell.hpp"
#include "converter/import/topology.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::Error;
using ir::Value;
using onnx::AttributeProto;

// The type of an attribute; files of the first ONNX versions do not state it.
AttributeProto::AttributeType type_of(const AttributeProto& attribute) {
  if (attribute.has_type() && attribute.type() != AttributeProto::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return AttributeProto::FLOAT;
  if (attribute.has_i()) return AttributeProto::INT;
  if (attribute.has_s()) return AttributeProto::STRING;
  if (attribute.has_t()) return AttributeProto::TENSOR;
  if (attribute.has_g()) return AttributeProto::GRAPH;
  if (attribute.floats_size() > 0) return AttributeProto::FLOATS;
  if (attribute.strings_size() > 0) return AttributeProto::STRINGS;
  return attribute.ints_size() > 0 ? AttributeProto::INTS : AttributeProto::UNDEFINED;
}

}  // namespace

std::string node_name(const onnx::NodeProto& node, const Scope& scope) {
  return scope.prefix + display_name(node);
}

std::string about_node(const onnx::NodeProto& node, const Scope& scope, std::string_view message) {
  return fmt::format("node '{}' ({}, opset {}): {}", node_name(node, scope), node.op_type(), scope.opset, message);
}

NodeContext::NodeContext(const onnx::NodeProto& node, ImportState& state, const Scope& scope)
    : node_(node),
      state_(state),
      scope_(scope),
      name_(import::node_name(node, scope)),
      first_created_(state.created.size()) {
  std::set<std::string_view> names;
  for (const AttributeProto& attribute : node.attribute()) {
    if (!names.insert(attribute.name()).second) fail(fmt::format("attribute {} is given twice", attribute.name()));
    const std::string& reference = attribute.ref_attr_name();
    if (reference.empty()) {
      attributes_.emplace(attribute.name(), &attribute);
      continue;
    }
    if (scope.function == nullptr)
      fail(fmt::format("attribute {} refers to an attribute of a function, the node is in none", attribute.name()));
    if (const auto given = scope.attributes.find(reference); given != scope.attributes.end())
      attributes_.emplace(attribute.name(), given->second);
  }
}

void NodeContext::require_all_read() {
  std::string unknown;
  for (const auto& [name, attribute] : attributes_)
    if (asked_.count(name) == 0) unknown += (unknown.empty() ? "" : ", ") + name;
  if (!unknown.empty()) fail(fmt::format("attribute {} is not one of this operator", unknown));
  for (int i = static_cast<int>(inputs_asked_); i < node_.input_size(); ++i)
    if (!node_.input(i).empty())
      fail(fmt::format("has {} inputs; supported are up to {} (input {} is '{}')", node_.input_size(), inputs_asked_, i,
                       node_.input(i)));
}

bool NodeContext::created(const Value* value) const {
  const auto found = state_.created.find(value);
  return found != state_.created.end() && found->second >= first_created_;
}

void NodeContext::note_created(const std::vector<Value*>& values) {
  for (const Value* value : values) state_.created.emplace(value, state_.created.size());
}

size_t NodeContext::input_count() {
  const auto count = static_cast<size_t>(node_.input_size());
  inputs_asked_ = std::max(inputs_asked_, count);
  return count;
}

Value* NodeContext::optional_input(size_t index) {
  inputs_asked_ = std::max(inputs_asked_, index + 1);
  if (index >= static_cast<size_t>(node_.input_size()) || node_.input(static_cast<int>(index)).empty()) return nullptr;
  return *scope_.find(node_.input(static_cast<int>(index)));
}

Value* NodeContext::input(size_t index) {
  Value* value = optional_input(index);
  if (value == nullptr) fail(fmt::format("input {} is absent", index));
  return value;
}

const Array& NodeContext::constant(size_t index, std::string_view what) {
  const Value* value = input(index);
  if (!state_.constants.known(value)) {
    const std::vector<const Value*> dependencies = Constants::dependencies(value);
    std::string text = fmt::format("input {} ({}) must be constant, it depends on the graph's input '{}'", index, what,
                                   dependencies.empty() ? value->name : dependencies.front()->name);
    if (dependencies.size() == 1 && ir::element_count(dependencies.front()->shape()) == 1)
      text +=
          fmt::format("; --constant {} gives that a constant value", shell_word(dependencies.front()->name + "=VALUE"));
    fail(text);
  }
  return state_.constants.get(value);
}

bool NodeContext::output_used(size_t index) const {
  return index < output_count() && scope_.read.count(node_.output(static_cast<int>(index))) != 0;
}

bool NodeContext::has(std::string_view attribute) {
  asked_.emplace(attribute);
  return attributes_.find(attribute) != attributes_.end();
}

const AttributeProto* NodeContext::find(std::string_view attribute, AttributeProto::AttributeType type) {
  if (!has(attribute)) return nullptr;
  const AttributeProto* found = attributes_.find(attribute)->second;
  const AttributeProto::AttributeType got = type_of(*found);
  if (got != type && got != AttributeProto::UNDEFINED)
    fail(fmt::format("attribute {} has type {}, wanted {}", attribute, AttributeProto::AttributeType_Name(got),
                     AttributeProto::AttributeType_Name(type)));
  return found;
}

int64_t NodeContext::integer(std::string_view attribute, int64_t fallback) {
  const AttributeProto* found = find(attribute, AttributeProto::INT);
  return found != nullptr ? found->i() : fallback;
}

double NodeContext::number(std::string_view attribute, double fallback) {
  const AttributeProto* found = find(attribute, AttributeProto::FLOAT);
  return found != nullptr ? found->f() : fallback;
}

std::string NodeContext::text(std::string_view attribute, std::string_view fallback) {
  const AttributeProto* found = find(attribute, AttributeProto::STRING);
  return found != nullptr ? found->s() : std::string(fallback);
}

std::vector<std::string> NodeContext::texts(std::string_view attribute, std::vector<std::string> fallback) {
  const AttributeProto* found = find(attribute, AttributeProto::STRINGS);
  return found != nullptr ? std::vector<std::string>(found->strings().begin(), found->strings().end()) : fallback;
}

std::vector<int64_t> NodeContext::integers(std::string_view attribute, std::vector<int64_t> fallback) {
  const AttributeProto* found = find(attribute, AttributeProto::INTS);
  return found != nullptr ? std::vector<int64_t>(found->ints().begin(), found->ints().end()) : fallback;
}

std::vector<double> NodeContext::numbers(std::string_view attribute, std::vector<double> fallback) {
  const AttributeProto* found = find(attribute, AttributeProto::FLOATS);
  return found != nullptr ? std::vector<double>(found->floats().begin(), found->floats().end()) : fallback;
}

std::optional<Array> NodeContext::tensor(std::string_view attribute) {
  if (!has(attribute)) return std::nullopt;
  const AttributeProto& found = *attributes_.find(attribute)->second;
  const bool sparse = type_of(found) == AttributeProto::SPARSE_TENSOR;
  if (!sparse) find(attribute, AttributeProto::TENSOR);
  Array array = sparse ? state_.reader.read(found.sparse_tensor()) : state_.reader.read(found.t());
  if (!array.all_finite()) warn(fmt::format("attribute {} holds NaN or infinite elements", attribute));
  return array;
}

std::vector<Value*> NodeContext::branch(std::string_view attribute) {
  const AttributeProto* found = find(attribute, AttributeProto::GRAPH);
  if (found == nullptr) fail(fmt::format("attribute {} is missing", attribute));
  return state_.import_branch(found->g(), scope_);
}

std::vector<Value*> NodeContext::add_many(std::unique_ptr<ir::Op> op, std::vector<Value*> inputs) {
  std::vector<Value*> outputs;
  try {
    outputs = state_.constants.add(state_.graph, std::move(op), std::move(inputs), name_);
  } catch (const Error& error) {
    fail(error.what());
  }
  if (ir::Node* node = outputs.front()->producer)
    node->origin = fmt::format("{}, opset {}", node_.op_type(), scope_.opset);
  note_created(outputs);
  return outputs;
}

Value* NodeContext::add(std::unique_ptr<ir::Op> op, std::vector<Value*> inputs) {
  return add_many(std::move(op), std::move(inputs)).front();
}

Value* NodeContext::add_constant(Array array, std::string_view what) {
  Value* value = state_.graph.add_constant(what.empty() ? name_ : fmt::format("{}_{}", name_, what), std::move(array));
  note_created({value});
  return value;
}

void NodeContext::warn(std::string message) {
  state_.warnings.push_back(about_node(node_, scope_, message));
}

std::string NodeContext::about(const std::string& message) const {
  return about_node(node_, scope_, message);
}

}  // namespace linnet::import
