// The bytes of a TensorFlow Lite file, and what its tensors hold.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/import/tflite/tflite_generated.h"
#include "converter/ir/array.hpp"

namespace linnet::import {

namespace tfl = linnet::tflite;

// Whether the file says of itself that it is TensorFlow Lite's, by its identifier or its name.
bool is_tflite(const std::filesystem::path& file);

// Throws ir::Error for element types that the converter does not know.
ir::DType dtype_of(tfl::TensorType type);

// Throws ir::Error for shapes that no tensor can have.
ir::Shape shape_of(const tfl::Tensor& tensor);

class TfliteFile {
 public:
  // Throws ir::Error with one line for a file that cannot be read, is truncated or is no TensorFlow Lite model.
  explicit TfliteFile(const std::filesystem::path& file);

  const tfl::Model& model() const { return *tfl::GetModel(bytes_.data()); }

  // The elements of a constant tensor, sparse ones as a dense array; nothing where it has none in the file. Throws
  // ir::Error without naming the tensor.
  std::optional<ir::Array> constant(const tfl::Tensor& tensor) const;

 private:
  std::vector<uint8_t> bytes_;

  std::string_view buffer(uint32_t index) const;
};

// Elements of a list that may be absent.
template <class Vector>
size_t count_of(const Vector* list) {
  return list != nullptr ? list->size() : 0;
}
// A verified file may still have numbers of 8 bytes at multiples of 4.
template <class T>
std::vector<int64_t> integers_of(const flatbuffers::Vector<T>* list) {
  std::vector<T> values(count_of(list));
  if (!values.empty()) std::memcpy(values.data(), list->Data(), values.size() * sizeof(T));
  return {values.begin(), values.end()};
}
// Control characters, which would break a line of text, become question marks.
std::string text_of(const flatbuffers::String* text);

}  // namespace linnet::import
