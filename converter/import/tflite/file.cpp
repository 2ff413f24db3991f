#include "converter/import/tflite/file.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

#include <fmt/format.h>

#include "converter/import/bytes.hpp"
#include "converter/import/tflite/sparse.hpp"
#include "converter/ir/error.hpp"
#include "converter/ir/graph.hpp"

namespace linnet::import {

using ir::Array;
using ir::DType;
using ir::Error;
using ir::Shape;

namespace {

constexpr size_t kMaximumRank = 32;

}  // namespace

bool is_tflite(const std::filesystem::path& file) {
  std::array<char, 8> head{};
  std::ifstream(file, std::ios::binary).read(head.data(), head.size());
  return std::string_view(head.data() + 4, 4) == tfl::ModelIdentifier() || file.extension() == ".tflite";
}

DType dtype_of(tfl::TensorType type) {
  switch (type) {
    case tfl::TensorType::FLOAT32:
      return DType::f32;
    case tfl::TensorType::FLOAT16:
      return DType::f16;
    case tfl::TensorType::FLOAT64:
      return DType::f64;
    case tfl::TensorType::BFLOAT16:
      return DType::bf16;
    case tfl::TensorType::INT8:
      return DType::i8;
    case tfl::TensorType::UINT8:
      return DType::u8;
    case tfl::TensorType::INT16:
      return DType::i16;
    case tfl::TensorType::UINT16:
      return DType::u16;
    case tfl::TensorType::INT32:
      return DType::i32;
    case tfl::TensorType::UINT32:
      return DType::u32;
    case tfl::TensorType::INT64:
      return DType::i64;
    case tfl::TensorType::UINT64:
      return DType::u64;
    case tfl::TensorType::BOOL:
      return DType::boolean;
    default:
      break;
  }
  const std::string name = tfl::EnumNameTensorType(type);
  throw Error(
      fmt::format("element type {}; supported are FLOAT16, FLOAT32, FLOAT64, BFLOAT16, BOOL and INT and UINT of 8 to "
                  "64 bits",
                  name.empty() ? std::to_string(static_cast<int>(type)) : name));
}

std::string text_of(const flatbuffers::String* text) {
  std::string result = text != nullptr ? text->str() : std::string();
  std::replace_if(
      result.begin(), result.end(), [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }, '?');
  return result;
}

Shape shape_of(const tfl::Tensor& tensor) {
  const Shape shape = integers_of(tensor.shape());
  if (shape.size() > kMaximumRank)
    throw Error(fmt::format("has {} dimensions; supported are {}", shape.size(), kMaximumRank));
  for (const int64_t size : shape)
    if (size < 0) throw Error(fmt::format("has shape {}", ir::to_string(shape)));
  if (ir::element_count(shape) > ir::kMaximumElements)
    throw Error(fmt::format("shape {} has more than {} elements", ir::to_string(shape), ir::kMaximumElements));
  return shape;
}

TfliteFile::TfliteFile(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) throw Error("is a folder, not a TensorFlow Lite file");
  const uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) throw Error("cannot be opened");
  if (size >= FLATBUFFERS_MAX_BUFFER_SIZE) throw Error("is larger than 2 GB");
  bytes_.resize(size);
  if (!stream.read(reinterpret_cast<char*>(bytes_.data()), static_cast<std::streamsize>(size)))
    throw Error("cannot be read");
  if (size < 8 || !tfl::ModelBufferHasIdentifier(bytes_.data()))
    throw Error("is not a TensorFlow Lite model (the identifier TFL3 is missing)");
  flatbuffers::Verifier verifier(bytes_.data(), bytes_.size());
  if (!tfl::VerifyModelBuffer(verifier)) throw Error("is truncated or damaged (the FlatBuffer does not verify)");
  if (model().version() != 3)
    throw Error(fmt::format("has version {} of the format; supported is version 3", model().version()));
}

// Data of large models lies behind the FlatBuffer, at an offset from the start of the file.
std::string_view TfliteFile::buffer(uint32_t index) const {
  if (index >= count_of(model().buffers()))
    throw Error(fmt::format("reads buffer {}, the file has {}", index, count_of(model().buffers())));
  const tfl::Buffer& buffer = *model().buffers()->Get(index);
  if (buffer.offset() > 1) {
    if (buffer.offset() > bytes_.size() || buffer.size() > bytes_.size() - buffer.offset())
      throw Error(fmt::format("buffer {} lies outside of the file", index));
    return {reinterpret_cast<const char*>(bytes_.data()) + buffer.offset(), buffer.size()};
  }
  if (buffer.data() == nullptr) return {};
  return {reinterpret_cast<const char*>(buffer.data()->data()), buffer.data()->size()};
}

std::optional<Array> TfliteFile::constant(const tfl::Tensor& tensor) const {
  const std::string_view bytes = buffer(tensor.buffer());
  if (bytes.empty()) return std::nullopt;
  const DType dtype = dtype_of(tensor.type());
  const Shape shape = shape_of(tensor);
  if (tensor.sparsity() != nullptr) return dense_array(*tensor.sparsity(), shape, bytes, dtype);
  const auto wanted = static_cast<size_t>(ir::element_count(shape)) * ir::element_bytes(dtype);
  if (bytes.size() != wanted)
    throw Error(
        fmt::format("has {} bytes of data, wanted {} for {}", bytes.size(), wanted, ir::to_string({dtype, shape})));
  return array_from_bytes(shape, bytes, dtype);
}

}  // namespace linnet::import
