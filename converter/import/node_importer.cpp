#include "converter/import/node_importer.hpp"

#include <set>

#include "converter/import/model_file.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::Error;
using ir::Value;

constexpr int kMaximumCalls = 100;        // of functions in each other
constexpr int kMaximumInlined = 200'000;  // nodes: functions that call functions twice grow without measure

// Thrown where the reason has been reported already.
struct Reported {};

bool within(const Function& function, const Scope& scope) {
  for (const Scope* s = &scope; s != nullptr; s = s->around != nullptr ? s->around : s->caller)
    if (s->function == &function) return true;
  return false;
}

std::vector<std::string> output_names(const onnx::GraphProto& graph) {
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& output : graph.output()) names.push_back(output.name());
  return names;
}

}  // namespace

NodeImporter::NodeImporter(ImportState& state, std::vector<std::string>& problems,
                           std::unordered_set<std::string>& placeholders, Initializers& initializers)
    : state_(state), problems_(problems), placeholders_(placeholders), initializers_(initializers) {
  state_.import_branch = [this](const onnx::GraphProto& branch, const Scope& around) {
    return import_branch(branch, around);
  };
}

void NodeImporter::import_initializers(const onnx::GraphProto& branch, Scope& scope) {
  for (const onnx::TensorProto& tensor : branch.initializer())
    add_initializer(tensor.name(), scope, [&] { return read(tensor); });
  for (const onnx::SparseTensorProto& tensor : branch.sparse_initializer())
    add_initializer(tensor.values().name(), scope, [&] { return read(tensor); });
}

void NodeImporter::import_initializers(onnx::GraphProto& graph, Scope& scope) {
  const auto once = [&](const std::string& name, const auto& tensor) {
    const auto known = initializers_.find(name);
    return known != initializers_.end() ? known->second : initializers_.emplace(name, read(tensor)).first->second;
  };
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    add_initializer(tensor.name(), scope, [&] { return once(tensor.name(), tensor); });
    release_elements(tensor);
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer())
    add_initializer(tensor.values().name(), scope, [&] { return once(tensor.values().name(), tensor); });
}

Array NodeImporter::read(const onnx::TensorProto& tensor) {
  if (!state_.data_may_be_missing || !state_.reader.lacks_data(tensor) ||
      !ir::is_floating(dtype_of(tensor.data_type())))
    return state_.reader.read(tensor);
  placeholders_.insert(tensor.name());
  return TensorReader::zeros(tensor);
}

template <class Read>
void NodeImporter::add_initializer(const std::string& name, Scope& scope, Read read) try {
  Array array = read();
  if (!array.all_finite()) state_.warnings.push_back(fmt::format("tensor '{}' holds NaN or infinite elements", name));
  if (scope.values.count(name) == 0) scope.values[name] = state_.graph.add_constant(name, std::move(array));
} catch (const Error& error) {
  problems_.emplace_back(error.what());
  scope.spoiled.insert(name);
}

void NodeImporter::import_nodes(const NodeList& nodes, const Given& given, const std::vector<std::string>& outputs,
                                Scope& scope) {
  const Topology topology = sort_nodes(nodes, given);
  problems_.insert(problems_.end(), topology.problems.begin(), topology.problems.end());
  for (const onnx::NodeProto& node : nodes) {
    scope.read.insert(node.input().begin(), node.input().end());
    collect_captures(node, scope.read);
  }
  scope.read.insert(outputs.begin(), outputs.end());
  for (const int index : topology.order) import_node(nodes[index], scope);
  for (const int index : topology.blocked) {
    const onnx::NodeProto& node = nodes[index];
    check_operator(node, scope);
    scope.spoiled.insert(node.output().begin(), node.output().end());
  }
}

// Reports an operator that is not supported; null then.
const OnnxOperator* NodeImporter::check_operator(const onnx::NodeProto& node, const Scope& scope) {
  const auto refuse = [&](const std::string& message) { problems_.push_back(about_node(node, scope, message)); };
  const bool foreign = !is_onnx_domain(node.domain());
  const OnnxOperator* row =
      find_onnx_operator(foreign ? fmt::format("{}.{}", node.domain(), node.op_type()) : node.op_type());
  if (foreign && row == nullptr) {
    problem("node '{}' ({}): operator of domain '{}'; supported are operators of domain ai.onnx",
            node_name(node, scope), node.op_type(), node.domain());
    return nullptr;
  }
  if (scope.opset == 0) {
    refuse("the function names no opset of domain ai.onnx");
    row = nullptr;
  } else if (row == nullptr) {
    refuse(fmt::format("operator {} is not supported", node.op_type()));
  } else if (scope.opset < row->first_opset) {
    refuse(fmt::format("operator {} is supported from opset {}", node.op_type(), row->first_opset));
    row = nullptr;
  }
  return row;
}

void NodeImporter::import_node(const onnx::NodeProto& node, Scope& scope) {
  const Function* function = state_.functions.find(node);
  const OnnxOperator* row = function != nullptr ? nullptr : check_operator(node, scope);
  bool possible = function != nullptr || row != nullptr;
  for (const std::string& input : node.input()) possible = possible && (input.empty() || scope.find(input) != nullptr);
  try {
    if (!possible) throw Reported();
    NodeContext context(node, state_, scope);
    try {
      const std::vector<Value*> outputs =
          function != nullptr ? import_call(node, *function, context, scope) : row->importer(context);
      if (function == nullptr) context.require_all_read();
      bind_outputs(node, context, outputs, scope);
    } catch (const Error& error) {
      const std::string message = error.what();
      if (message.starts_with(context.about(""))) throw;
      context.fail(message);
    }
  } catch (const Error& error) {
    problems_.emplace_back(error.what());
    scope.spoiled.insert(node.output().begin(), node.output().end());
  } catch (const Reported&) {
    scope.spoiled.insert(node.output().begin(), node.output().end());
  }
}

