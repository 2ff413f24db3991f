#include "converter/import/functions.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "converter/import/model_file.hpp"

namespace linnet::import {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Field numbers of onnx.proto.
constexpr int kNodeOverload = 8, kFunctionAttributes = 11, kFunctionOverload = 13;

// The bytes of a string or message field, once for every time it is there.
std::vector<std::string> field_bytes(const google::protobuf::MessageLite& message, int number) {
  const std::string bytes = message.SerializeAsString();
  CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  std::vector<std::string> values;
  while (const uint32_t tag = stream.ReadTag()) {
    const bool wanted = WireFormatLite::GetTagFieldNumber(tag) == number &&
                        WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (wanted ? !WireFormatLite::ReadBytes(&stream, &values.emplace_back()) : !WireFormatLite::SkipField(&stream, tag))
      break;
  }
  return values;
}

std::string text_field(const google::protobuf::MessageLite& message, int number) {
  const std::vector<std::string> values = field_bytes(message, number);
  return values.empty() ? std::string() : values.back();
}

std::string canonical(const std::string& domain) {
  return is_onnx_domain(domain) ? std::string() : domain;
}

}  // namespace

Functions::Functions(const onnx::ModelProto& model) {
  for (const onnx::FunctionProto& proto : model.functions()) {
    Function function{&proto, {}};
    for (const std::string& bytes : field_bytes(proto, kFunctionAttributes)) {
      auto attribute = std::make_unique<onnx::AttributeProto>();
      if (attribute->ParseFromString(bytes)) function.defaults.push_back(std::move(attribute));
    }
    functions_.try_emplace({canonical(proto.domain()), proto.name(), text_field(proto, kFunctionOverload)},
                           std::move(function));
  }
}

const Function* Functions::find(const onnx::NodeProto& call) const {
  const std::string domain = canonical(call.domain());
  const auto any = functions_.lower_bound({domain, call.op_type(), ""});
  if (any == functions_.end() || std::get<0>(any->first) != domain || std::get<1>(any->first) != call.op_type())
    return nullptr;
  const auto found = functions_.find({domain, call.op_type(), text_field(call, kNodeOverload)});
  return found != functions_.end() ? &found->second : nullptr;
}

}  // namespace linnet::import
