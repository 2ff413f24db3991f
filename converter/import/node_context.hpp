// The view of one ONNX node that its importer works with.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/import/constants.hpp"
#include "converter/import/onnx_context.hpp"
#include "converter/import/scope.hpp"
#include "converter/import/tensor_reader.hpp"
#include "onnx/onnx.pb.h"

namespace linnet::import {

// What the importers of all nodes share.
struct ImportState {
  ir::Graph& graph;
  TensorReader reader;
  std::vector<std::string>& warnings;
  bool data_may_be_missing;
  Functions functions;
  Constants constants;
  std::unordered_map<const ir::Value*, size_t> created;  // values made by nodes, numbered
  // Imports the nodes of a branch and gives its outputs.
  std::function<std::vector<ir::Value*>(const onnx::GraphProto& branch, const Scope& around)> import_branch;
};

class NodeContext final : public OnnxContext {
 public:
  NodeContext(const onnx::NodeProto& node, ImportState& state, const Scope& scope);

  // Throws Error, prefixed with the node, when an attribute or an input was never asked for.
  void require_all_read();
  // Whether this node, or one in its branches or its function's body, made the value.
  bool created(const ir::Value* value) const;
  // With the references of a function's body resolved.
  const AttributeMap& attributes() const { return attributes_; }

  const std::string& op_type() const override { return node_.op_type(); }
  const std::string& node_name() const override { return name_; }
  int opset() const override { return scope_.opset; }
  ir::Graph& graph() override { return state_.graph; }

  size_t input_count() override;
  ir::Value* input(size_t index) override;
  ir::Value* optional_input(size_t index) override;
  const ir::Array& constant(size_t index, std::string_view what) override;
  size_t output_count() const override { return static_cast<size_t>(node_.output_size()); }
  bool is_static(const ir::Value* value) const override { return state_.constants.known(value); }
  bool output_used(size_t index) const override;

  bool has(std::string_view attribute) override;
  int64_t integer(std::string_view attribute, int64_t fallback) override;
  double number(std::string_view attribute, double fallback) override;
  std::string text(std::string_view attribute, std::string_view fallback) override;
  std::vector<std::string> texts(std::string_view attribute, std::vector<std::string> fallback) override;
  std::vector<int64_t> integers(std::string_view attribute, std::vector<int64_t> fallback) override;
  std::vector<double> numbers(std::string_view attribute, std::vector<double> fallback) override;
  std::optional<ir::Array> tensor(std::string_view attribute) override;
  std::vector<ir::Value*> branch(std::string_view attribute) override;

  ir::Value* add(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) override;
  std::vector<ir::Value*> add_many(std::unique_ptr<ir::Op> op, std::vector<ir::Value*> inputs) override;
  ir::Value* add_constant(ir::Array array, std::string_view what) override;

  void warn(std::string message) override;
  std::string about(const std::string& message) const override;

 private:
  const onnx::NodeProto& node_;
  ImportState& state_;
  const Scope& scope_;
  std::string name_;
  size_t first_created_;
  AttributeMap attributes_;
  std::set<std::string, std::less<>> asked_;
  size_t inputs_asked_ = 0;  // up to the last one

  void note_created(const std::vector<ir::Value*>& values);
  const onnx::AttributeProto* find(std::string_view attribute, onnx::AttributeProto::AttributeType type);
};

// "node 'conv1' (Conv, opset 13): message"
std::string about_node(const onnx::NodeProto& node, const Scope& scope, std::string_view message);
std::string node_name(const onnx::NodeProto& node, const Scope& scope);

}  // namespace linnet::import
