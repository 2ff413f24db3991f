// The ONNX importer with the whole conversion on the bytes of a model file. Inputs are changed as messages, field by
// field.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <fstream>
#include <memory>
#include <random>

#include "converter/import/operators.hpp"
#include "tests/fuzz/conversion.hpp"

namespace linnet::fuzz {
namespace {

namespace pb = google::protobuf;

// The ONNX format with reflection, which the converter's own classes lack.
class Format {
 public:
  Format() {
    pb::SetLogHandler(nullptr);
    std::ifstream stream(LINNET_ONNX_DESCRIPTORS, std::ios::binary);
    pb::FileDescriptorSet files;
    if (!files.ParseFromIstream(&stream)) fail("the description of the ONNX format cannot be read");
    for (const pb::FileDescriptorProto& file : files.file()) pool_.BuildFile(file);
    prototype_ = factory_.GetPrototype(pool_.FindMessageTypeByName("onnx.ModelProto"));
  }
  std::unique_ptr<pb::Message> model() const { return std::unique_ptr<pb::Message>(prototype_->New()); }

 private:
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
  const pb::Message* prototype_;
};

class Mutator {
 public:
  Mutator(pb::Message* model, unsigned seed) : random_(seed) { collect(model); }

  void mutate() {
    if (fields_.empty()) return;
    const auto [message, field] = fields_[pick(fields_.size())];
    if (field->is_repeated())
      mutate_repeated(message, field);
    else
      set(message, field, -1);
  }

 private:
  struct Place {
    pb::Message* message;
    const pb::FieldDescriptor* field;
  };
  std::mt19937 random_;
  std::vector<Place> fields_;         // those that are set
  std::vector<std::string> strings_;  // every string of the model

  size_t pick(size_t count) { return random_() % count; }

  void collect(pb::Message* message) {
    const pb::Reflection& reflection = *message->GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(*message, &fields);
    for (const pb::FieldDescriptor* field : fields) {
      fields_.push_back({message, field});
      const int count = field->is_repeated() ? reflection.FieldSize(*message, field) : 1;
      for (int i = 0; i < count; ++i) {
        if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE)
          collect(field->is_repeated() ? reflection.MutableRepeatedMessage(message, field, i)
                                       : reflection.MutableMessage(message, field));
        if (field->type() == pb::FieldDescriptor::TYPE_STRING)
          strings_.push_back(field->is_repeated() ? reflection.GetRepeatedString(*message, field, i)
                                                  : reflection.GetString(*message, field));
      }
    }
  }

  void mutate_repeated(pb::Message* message, const pb::FieldDescriptor* field) {
    const pb::Reflection& reflection = *message->GetReflection();
    const int size = reflection.FieldSize(*message, field);
    const int i = static_cast<int>(pick(static_cast<size_t>(size))),
              k = static_cast<int>(pick(static_cast<size_t>(size)));
    const bool of_messages = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    switch (pick(of_messages ? 4 : 8)) {
      case 0:
        return reflection.SwapElements(message, field, i, k);
      case 1:
        return reflection.RemoveLast(message, field);
      case 2:
        reflection.SwapElements(message, field, i, size - 1);
        return reflection.RemoveLast(message, field);
      case 3:
        if (of_messages)
          reflection.AddMessage(message, field)->CopyFrom(reflection.GetRepeatedMessage(*message, field, i));
        else
          add(message, field);
        return;
      default:
        set(message, field, i);
    }
  }

  int64_t integer() {
    constexpr int64_t kExtreme[] = {INT64_MAX, INT64_MIN,        INT64_MIN + 1, INT32_MAX,
                                    INT32_MIN, int64_t{1} << 32, 1 << 16,       (1 << 16) - 1};
    return pick(8) == 0 ? kExtreme[pick(std::size(kExtreme))] : static_cast<int64_t>(pick(12)) - 3;
  }
  double number() {
    constexpr double kExtreme[] = {INFINITY, -INFINITY, NAN, 1e300, 1e-45, 3e38, -0.0, 12582912.0};
    return pick(4) == 0 ? kExtreme[pick(std::size(kExtreme))] : static_cast<double>(pick(64)) / 8 - 4;
  }
  std::string text() {
    const std::span<const import::OnnxOperator> operators = import::onnx_operators();
    if (pick(4) == 0) return std::string(operators[pick(operators.size())].name);
    return pick(16) == 0 || strings_.empty() ? std::string() : strings_[pick(strings_.size())];
  }

  void add(pb::Message* message, const pb::FieldDescriptor* field) {
    const pb::Reflection& reflection = *message->GetReflection();
    switch (field->cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return reflection.AddInt64(message, field, integer());
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return reflection.AddInt32(message, field, static_cast<int32_t>(integer()));
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return reflection.AddUInt64(message, field, static_cast<uint64_t>(integer()));
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        return reflection.AddFloat(message, field, static_cast<float>(number()));
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection.AddDouble(message, field, number());
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return reflection.AddString(message, field, text());
      default:
        return;
    }
  }

  // Gives a field, or element `index` of a repeated one, another value.
  void set(pb::Message* message, const pb::FieldDescriptor* field, int index) {
    const pb::Reflection& reflection = *message->GetReflection();
    const auto assign = [&](auto one, auto element, const auto& value) {
      index < 0 ? (reflection.*one)(message, field, value) : (reflection.*element)(message, field, index, value);
    };
    using R = pb::Reflection;
    switch (field->cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return assign(&R::SetInt64, &R::SetRepeatedInt64, integer());
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return assign(&R::SetInt32, &R::SetRepeatedInt32, static_cast<int32_t>(integer()));
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return assign(&R::SetUInt64, &R::SetRepeatedUInt64, static_cast<uint64_t>(integer()));
      case pb::FieldDescriptor::CPPTYPE_FLOAT:
        return assign(&R::SetFloat, &R::SetRepeatedFloat, static_cast<float>(number()));
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return assign(&R::SetDouble, &R::SetRepeatedDouble, number());
      case pb::FieldDescriptor::CPPTYPE_ENUM:
        if (index < 0) reflection.SetEnumValue(message, field, static_cast<int>(pick(17)));
        return;
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return set_string(message, field, index);
      default:
        if (index < 0) reflection.ClearField(message, field);
    }
  }

  void set_string(pb::Message* message, const pb::FieldDescriptor* field, int index) {
    const pb::Reflection& reflection = *message->GetReflection();
    std::string value = text();
    if (field->type() == pb::FieldDescriptor::TYPE_BYTES) {  // raw data keep their size
      value = index < 0 ? reflection.GetString(*message, field) : reflection.GetRepeatedString(*message, field, index);
      if (!value.empty()) value[pick(value.size())] = static_cast<char>(random_());
    }
    index < 0 ? reflection.SetString(message, field, value)
              : reflection.SetRepeatedString(message, field, index, value);
  }
};

}  // namespace
}  // namespace linnet::fuzz

// Of libFuzzer; without it nothing mutates.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  static const linnet::fuzz::Format format;
  const std::unique_ptr<google::protobuf::Message> model = format.model();
  if (seed % 32 == 0 || size == 0 || !model->ParseFromArray(data, static_cast<int>(size)))
    return LLVMFuzzerMutate(data, size, max_size);
  for (unsigned i = 0; i <= seed / 32 % 4; ++i) linnet::fuzz::Mutator(model.get(), seed + i).mutate();
  const std::string bytes = model->SerializeAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linnet::fuzz::convert_bytes(data, size, "model.onnx");
  return 0;
}
