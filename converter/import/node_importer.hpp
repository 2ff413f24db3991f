// Imports lists of nodes: the model's, those of an If's branch and those of a function's body.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "converter/import/node_context.hpp"
#include "converter/import/operators.hpp"
#include "converter/import/topology.hpp"

namespace linnet::import {

using Initializers = std::unordered_map<std::string, ir::Array>;

class NodeImporter {
 public:
  // What cannot be imported goes to `problems`; tensors without data, where they may be missing, to `placeholders`.
  // `initializers` holds those of the model's graph that were read before, and gets the others.
  NodeImporter(ImportState& state, std::vector<std::string>& problems, std::unordered_set<std::string>& placeholders,
               Initializers& initializers);
  NodeImporter(const NodeImporter&) = delete;
  NodeImporter& operator=(const NodeImporter&) = delete;

  // Adds the initializers of the model's graph as constants, and releases their bytes.
  void import_initializers(onnx::GraphProto& graph, Scope& scope);
  // `outputs` are the names that are read behind the nodes. Every tensor is then in the scope, or spoiled.
  void import_nodes(const NodeList& nodes, const Given& given, const std::vector<std::string>& outputs, Scope& scope);

 private:
  ImportState& state_;
  std::vector<std::string>& problems_;
  std::unordered_set<std::string>& placeholders_;
  Initializers& initializers_;
  int calls_ = 0, inlined_ = 0;  // functions around, and nodes of functions so far

  template <class... T>
  void problem(fmt::format_string<T...> text, T&&... arguments) {
    problems_.push_back(fmt::format(text, std::forward<T>(arguments)...));
  }
  ir::Array read(const onnx::TensorProto& tensor);
  ir::Array read(const onnx::SparseTensorProto& tensor) { return state_.reader.read(tensor); }
  void import_initializers(const onnx::GraphProto& branch, Scope& scope);
  template <class Read>
  void add_initializer(const std::string& name, Scope& scope, Read read);

  void import_node(const onnx::NodeProto& node, Scope& scope);
  const OnnxOperator* check_operator(const onnx::NodeProto& node, const Scope& scope);
  void bind_outputs(const onnx::NodeProto& node, NodeContext& context, const std::vector<ir::Value*>& outputs,
                    Scope& scope);
  std::vector<ir::Value*> import_branch(const onnx::GraphProto& branch, const Scope& around);
  std::vector<ir::Value*> import_call(const onnx::NodeProto& node, const Function& function, NodeContext& context,
                                      const Scope& caller);
  std::vector<ir::Value*> outputs_of(const std::vector<std::string>& names, const Scope& scope);
  Scope scope_of_call(const onnx::NodeProto& node, const Function& function, NodeContext& context, const Scope& caller);
};

}  // namespace linnet::import
