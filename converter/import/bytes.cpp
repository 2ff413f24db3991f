#include "converter/import/bytes.hpp"

#include <bit>
#include <cstring>

namespace linnet::import {

using ir::Array;
using ir::DType;
using ir::Shape;

static_assert(std::endian::native == std::endian::little, "the files' elements are little-endian");

namespace {

template <class Stored, class Result, class Convert>
std::vector<Result> decoded(std::string_view bytes, Convert convert) {
  std::vector<Result> values(bytes.size() / sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

template <class Stored>
Array integers(const Shape& shape, std::string_view bytes, DType dtype) {
  return Array::of_integers(shape, decoded<Stored, int64_t>(bytes, [](Stored v) { return static_cast<int64_t>(v); }),
                            dtype);
}

}  // namespace

Array array_from_bytes(Shape shape, std::string_view bytes, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return Array::of_floats(std::move(shape), decoded<float, float>(bytes, [](float v) { return v; }));
    case DType::f64:
      return Array::of_doubles(std::move(shape), decoded<double, double>(bytes, [](double v) { return v; }), dtype);
    case DType::f16:
      return Array::of_floats(std::move(shape), decoded<uint16_t, float>(bytes, ir::half_to_float), dtype);
    case DType::bf16:
      return Array::of_floats(std::move(shape), decoded<uint16_t, float>(bytes, ir::bfloat16_to_float), dtype);
    case DType::i8:
      return integers<int8_t>(shape, bytes, dtype);
    case DType::u8:
      return integers<uint8_t>(shape, bytes, dtype);
    case DType::i16:
      return integers<int16_t>(shape, bytes, dtype);
    case DType::u16:
      return integers<uint16_t>(shape, bytes, dtype);
    case DType::i32:
      return integers<int32_t>(shape, bytes, dtype);
    case DType::u32:
      return integers<uint32_t>(shape, bytes, dtype);
    case DType::i64:
      return integers<int64_t>(shape, bytes, dtype);
    case DType::u64:
      return integers<uint64_t>(shape, bytes, dtype);
    case DType::boolean:
      break;
  }
  return Array::of_integers(std::move(shape),
                            decoded<uint8_t, int64_t>(bytes, [](uint8_t v) { return int64_t{v != 0}; }), dtype);
}

}  // namespace linnet::import
