#include "converter/import/model_file.hpp"

#include <fstream>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include "converter/import/onnx.hpp"
#include "converter/ir/error.hpp"

namespace linnet::import {

namespace {

// Keeps protobuf's own messages off the terminal: what is wrong is said once, by the error thrown.
class QuietProtobuf {
 public:
  QuietProtobuf() : previous_(google::protobuf::SetLogHandler(nullptr)) {}
  ~QuietProtobuf() { google::protobuf::SetLogHandler(previous_); }
  QuietProtobuf(const QuietProtobuf&) = delete;
  QuietProtobuf& operator=(const QuietProtobuf&) = delete;

 private:
  google::protobuf::LogHandler* previous_;
};

}  // namespace

std::unique_ptr<onnx::ModelProto> read_model(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) throw ir::Error("is a folder, not an ONNX file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw ir::Error("cannot be opened");

  const QuietProtobuf quiet;
  auto model = std::make_unique<onnx::ModelProto>();
  google::protobuf::io::IstreamInputStream input(&stream);
  google::protobuf::io::CodedInputStream coded(&input);
  if (!model->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    throw ir::Error("is not an ONNX model, or is truncated or damaged (the protobuf message does not parse)");
  if (!model->has_graph()) throw ir::Error("is not an ONNX model (the file holds no graph)");
  return model;
}

std::optional<int> onnx_opset(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& sets,
                              std::string_view what) {
  for (const onnx::OperatorSetIdProto& set : sets) {
    if (!is_onnx_domain(set.domain())) continue;
    if (set.version() < kMinimumOpset || set.version() > kMaximumOpset)
      throw ir::Error(
          fmt::format("{} uses opset {}; supported are {} to {}", what, set.version(), kMinimumOpset, kMaximumOpset));
    return static_cast<int>(set.version());
  }
  return std::nullopt;
}

}  // namespace linnet::import
