#include "converter/ir/array.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "converter/ir/error.hpp"

namespace linnet::ir {

namespace {

struct DTypeFacts {
  std::string_view name;
  size_t bytes;
  bool floating;
};

constexpr DTypeFacts kFacts[] = {
    {"f32", 4, true},  {"f64", 8, true},  {"f16", 2, true},   {"bf16", 2, true}, {"i8", 1, false},
    {"u8", 1, false},  {"i16", 2, false}, {"u16", 2, false},  {"i32", 4, false}, {"u32", 4, false},
    {"i64", 8, false}, {"u64", 8, false}, {"bool", 1, false},
};

const DTypeFacts& facts(DType type) {
  return kFacts[static_cast<size_t>(type)];
}

// Round-to-nearest-even of a finite double to a binary format with `mantissa_bits` stored bits and the smallest normal
// exponent `minimum_exponent`. Rounding once from double avoids the double rounding of a detour over float.
double round_mantissa(double value, int mantissa_bits, int minimum_exponent) {
  int exponent;
  std::frexp(value, &exponent);  // value = f 2^exponent, 1/2 <= |f| < 1
  const int unit = std::max(exponent - 1, minimum_exponent) - mantissa_bits;
  return std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
}

int64_t wrapped(int64_t value, DType type) {
  switch (type) {
    case DType::i8:
      return static_cast<int8_t>(value);
    case DType::u8:
      return static_cast<uint8_t>(value);
    case DType::i16:
      return static_cast<int16_t>(value);
    case DType::u16:
      return static_cast<uint16_t>(value);
    case DType::i32:
      return static_cast<int32_t>(value);
    case DType::u32:
      return static_cast<uint32_t>(value);
    case DType::boolean:
      return value != 0;
    default:
      return value;
  }
}

template <class Integer>
int64_t saturated(double value) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(Limits::min())) return static_cast<int64_t>(Limits::min());
  if (value >= static_cast<double>(Limits::max())) return static_cast<int64_t>(Limits::max());
  return static_cast<int64_t>(static_cast<Integer>(value));
}

int64_t truncated(double value, DType type) {
  switch (type) {
    case DType::i8:
      return saturated<int8_t>(value);
    case DType::u8:
      return saturated<uint8_t>(value);
    case DType::i16:
      return saturated<int16_t>(value);
    case DType::u16:
      return saturated<uint16_t>(value);
    case DType::i32:
      return saturated<int32_t>(value);
    case DType::u32:
      return saturated<uint32_t>(value);
    case DType::u64:
      return saturated<uint64_t>(value);
    case DType::boolean:
      return value != 0.0;
    default:
      return saturated<int64_t>(value);
  }
}

double rounded(double value, DType type) {
  switch (type) {
    case DType::f32:
      return static_cast<float>(value);
    case DType::f16:
      return half_to_float(float_to_half(value));
    case DType::bf16:
      return bfloat16_to_float(float_to_bfloat16(value));
    default:
      return value;
  }
}

void require_count(const Shape& shape, size_t count) {
  if (static_cast<size_t>(element_count(shape)) != count)
    throw Error(fmt::format("{} elements given for a tensor of shape {}", count, to_string(shape)));
}

template <class T>
std::shared_ptr<const std::vector<T>> shared(std::vector<T> values) {
  return std::make_shared<const std::vector<T>>(std::move(values));
}

// Calls visit(offset) for every coordinate of `shape` in row-major order.
template <class Visit>
void for_each_offset(const Shape& shape, const std::vector<int64_t>& strides, int64_t offset, const Visit& visit) {
  Shape position(shape.size(), 0);
  for (int64_t left = element_count(shape); left > 0; --left) {
    visit(offset);
    for (size_t d = shape.size(); d-- > 0;) {
      offset += strides[d];
      if (++position[d] < shape[d]) break;
      offset -= strides[d] * shape[d];
      position[d] = 0;
    }
  }
}

