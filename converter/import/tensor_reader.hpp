// Tensors of an ONNX model: raw or typed fields, or bytes in a file beside the model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "converter/ir/array.hpp"
#include "onnx/onnx.pb.h"

namespace linnet::import {

// Throws ir::Error for element types that the converter does not know (strings, complex numbers, 8-bit floats, 4-bit
// integers).
ir::DType dtype_of(int onnx_data_type);

class TensorReader {
 public:
  // External data is looked up in `folder` and never outside of it, not through symbolic links either.
  explicit TensorReader(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Throws ir::Error naming the tensor, and the file of external data.
  ir::Array read(const onnx::TensorProto& tensor) const;
  // Whether it declares elements, but has none in the file, or its external file does not exist.
  bool lacks_data(const onnx::TensorProto& tensor) const;
  static ir::Array zeros(const onnx::TensorProto& tensor);      // of a floating type
  ir::Array read(const onnx::SparseTensorProto& tensor) const;  // as a dense array

 private:
  std::filesystem::path folder_;

  std::filesystem::path external_file(const std::string& location) const;
  std::string external_bytes(const onnx::TensorProto& tensor, size_t wanted) const;
};

// Frees what holds the tensor's elements; protobuf's clear_... keep the memory.
void release_elements(onnx::TensorProto& tensor);

}  // namespace linnet::import
