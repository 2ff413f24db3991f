#include "converter/import/tensor_reader.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <type_traits>

#include <fmt/format.h>

#include "converter/import/bytes.hpp"
#include "converter/ir/error.hpp"
#include "converter/ir/graph.hpp"

namespace linnet::import {

namespace {

using ir::Array;
using ir::DType;
using ir::Error;
using ir::Shape;
using onnx::TensorProto;

// From the repeated field that the element type is kept in; halves are bit patterns in int32_data.
Array from_fields(const TensorProto& tensor, const Shape& shape, DType dtype) {
  const auto require = [&](int count, std::string_view field) {
    if (count != ir::element_count(shape))
      throw Error(fmt::format("has {} elements in {}, wanted {} for {}", count, field, ir::element_count(shape),
                              ir::to_string({dtype, shape})));
  };
  const auto wide = [&](const auto& field, std::string_view name) {
    require(field.size(), name);
    return Array::of_integers(shape, std::vector<int64_t>(field.begin(), field.end())).cast(dtype);
  };
  switch (dtype) {
    case DType::f32: {
      require(tensor.float_data_size(), "float_data");
      return Array::of_floats(shape, {tensor.float_data().begin(), tensor.float_data().end()});
    }
    case DType::f64: {
      require(tensor.double_data_size(), "double_data");
      return Array::of_doubles(shape, {tensor.double_data().begin(), tensor.double_data().end()}, dtype);
    }
    case DType::f16:
    case DType::bf16: {
      require(tensor.int32_data_size(), "int32_data");
      std::vector<float> values;
      values.reserve(static_cast<size_t>(tensor.int32_data_size()));
      for (const int32_t bits : tensor.int32_data()) {
        const auto half = static_cast<uint16_t>(bits);
        values.push_back(dtype == DType::f16 ? ir::half_to_float(half) : ir::bfloat16_to_float(half));
      }
      return Array::of_floats(shape, std::move(values), dtype);
    }
    case DType::i64:
      return wide(tensor.int64_data(), "int64_data");
    case DType::u32:
    case DType::u64:
      return wide(tensor.uint64_data(), "uint64_data");
    default:
      return wide(tensor.int32_data(), "int32_data");
  }
}

// Element types that the header of older ONNX versions does not name: two elements in a byte, the first in its low
// half.
constexpr int kUint4 = 21, kInt4 = 22;

Array from_nibbles(const Shape& shape, std::string_view bytes, bool is_signed) {
  std::vector<int64_t> values(static_cast<size_t>(ir::element_count(shape)));
  if (bytes.size() != (values.size() + 1) / 2)
    throw Error(fmt::format("has {} bytes, wanted {} for {} of 4 bits", bytes.size(), (values.size() + 1) / 2,
                            ir::to_string(shape)));
  for (size_t i = 0; i < values.size(); ++i) {
    const int nibble = static_cast<uint8_t>(bytes[i / 2]) >> (i % 2 * 4) & 15;
    values[i] = is_signed && nibble > 7 ? nibble - 16 : nibble;
  }
  return Array::of_integers(shape, std::move(values), is_signed ? DType::i8 : DType::u8);
}

Shape checked_shape(const TensorProto& tensor) {
  Shape shape(tensor.dims().begin(), tensor.dims().end());
  if (ir::element_count(shape) > ir::kMaximumElements)
    throw Error(fmt::format("shape {} has more than {} elements", ir::to_string(shape), ir::kMaximumElements));
  return shape;
}

uint64_t parsed_number(const std::string& text, std::string_view key) {
  uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size())
    throw Error(fmt::format("external data has {} '{}', wanted a number", key, text));
  return value;
}

}  // namespace

DType dtype_of(int onnx_data_type) {
  switch (onnx_data_type) {
    case TensorProto::FLOAT:
      return DType::f32;
    case TensorProto::DOUBLE:
      return DType::f64;
    case TensorProto::FLOAT16:
      return DType::f16;
    case TensorProto::BFLOAT16:
      return DType::bf16;
    case TensorProto::INT8:
      return DType::i8;
    case kInt4:
      return DType::i8;
    case TensorProto::UINT8:
    case kUint4:
      return DType::u8;
    case TensorProto::INT16:
      return DType::i16;
    case TensorProto::UINT16:
      return DType::u16;
    case TensorProto::INT32:
      return DType::i32;
    case TensorProto::UINT32:
      return DType::u32;
    case TensorProto::INT64:
      return DType::i64;
    case TensorProto::UINT64:
      return DType::u64;
    case TensorProto::BOOL:
      return DType::boolean;
    default:
      break;
  }
  const std::string& name = TensorProto::DataType_IsValid(onnx_data_type)
                                ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(onnx_data_type))
                                : std::to_string(onnx_data_type);
  throw Error(fmt::format(
      "element type {}; supported are float, double, float16, bfloat16, bool and integers of 4 and 8 to 64 bits",
      name));
}

