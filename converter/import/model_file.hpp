// The protobuf message of an ONNX file.
#pragma once

#include <filesystem>
#include <memory>

#include "onnx/onnx.pb.h"

namespace linnet::import {

// Throws ir::Error with one line for a file that cannot be opened, is truncated or is no ONNX model.
std::unique_ptr<onnx::ModelProto> read_model(const std::filesystem::path& file);

// The opset of domain ai.onnx; throws ir::Error when there is none or it is not supported.
int model_opset(const onnx::ModelProto& model);

inline bool is_onnx_domain(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

}  // namespace linnet::import