template <class T>
std::vector<T> picked(const std::vector<T>& values, const Shape& shape, const std::vector<int64_t>& strides) {
  std::vector<T> result;
  result.reserve(static_cast<size_t>(element_count(shape)));
  for_each_offset(shape, strides, 0, [&](int64_t offset) { result.push_back(values[static_cast<size_t>(offset)]); });
  return result;
}

template <class T>
std::vector<T> picked(const std::vector<T>& values, const std::vector<int64_t>& source, T fill) {
  std::vector<T> result(source.size());
  for (size_t i = 0; i < source.size(); ++i) result[i] = source[i] < 0 ? fill : values[static_cast<size_t>(source[i])];
  return result;
}

}  // namespace

std::string_view name(DType type) {
  return facts(type).name;
}
bool is_floating(DType type) {
  return facts(type).floating;
}
size_t element_bytes(DType type) {
  return facts(type).bytes;
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 31;
  const uint32_t mantissa = bits & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(mantissa), -24)
                              : std::ldexp(static_cast<float>(mantissa + 1024), static_cast<int>(exponent) - 25);
  return sign != 0 ? -magnitude : magnitude;
}

uint16_t float_to_half(double value) {
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  if (std::isnan(value)) return sign | 0x7e00;
  const double magnitude = std::isinf(value) ? value : round_mantissa(std::fabs(value), 10, -14);
  if (std::fabs(magnitude) > 65504.0) return sign | 0x7c00;
  if (magnitude < 0x1p-14) return static_cast<uint16_t>(sign | static_cast<uint16_t>(magnitude * 0x1p24));
  int exponent;
  const double fraction = std::frexp(magnitude, &exponent);
  return static_cast<uint16_t>(sign | (exponent + 14) << 10 | (static_cast<int>(fraction * 2048) & 1023));
}

float bfloat16_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t float_to_bfloat16(double value) {
  if (std::isnan(value)) return 0x7fc0;
  const double exact = std::isinf(value) ? value : round_mantissa(value, 7, -126);
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(exact)) >> 16);
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  bool empty = false, overflow = false;
  for (const int64_t size : shape) {
    if (size < 0) throw Error(fmt::format("shape {} has a negative dimension", to_string(shape)));
    empty = empty || size == 0;
    overflow = overflow || __builtin_mul_overflow(count, size, &count);
  }
  if (empty) return 0;
  if (overflow) throw Error(fmt::format("shape {} has more elements than can be counted in 63 bits", to_string(shape)));
  return count;
}

std::string to_string(const Shape& shape) {
  if (shape.empty()) return "scalar";
  return fmt::format("{}", fmt::join(shape, "x"));
}

std::string to_string(const Quantization& quantization) {
  if (quantization.per_tensor()) return fmt::format("{{{},{}}}", quantization.scale(), quantization.zero_point());
  return fmt::format("{{{} along {}}}", quantization.scales.size(), quantization.axis);
}

std::string to_string(const TensorType& type) {
  return fmt::format("{}[{}]{}", name(type.dtype), to_string(type.shape),
                     type.quantization ? to_string(*type.quantization) : "");
}

TensorType moved_type(const TensorType& x, Shape shape) {
  if (x.quantization && !x.quantization->per_tensor())
    throw Error(fmt::format("{} has a scale for each index of dimension {}; supported is one for the whole tensor",
                            to_string(x), x.quantization->axis));
  return {x.dtype, std::move(shape), x.quantization};
}

std::vector<int64_t> row_major_strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

std::vector<int64_t> strided_offsets(const Shape& shape, const std::vector<int64_t>& strides, int64_t offset) {
  std::vector<int64_t> offsets;
  offsets.reserve(static_cast<size_t>(element_count(shape)));
  for_each_offset(shape, strides, offset, [&](int64_t position) { offsets.push_back(position); });
  return offsets;
}

Array Array::of_floats(Shape shape, std::vector<float> values, DType dtype) {
  require_count(shape, values.size());
  Array array;
  array.type_ = {dtype, std::move(shape)};
  array.floats_ = shared(std::move(values));
  return array;
}

