// Builds ONNX models in memory, and imports them through a file in a folder of their own.
#pragma once

#include <onnx/onnx.pb.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

#include "converter/import/onnx.hpp"

namespace linnet::passes_test {

class OnnxModelFile {
 public:
  explicit OnnxModelFile(int opset = 17) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("test");
    std::string pattern = (std::filesystem::temp_directory_path() / "linnet-import-XXXXXX").string();
    folder = mkdtemp(pattern.data());
  }
  ~OnnxModelFile() { std::filesystem::remove_all(folder); }
  OnnxModelFile(const OnnxModelFile&) = delete;
  OnnxModelFile& operator=(const OnnxModelFile&) = delete;

  onnx::ModelProto model;
  std::filesystem::path folder;

  onnx::GraphProto& graph() { return *model.mutable_graph(); }
  std::filesystem::path path() const { return folder / "model.onnx"; }

  // Sizes below 1 are symbolic, named d0, d1, ...
  OnnxModelFile& input(const std::string& name, const std::vector<int64_t>& shape,
                       int type = onnx::TensorProto::FLOAT) {
    onnx::TypeProto_Tensor* tensor = declared(graph().add_input(), name, type);
    tensor->mutable_shape();
    for (size_t d = 0; d < shape.size(); ++d) {
      onnx::TensorShapeProto_Dimension* dim = tensor->mutable_shape()->add_dim();
      if (shape[d] > 0)
        dim->set_dim_value(shape[d]);
      else
        dim->set_dim_param("d" + std::to_string(d));
    }
    return *this;
  }

  OnnxModelFile& output(const std::string& name, int type = onnx::TensorProto::FLOAT) {
    declared(graph().add_output(), name, type);
    return *this;
  }

  onnx::NodeProto& node(const std::string& op_type, std::initializer_list<const char*> inputs,
                        std::initializer_list<const char*> outputs, const std::string& name = "") {
    onnx::NodeProto& added = *graph().add_node();
    added.set_op_type(op_type);
    added.set_name(name);
    for (const char* input : inputs) added.add_input(input);
    for (const char* output : outputs) added.add_output(output);
    return added;
  }

  onnx::TensorProto& initializer(const std::string& name, const std::vector<int64_t>& shape, int type) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const int64_t size : shape) tensor.add_dims(size);
    return tensor;
  }

  void floats(const std::string& name, const std::vector<int64_t>& shape, const std::vector<float>& values) {
    onnx::TensorProto& tensor = initializer(name, shape, onnx::TensorProto::FLOAT);
    for (const float value : values) tensor.add_float_data(value);
  }

  void integers(const std::string& name, const std::vector<int64_t>& values) {
    onnx::TensorProto& tensor = initializer(name, {static_cast<int64_t>(values.size())}, onnx::TensorProto::INT64);
    for (const int64_t value : values) tensor.add_int64_data(value);
  }

  static void attribute(onnx::NodeProto& node, const std::string& name, int64_t value) {
    onnx::AttributeProto& added = *node.add_attribute();
    added.set_name(name);
    added.set_type(onnx::AttributeProto::INT);
    added.set_i(value);
  }

  void write(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  import::OnnxModel import(const std::map<std::string, ir::Shape>& shapes = {}) const {write(model.SerializeAsString());
  return import::import_onnx(path(), shapes);
}

// Every line of the error that the import ends with; empty when it succeeds.
std::vector<std::string>
problems(const std::map<std::string, ir::Shape>& shapes = {}) const {
  try {
    import(shapes);
  } catch (const ir::Problems& problems) {
    return problems.list();
  } catch (const ir::Error& error) {
    return {error.what()};
  }
  return {};
}

private:
static onnx::TypeProto_Tensor* declared(onnx::ValueInfoProto* info, const std::string& name, int type) {
  info->set_name(name);
  info->mutable_type()->mutable_tensor_type()->set_elem_type(type);
  return info->mutable_type()->mutable_tensor_type();
}
};  // namespace linnet::passes_test

}  // namespace linnet::passes_test