void NodeImporter::bind_outputs(const onnx::NodeProto& node, NodeContext& context, const std::vector<Value*>& outputs,
                                Scope& scope) {
  const bool outermost = scope.around == nullptr && scope.caller == nullptr;  // its names are reserved
  std::set<const Value*> renamed;
  for (int i = 0; i < node.output_size(); ++i) {
    const std::string& name = node.output(i);
    if (name.empty()) continue;
    Value* value = static_cast<size_t>(i) < outputs.size() ? outputs[static_cast<size_t>(i)] : nullptr;
    if (value == nullptr) {
      if (context.output_used(static_cast<size_t>(i))) context.fail(fmt::format("output {} is not supported", i));
      continue;
    }
    if (scope.values.count(name) != 0) continue;  // defined twice, reported already
    if (context.created(value) && renamed.insert(value).second)
      state_.graph.rename(value, outermost ? name : state_.graph.unique_name(name));
    scope.values[name] = value;
  }
}

// Values of a scope's outputs; null where the name is empty, or stands for an optional input that was not given.
std::vector<Value*> NodeImporter::outputs_of(const std::vector<std::string>& names, const Scope& scope) {
  std::vector<Value*> outputs;
  bool spoiled = false;
  for (const std::string& name : names) {
    Value* const* value = scope.find(name);
    if (name.empty()) {
      outputs.push_back(nullptr);
      continue;
    }
    if (value == nullptr && scope.spoiled.count(name) == 0)
      throw Error(fmt::format("output '{}' is not computed", name));
    spoiled = spoiled || value == nullptr;
    outputs.push_back(value != nullptr ? *value : nullptr);
  }
  if (spoiled) throw Reported();
  return outputs;
}

std::vector<Value*> NodeImporter::import_branch(const onnx::GraphProto& branch, const Scope& around) {
  Scope scope;
  scope.around = &around;
  scope.function = around.function;
  scope.opset = around.opset;
  scope.prefix = around.prefix;
  scope.attributes = around.attributes;
  import_initializers(branch, scope);
  Given given = given_by(branch);
  given.outside = [&](const std::string& name) {
    for (const Scope* s = &around; s != nullptr; s = s->around)
      if (s->values.count(name) != 0 || s->spoiled.count(name) != 0) return true;
    return false;
  };
  const std::vector<std::string> names = output_names(branch);
  import_nodes(branch.node(), given, names, scope);
  for (const std::string& name : names)
    for (const Scope* s = &around; s != nullptr && scope.find(name) == nullptr; s = s->around)
      if (s->spoiled.count(name) != 0) throw Reported();
  return outputs_of(names, scope);
}

Scope NodeImporter::scope_of_call(const onnx::NodeProto& node, const Function& function, NodeContext& context,
                                  const Scope& caller) {
  const onnx::FunctionProto& proto = *function.proto;
  Scope scope;
  scope.caller = &caller;
  scope.function = &function;
  scope.opset = onnx_opset(proto.opset_import(), "the function").value_or(0);
  scope.prefix = context.node_name() + "/";
  if (node.input_size() > proto.input_size())
    context.fail(
        fmt::format("has {} inputs; supported are up to {}, the function's", node.input_size(), proto.input_size()));
  if (node.output_size() > proto.output_size())
    context.fail(fmt::format("has {} outputs, the function has {}", node.output_size(), proto.output_size()));
  for (int i = 0; i < proto.input_size(); ++i)
    scope.values[proto.input(i)] = context.optional_input(static_cast<size_t>(i));
  std::set<std::string_view> known(proto.attribute().begin(), proto.attribute().end());
  for (const auto& attribute : function.defaults) {
    known.insert(attribute->name());
    scope.attributes[attribute->name()] = attribute.get();
  }
  for (const auto& [name, attribute] : context.attributes()) {
    if (known.count(name) == 0) context.fail(fmt::format("attribute {} is not one of this function", name));
    scope.attributes[name] = attribute;
  }
  return scope;
}

std::vector<Value*> NodeImporter::import_call(const onnx::NodeProto& node, const Function& function,
                                              NodeContext& context, const Scope& caller) {
  const onnx::FunctionProto& proto = *function.proto;
  if (within(function, caller)) context.fail("the function calls itself");
  if (calls_ == kMaximumCalls) context.fail(fmt::format("functions call each other deeper than {}", kMaximumCalls));
  if ((inlined_ += proto.node_size()) > kMaximumInlined)
    context.fail(fmt::format("the model's functions amount to more than {} nodes", kMaximumInlined));
  Scope scope = scope_of_call(node, function, context, caller);
  std::vector<std::string> names, read;
  for (int i = 0; i < node.output_size(); ++i) {
    names.push_back(node.output(i).empty() ? std::string() : proto.output(i));
    if (context.output_used(static_cast<size_t>(i))) read.push_back(proto.output(i));
  }
  ++calls_;
  import_nodes(proto.node(), {{}, {proto.input().begin(), proto.input().end()}, nullptr}, read, scope);
  --calls_;
  return outputs_of(names, scope);
}

}  // namespace linnet::import