Array Array::of_doubles(Shape shape, std::vector<double> values, DType dtype) {
  require_count(shape, values.size());
  Array array;
  array.type_ = {dtype, std::move(shape)};
  array.doubles_ = shared(std::move(values));
  return array;
}

Array Array::of_integers(Shape shape, std::vector<int64_t> values, DType dtype) {
  require_count(shape, values.size());
  Array array;
  array.type_ = {dtype, std::move(shape)};
  array.integers_ = shared(std::move(values));
  return array;
}

Array Array::scalar(double value, DType dtype) {
  return is_floating(dtype) ? of_doubles({}, {value}, dtype) : of_integers({}, {truncated(value, dtype)}, dtype);
}

size_t Array::size() const {
  if (floats_) return floats_->size();
  if (doubles_) return doubles_->size();
  return integers_ ? integers_->size() : 0;
}

double Array::number(size_t index) const {
  if (floats_) return (*floats_)[index];
  if (doubles_) return (*doubles_)[index];
  const int64_t value = (*integers_)[index];
  return type_.dtype == DType::u64 ? static_cast<double>(static_cast<uint64_t>(value)) : static_cast<double>(value);
}

int64_t Array::integer(size_t index) const {
  return integers_ ? (*integers_)[index] : truncated(number(index), DType::i64);
}

std::vector<double> Array::doubles() const {
  if (doubles_) return *doubles_;
  std::vector<double> values(size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = number(i);
  return values;
}

std::shared_ptr<const std::vector<float>> Array::shared_floats() const {
  if (floats_) return floats_;
  auto values = std::make_shared<std::vector<float>>(size());
  for (size_t i = 0; i < values->size(); ++i) (*values)[i] = static_cast<float>(number(i));
  return values;
}

std::vector<float> Array::floats() const {
  return *shared_floats();
}

std::vector<int64_t> Array::integers() const {
  if (integers_) return *integers_;
  std::vector<int64_t> values(size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = integer(i);
  return values;
}

Array Array::reshaped(Shape shape) const {
  require_count(shape, size());
  Array array = *this;
  array.type_ = moved_type(type_, std::move(shape));
  return array;
}

Array Array::with_quantization(std::optional<Quantization> quantization) const {
  Array array = *this;
  array.type_.quantization = std::move(quantization);
  return array;
}

Array Array::cast(DType dtype) const {
  if (dtype == type_.dtype) return with_quantization(std::nullopt);
  if (is_floating(dtype)) {
    const bool widens = dtype == DType::f32 && (type_.dtype == DType::f16 || type_.dtype == DType::bf16);
    if (widens) {
      Array array = *this;
      array.type_.dtype = dtype;
      return array;
    }
    std::vector<double> values = doubles();
    for (double& value : values) value = rounded(value, dtype);
    return of_doubles(shape(), std::move(values), dtype);
  }
  std::vector<int64_t> values(size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = integers_ ? wrapped((*integers_)[i], dtype) : truncated(number(i), dtype);
  return of_integers(shape(), std::move(values), dtype);
}

Array Array::gathered(Shape shape, const std::vector<int64_t>& source, double fill) const {
  require_count(shape, source.size());
  Array array;
  array.type_ = moved_type(type_, std::move(shape));
  if (floats_) array.floats_ = shared(picked(*floats_, source, static_cast<float>(fill)));
  if (doubles_) array.doubles_ = shared(picked(*doubles_, source, fill));
  if (integers_) array.integers_ = shared(picked(*integers_, source, truncated(fill, type_.dtype)));
  return array;
}

Array Array::strided(Shape shape, const std::vector<int64_t>& strides) const {
  Array array;
  if (floats_) array.floats_ = shared(picked(*floats_, shape, strides));
  if (doubles_) array.doubles_ = shared(picked(*doubles_, shape, strides));
  if (integers_) array.integers_ = shared(picked(*integers_, shape, strides));
  array.type_ = {type_.dtype, std::move(shape)};
  return array;
}

bool Array::all_finite() const {
  for (size_t i = 0; floating() && i < size(); ++i)
    if (!std::isfinite(number(i))) return false;
  return true;
}

}  // namespace linnet::ir
