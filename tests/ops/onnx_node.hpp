// Builds ONNX models of one node and imports them.
#pragma once

#include <onnx/onnx.pb.h>

#include <string>
#include <string_view>
#include <vector>

#include "converter/import/onnx.hpp"
#include "tests/ops/support.hpp"

namespace linnet::ops_test {

// One node; inputs are graph inputs or initializers, named in0, in1, ... ("" where absent).
class OnnxNode {
 public:
  OnnxNode(std::string op_type, int opset);
  OnnxNode& input(const ir::Shape& shape, onnx::TensorProto::DataType type = onnx::TensorProto::FLOAT);
  OnnxNode& constant(const ir::Array& array, onnx::TensorProto::DataType type = onnx::TensorProto::FLOAT);
  OnnxNode& absent();
  OnnxNode& attribute(const std::string& name, int64_t value);
  OnnxNode& attribute(const std::string& name, int value) { return attribute(name, static_cast<int64_t>(value)); }
  OnnxNode& attribute(const std::string& name, float value);
  OnnxNode& attribute(const std::string& name, const char* value);
  OnnxNode& attribute(const std::string& name, const std::vector<int64_t>& values);
  OnnxNode& texts(const std::string& name, const std::vector<std::string>& values);
  OnnxNode& outputs(int count);

  import::OnnxModel import() const;
  // The first output for these graph inputs.
  ir::Array run(const std::vector<ir::Array>& inputs) const;
  // The problems that the import ends with, as one text.
  std::string problems() const;

 private:
  onnx::ModelProto model_;
  onnx::NodeProto* node_;
  int count_ = 0;

  std::string add_name();
  onnx::AttributeProto* add_attribute(const std::string& name, onnx::AttributeProto::AttributeType type);
};

// Names of the operators of a graph's nodes that are not computed from constants alone, in order.
std::vector<std::string> operators(const ir::Graph& graph);

}  // namespace linnet::ops_test