Array TensorReader::read(const TensorProto& tensor) const {
  try {
    const DType dtype = dtype_of(tensor.data_type());
    Shape shape = checked_shape(tensor);
    if (tensor.data_type() == kInt4 || tensor.data_type() == kUint4) {
      const auto bytes = static_cast<size_t>((ir::element_count(shape) + 1) / 2);
      std::string fields;
      for (const int32_t pair : tensor.int32_data()) fields.push_back(static_cast<char>(pair));
      const bool external = tensor.data_location() == TensorProto::EXTERNAL;
      return from_nibbles(shape,
                          external                ? external_bytes(tensor, bytes)
                          : tensor.has_raw_data() ? std::string_view(tensor.raw_data())
                                                  : std::string_view(fields),
                          tensor.data_type() == kInt4);
    }
    const size_t wanted = static_cast<size_t>(ir::element_count(shape)) * ir::element_bytes(dtype);
    if (tensor.data_location() == TensorProto::EXTERNAL)
      return array_from_bytes(std::move(shape), external_bytes(tensor, wanted), dtype);
    if (!tensor.has_raw_data()) return from_fields(tensor, shape, dtype);
    if (tensor.raw_data().size() != wanted)
      throw Error(fmt::format("has {} bytes, wanted {} for {}", tensor.raw_data().size(), wanted,
                              ir::to_string({dtype, shape})));
    return array_from_bytes(std::move(shape), tensor.raw_data(), dtype);
  } catch (const Error& error) {
    throw Error(fmt::format("tensor '{}': {}", tensor.name(), error.what()));
  }
}

bool TensorReader::lacks_data(const TensorProto& tensor) const {
  if (std::find(tensor.dims().begin(), tensor.dims().end(), 0) != tensor.dims().end()) return false;
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    const auto location = std::find_if(tensor.external_data().begin(), tensor.external_data().end(),
                                       [](const auto& entry) { return entry.key() == "location"; });
    return location == tensor.external_data().end() || !std::filesystem::exists(folder_ / location->value());
  }
  return tensor.raw_data().empty() && tensor.float_data().empty() && tensor.double_data().empty() &&
         tensor.int32_data().empty() && tensor.int64_data().empty() && tensor.uint64_data().empty();
}

Array TensorReader::zeros(const TensorProto& tensor) {
  Shape shape = checked_shape(tensor);
  const auto count = static_cast<size_t>(ir::element_count(shape));
  return Array::of_floats(std::move(shape), std::vector<float>(count)).cast(dtype_of(tensor.data_type()));
}

std::filesystem::path TensorReader::external_file(const std::string& location) const {
  namespace fs = std::filesystem;
  const auto outside = [](const fs::path& path) { return path.empty() || path.is_absolute() || *path.begin() == ".."; };
  const fs::path name = fs::path(location).lexically_normal();
  std::error_code failure;
  const fs::path folder = fs::weakly_canonical(folder_.empty() ? fs::path(".") : folder_, failure);
  const fs::path file = failure ? fs::path() : fs::weakly_canonical(folder / name, failure);
  if (outside(name) || failure || outside(file.lexically_relative(folder)))
    throw Error(fmt::format("external file '{}' lies outside the model's folder", location));
  return file;
}

std::string TensorReader::external_bytes(const TensorProto& tensor, size_t wanted) const {
  std::string location;
  uint64_t offset = 0, length = wanted;
  for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = parsed_number(entry.value(), "offset");
    if (entry.key() == "length") length = parsed_number(entry.value(), "length");
  }
  if (location.empty()) throw Error("external data without a location");
  if (length != wanted) throw Error(fmt::format("has {} bytes in file '{}', wanted {}", length, location, wanted));

  const std::filesystem::path file = external_file(location);
  std::error_code failure;
  if (!std::filesystem::is_regular_file(file, failure))
    throw Error(fmt::format("external file '{}' is missing", location));
  const uint64_t size = std::filesystem::file_size(file, failure);
  if (failure || offset > size || size - offset < wanted)
    throw Error(
        fmt::format("external file '{}' has {} bytes, wanted {} from offset {}", location, size, wanted, offset));
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(wanted, '\0');
  if (!stream.seekg(static_cast<std::streamoff>(offset)) ||
      !stream.read(bytes.data(), static_cast<std::streamsize>(wanted)))
    throw Error(fmt::format("external file '{}' cannot be read", location));
  return bytes;
}

Array TensorReader::read(const onnx::SparseTensorProto& tensor) const {
  const std::string& name = tensor.values().name();
  const Array values = read(tensor.values());
  const Array indices = read(tensor.indices());
  try {
    TensorProto outline;
    *outline.mutable_dims() = tensor.dims();
    const Shape shape = checked_shape(outline);
    const bool linear = indices.shape().size() == 1;
    if (indices.size() != values.size() * (linear ? 1 : shape.size()))
      throw Error(fmt::format("{} values with indices of shape {}", values.size(), ir::to_string(indices.shape())));
    const std::vector<int64_t> strides = ir::row_major_strides(shape);
    std::vector<int64_t> source(static_cast<size_t>(ir::element_count(shape)), -1);
    for (size_t i = 0; i < values.size(); ++i) {
      int64_t position = linear ? indices.integer(i) : 0;
      for (size_t d = 0; !linear && d < shape.size(); ++d) {
        const int64_t index = indices.integer(i * shape.size() + d);
        if (index < 0 || index >= shape[d])
          throw Error(fmt::format("index {} outside dimension {} of {}", index, d, ir::to_string(shape)));
        position += index * strides[d];
      }
      if (position < 0 || position >= static_cast<int64_t>(source.size()))
        throw Error(fmt::format("index {} outside shape {}", position, ir::to_string(shape)));
      source[static_cast<size_t>(position)] = static_cast<int64_t>(i);
    }
    return values.gathered(shape, source);
  } catch (const Error& error) {
    throw Error(fmt::format("sparse tensor '{}': {}", name, error.what()));
  }
}

void release_elements(TensorProto& tensor) {
  if (tensor.has_raw_data()) delete tensor.release_raw_data();
  const auto release = [](auto* field) { std::remove_pointer_t<decltype(field)>().Swap(field); };
  release(tensor.mutable_float_data());
  release(tensor.mutable_double_data());
  release(tensor.mutable_int32_data());
  release(tensor.mutable_int64_data());
  release(tensor.mutable_uint64_data());
}

}  // namespace linnet::import
