#include "targets/desktop/lib/quantized.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {
namespace {

template <class T>
T load(const unsigned char* element) {
  T value;
  std::memcpy(&value, element, sizeof(value));
  return value;
}

template <class T>
std::vector<unsigned char> quantized_as(const std::vector<float>& numbers, const linnet_tensor_view& view,
                                        const std::string& place) {
  std::vector<unsigned char> elements(numbers.size() * sizeof(T));
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (std::isnan(numbers[i])) {
      throw ToolError(kDataError,
                      fmt::format("{}: element {} is NaN, which no {} stands for", place, i, type_name(view.type)));
    }
    const double value = static_cast<double>(std::round(numbers[i] / view.scale)) + view.zero_point;
    const auto integer = static_cast<T>(std::clamp<double>(value, static_cast<double>(std::numeric_limits<T>::min()),
                                                           static_cast<double>(std::numeric_limits<T>::max())));
    std::memcpy(&elements[i * sizeof(T)], &integer, sizeof(T));
  }
  return elements;
}

}  // namespace

bool is_quantized(linnet_type type, float scale) {
  return type != LINNET_FLOAT32 && type != LINNET_BOOL && std::isfinite(scale) && scale > 0;
}

double element_number(const unsigned char* element, linnet_type type) {
  switch (type) {
    case LINNET_INT8:
      return static_cast<signed char>(*element);
    case LINNET_UINT8:
    case LINNET_BOOL:
      return *element;
    case LINNET_INT16:
      return load<int16_t>(element);
    case LINNET_INT32:
      return load<int32_t>(element);
    case LINNET_FLOAT32:
      break;
  }
  return static_cast<double>(load<float>(element));
}

std::vector<unsigned char> quantized(const std::vector<float>& numbers, const linnet_tensor_view& view,
                                     const std::string& place) {
  switch (view.type) {
    case LINNET_INT8:
      return quantized_as<int8_t>(numbers, view, place);
    case LINNET_UINT8:
      return quantized_as<uint8_t>(numbers, view, place);
    case LINNET_INT16:
      return quantized_as<int16_t>(numbers, view, place);
    default:
      return quantized_as<int32_t>(numbers, view, place);
  }
}

std::vector<unsigned char> dequantized(const std::vector<unsigned char>& elements, linnet_type type, float scale,
                                       int zero_point) {
  const size_t bytes = type_bytes(type), count = elements.size() / bytes;
  std::vector<unsigned char> numbers(count * sizeof(float));
  for (size_t i = 0; i < count; ++i) {
    const double steps = element_number(&elements[i * bytes], type) - zero_point;
    const auto number = static_cast<float>(static_cast<double>(scale) * steps);
    std::memcpy(&numbers[i * sizeof(float)], &number, sizeof(number));
  }
  return numbers;
}

std::string quantization_text(float scale, int zero_point) {
  return scale == 0 ? "" : fmt::format(", scale {}, zero point {}", scale, zero_point);
}

}  // namespace linnet::tools
