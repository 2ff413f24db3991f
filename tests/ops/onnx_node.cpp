#include "tests/ops/onnx_node.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "converter/ops/import_helpers.hpp"

namespace linnet::ops_test {

using namespace linnet::ir;

OnnxNode::OnnxNode(std::string op_type, int opset) {
  model_.set_ir_version(8);
  model_.add_opset_import()->set_version(opset);
  model_.mutable_graph()->set_name("test");
  node_ = model_.mutable_graph()->add_node();
  node_->set_op_type(std::move(op_type));
  node_->set_name("node");
  outputs(1);
}

OnnxNode& OnnxNode::outputs(int count) {
  for (int i = node_->output_size(); i < count; ++i) {
    const std::string name = "out" + std::to_string(i);
    node_->add_output(name);
    model_.mutable_graph()->add_output()->set_name(name);
  }
  return *this;
}

std::string OnnxNode::add_name() {
  node_->add_input("in" + std::to_string(count_++));
  return node_->input(node_->input_size() - 1);
}

OnnxNode& OnnxNode::input(const Shape& shape, onnx::TensorProto::DataType type) {
  onnx::ValueInfoProto* info = model_.mutable_graph()->add_input();
  info->set_name(add_name());
  info->mutable_type()->mutable_tensor_type()->set_elem_type(type);
  onnx::TensorShapeProto* dims = info->mutable_type()->mutable_tensor_type()->mutable_shape();
  for (const int64_t size : shape) dims->add_dim()->set_dim_value(size);
  return *this;
}

OnnxNode& OnnxNode::constant(const Array& array, onnx::TensorProto::DataType type) {
  onnx::TensorProto* tensor = model_.mutable_graph()->add_initializer();
  tensor->set_name(add_name());
  tensor->set_data_type(type);
  for (const int64_t size : array.shape()) tensor->add_dims(size);
  for (size_t i = 0; i < array.size(); ++i) {
    if (type == onnx::TensorProto::FLOAT) tensor->add_float_data(static_cast<float>(array.number(i)));
    if (type == onnx::TensorProto::INT32) tensor->add_int32_data(static_cast<int32_t>(array.integer(i)));
    if (type == onnx::TensorProto::INT64) tensor->add_int64_data(array.integer(i));
  }
  return *this;
}

OnnxNode& OnnxNode::absent() {
  node_->add_input("");
  return *this;
}

onnx::AttributeProto* OnnxNode::add_attribute(const std::string& name, onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto* attribute = node_->add_attribute();
  attribute->set_name(name);
  attribute->set_type(type);
  return attribute;
}

OnnxNode& OnnxNode::attribute(const std::string& name, int64_t value) {
  add_attribute(name, onnx::AttributeProto::INT)->set_i(value);
  return *this;
}

OnnxNode& OnnxNode::attribute(const std::string& name, float value) {
  add_attribute(name, onnx::AttributeProto::FLOAT)->set_f(value);
  return *this;
}

OnnxNode& OnnxNode::attribute(const std::string& name, const char* value) {
  add_attribute(name, onnx::AttributeProto::STRING)->set_s(value);
  return *this;
}

OnnxNode& OnnxNode::attribute(const std::string& name, const std::vector<int64_t>& values) {
  onnx::AttributeProto* attribute = add_attribute(name, onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute->add_ints(value);
  return *this;
}

OnnxNode& OnnxNode::texts(const std::string& name, const std::vector<std::string>& values) {
  onnx::AttributeProto* attribute = add_attribute(name, onnx::AttributeProto::STRINGS);
  for (const std::string& value : values) attribute->add_strings(value);
  return *this;
}

import::OnnxModel OnnxNode::import() const {static int models = 0;
const std::filesystem::path path = std::filesystem::temp_directory_path() / ("linnet_ops_" + std::to_string(getpid()) +
                                                                             "_" + std::to_string(models++) + ".onnx");
{
  std::ofstream file(path, std::ios::binary);
  model_.SerializeToOstream(&file);
}
const std::shared_ptr<void> removal(nullptr, [&](void*) { std::filesystem::remove(path); });
return import::import_onnx(path, {});
}  // namespace linnet::ops_test

Array OnnxNode::run(const std::vector<Array>& inputs) const {
  const import::OnnxModel model = import();
  return ir::evaluate(*model.graph, inputs)[0];
}

std::string OnnxNode::problems() const {
  try {
    import();
  } catch (const Problems& problems) {
    std::string text;
    for (const std::string& problem : problems.list()) text += problem + "\n";
    return text;
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

std::vector<std::string> operators(const Graph& graph) {
  std::vector<std::string> names;
  for (const auto& node : graph.nodes()) {
    if (!ops::is_static(node->outputs[0])) names.emplace_back(node->op->name());
  }
  return names;
}

}  // namespace linnet::ops_test
