// The protobuf message of an ONNX file.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "onnx/onnx.pb.h"

namespace linnet::import {

// Throws ir::Error with one line for a file that cannot be opened, is truncated or is no ONNX model.
std::unique_ptr<onnx::ModelProto> read_model(const std::filesystem::path& file);

// The opset of domain ai.onnx, where there is one; throws ir::Error, which names `what`, when it is not supported.
std::optional<int> onnx_opset(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& sets,
                              std::string_view what);

inline bool is_onnx_domain(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

}  // namespace linnet::import
