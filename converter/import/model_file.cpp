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
  if (std::filesystem::is_directory(file, ignored))
    throw ir::Error(fmt::format("{}: is a folder, not an ONNX file", file.string()));
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw ir::Error(fmt::format("{}: cannot be opened", file.string()));

  const QuietProtobuf quiet;
  auto model = std::make_unique<onnx::ModelProto>();
  google::protobuf::io::IstreamInputStream input(&stream);
  google::protobuf::io::CodedInputStream coded(&input);
  if (!model->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    throw ir::Error(fmt::format(
        "{}: is not an ONNX model, or is truncated or damaged (the protobuf message does not parse)", file.string()));
  if (!model->has_graph())
    throw ir::Error(fmt::format("{}: is not an ONNX model (the file holds no graph)", file.string()));
  return model;
}

int model_opset(const onnx::ModelProto& model) {
  for (const onnx::OperatorSetIdProto& set : model.opset_import()) {
    if (!is_onnx_domain(set.domain())) continue;
    if (set.version() < kMinimumOpset || set.version() > kMaximumOpset)
      throw ir::Error(
          fmt::format("the model uses opset {}; supported are {} to {}", set.version(), kMinimumOpset, kMaximumOpset));
    return static_cast<int>(set.version());
  }
  throw ir::Error(
      fmt::format("the model names no opset of domain ai.onnx; supported are {} to {}", kMinimumOpset, kMaximumOpset));
}

}  // namespace linnet::import
