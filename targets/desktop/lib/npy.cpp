#include "targets/desktop/lib/npy.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/file.hpp"

namespace linnet::tools {
namespace {

constexpr std::string_view kSupportedTypes = "supported are float16/32/64, int8/16/32/64, uint8/16/32/64 and bool";

[[noreturn]] void fail(const std::string& place, const std::string& message) {
  throw ToolError(kDataError, place + ": " + message);
}

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// The header is a Python dictionary literal with the keys descr, fortran_order and shape.
class HeaderParser {
 public:
  HeaderParser(const std::string& place, std::string_view text) : place_(place), text_(text) {}

  Header parse() {
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        descr = true;
        if (peek() == '[') fail(place_, fmt::format(".npy file with structured elements; {}", kSupportedTypes));
        header_.descr = quoted();
      } else if (key == "fortran_order") {
        order = true;
        header_.fortran_order = boolean();
      } else if (key == "shape") {
        shape = true;
        header_.shape = tuple();
      } else {
        malformed();
      }
      if (!accept(',') && peek() != '}') malformed();
    }
    if (!descr || !order || !shape) malformed();
    return header_;
  }

 private:
  [[noreturn]] void malformed() const { fail(place_, "the header of the .npy file is malformed"); }

  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++position_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) malformed();
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') malformed();
    const size_t end = text_.find(quote, ++position_);
    if (end == std::string_view::npos) malformed();
    std::string result(text_.substr(position_, end - position_));
    position_ = end + 1;
    return result;
  }
  bool boolean() {
    peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(position_, word.size()) != word) continue;
      position_ += word.size();
      return value;
    }
    malformed();
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(');
    while (!accept(')')) {
      values.push_back(integer());
      if (!accept(',') && peek() != ')') malformed();
    }
    return values;
  }
  int64_t integer() {
    int64_t value = 0;
    if (peek() < '0' || peek() > '9') malformed();
    for (; position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9'; ++position_) {
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[position_] - '0'}, &value)) {
        malformed();
      }
    }
    return value;
  }

  const std::string& place_;
  std::string_view text_;
  size_t position_ = 0;
  Header header_;
};

// Where the dictionary starts and ends.
std::string_view header_text(const std::string& place, std::string_view file) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (file.substr(0, kMagic.size()) != kMagic) fail(place, "not a .npy file (it does not begin with \\x93NUMPY)");
  if (file.size() < 12) fail(place, "the .npy file is truncated within its header");
  const auto byte = [&](size_t index) { return static_cast<uint32_t>(static_cast<unsigned char>(file[index])); };
  const uint32_t version = byte(6);
  if (version < 1 || version > 3) {
    fail(place, fmt::format(".npy format version {}.{}; supported are 1.0, 2.0 and 3.0", version, byte(7)));
  }
  const size_t start = version == 1 ? 10 : 12;
  const size_t length = byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > file.size() - start) fail(place, "the .npy file is truncated within its header");
  return file.substr(start, length);
}

void set_type(NpyArray* array, const std::string& descr, const std::string& place) {
  const std::string_view sizes = descr.size() != 3 ? ""
                                 : descr[1] == 'f' ? "248"
                                 : descr[1] == 'b' ? "1"
                                 : descr[1] == 'i' ? "1248"
                                 : descr[1] == 'u' ? "1248"
                                                   : "";
  const bool order = !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
  if (!order || sizes.find(descr.size() == 3 ? descr[2] : '?') == std::string_view::npos) {
    fail(place, fmt::format(".npy element type '{}'; {}", descr, kSupportedTypes));
  }
  array->kind = descr[1];
  array->element_bytes = descr[2] - '0';
}

void swap_bytes(std::vector<unsigned char>* data, size_t element_bytes) {
  for (size_t start = 0; start < data->size(); start += element_bytes) {
    for (size_t i = 0; i < element_bytes / 2; ++i)
      std::swap((*data)[start + i], (*data)[start + element_bytes - 1 - i]);
  }
}

// First dimension fastest to last dimension fastest.
std::vector<unsigned char> row_major(const NpyArray& array) {
  std::vector<unsigned char> result(array.data.size());
  const size_t rank = array.shape.size(), bytes = static_cast<size_t>(array.element_bytes);
  std::vector<int64_t> index(rank, 0);
  for (size_t element = 0; element < array.size(); ++element) {
    size_t from = 0;
    for (size_t d = rank; d-- > 0;) from = from * static_cast<size_t>(array.shape[d]) + static_cast<size_t>(index[d]);
    std::memcpy(&result[element * bytes], &array.data[from * bytes], bytes);
    for (size_t d = rank; d-- > 0;) {
      if (++index[d] < array.shape[d]) break;
      index[d] = 0;
    }
  }
  return result;
}

double half_to_double(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == 31)
    return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

template <class T>
T load(const NpyArray& array, size_t index) {
  T value;
  std::memcpy(&value, &array.data[index * sizeof(T)], sizeof(T));
  return value;
}

template <class T>
void append(std::vector<unsigned char>* bytes, T value) {
  const size_t start = bytes->size();
  bytes->resize(start + sizeof(T));
  std::memcpy(&(*bytes)[start], &value, sizeof(T));
}

template <class T>
std::vector<unsigned char> converted_integers(const NpyArray& array, const std::string& place) {
  std::vector<unsigned char> result;
  result.reserve(array.size() * sizeof(T));
  for (size_t i = 0; i < array.size(); ++i) {
    const double value = array.number(i);
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
      fail(place, fmt::format("element {} is {}; the model's input takes {} to {}", i, value,
                              int64_t{std::numeric_limits<T>::min()}, int64_t{std::numeric_limits<T>::max()}));
    }
    append(&result, static_cast<T>(value));
  }
  return result;
}

}  // namespace

std::string NpyArray::dtype() const {
  if (kind == 'b') return "bool";
  return fmt::format("{}{}", kind == 'f' ? "float" : kind == 'i' ? "int" : "uint", element_bytes * 8);
}

double NpyArray::number(size_t index) const {
  const bool is_signed = kind == 'i';
  if (kind == 'f') {
    if (element_bytes == 2) return half_to_double(load<uint16_t>(*this, index));
    return element_bytes == 4 ? static_cast<double>(load<float>(*this, index)) : load<double>(*this, index);
  }
  switch (element_bytes) {
    case 1:
      return is_signed ? load<int8_t>(*this, index) : load<uint8_t>(*this, index);
    case 2:
      return is_signed ? load<int16_t>(*this, index) : load<uint16_t>(*this, index);
    case 4:
      return is_signed ? load<int32_t>(*this, index) : static_cast<double>(load<uint32_t>(*this, index));
    default:
      return is_signed ? static_cast<double>(load<int64_t>(*this, index))
                       : static_cast<double>(load<uint64_t>(*this, index));
  }
}

int64_t NpyArray::integer(size_t index) const {
  return element_bytes == 8 ? load<int64_t>(*this, index) : static_cast<int64_t>(number(index));
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

const char* type_name(linnet_type type) {
  switch (type) {
    case LINNET_FLOAT32:
      return "float32";
    case LINNET_INT8:
      return "int8";
    case LINNET_UINT8:
      return "uint8";
    case LINNET_INT32:
      return "int32";
    case LINNET_BOOL:
      return "bool";
    case LINNET_INT16:
      return "int16";
  }
  return "unknown";
}

size_t type_bytes(linnet_type type) {
  return type == LINNET_FLOAT32 || type == LINNET_INT32 ? 4 : type == LINNET_INT16 ? 2 : 1;
}

NpyArray parse_npy(const std::string& path, const unsigned char* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const std::string_view text = header_text(path, file);
  const Header header = HeaderParser(path, text).parse();
  NpyArray array;
  set_type(&array, header.descr, path);
  array.shape = header.shape;

  constexpr size_t kMaximumDimensions = 64;  // NumPy's
  if (array.shape.size() > kMaximumDimensions) {
    fail(path,
         fmt::format(".npy file with {} dimensions; supported are at most {}", array.shape.size(), kMaximumDimensions));
  }
  int64_t wanted = array.element_bytes;
  for (const int64_t extent : array.shape) {
    if (__builtin_mul_overflow(wanted, extent, &wanted)) {
      fail(path, fmt::format("shape {} of the .npy file is too large", shape_text(array.shape)));
    }
  }
  const std::string_view elements = file.substr(static_cast<size_t>(text.data() - file.data()) + text.size());
  if (elements.size() != static_cast<uint64_t>(wanted)) {
    fail(path, fmt::format("{} {} takes {} bytes, the .npy file has {}", array.dtype(), shape_text(array.shape), wanted,
                           elements.size()));
  }
  array.data.assign(elements.begin(), elements.end());
  if (array.kind == 'b') {
    for (unsigned char& value : array.data) value = value != 0;
  }
  if (header.descr[0] == '>') swap_bytes(&array.data, static_cast<size_t>(array.element_bytes));
  if (header.fortran_order) array.data = row_major(array);
  return array;
}

NpyArray read_npy(const std::string& path) {
  const MappedFile file(path);
  return parse_npy(path, file.data(), file.size());
}

std::vector<unsigned char> convert_elements(const NpyArray& array, linnet_type type, const std::string& place) {
  const bool fits = type == LINNET_FLOAT32 || (type == LINNET_BOOL ? array.kind == 'b' : array.kind != 'f');
  if (!fits) {
    fail(place, fmt::format("elements are {}, the model's input is {}; convert the array first", array.dtype(),
                            type_name(type)));
  }
  switch (type) {
    case LINNET_INT8:
      return converted_integers<int8_t>(array, place);
    case LINNET_UINT8:
      return converted_integers<uint8_t>(array, place);
    case LINNET_INT16:
      return converted_integers<int16_t>(array, place);
    case LINNET_INT32:
      return converted_integers<int32_t>(array, place);
    case LINNET_BOOL:
      return array.data;
    case LINNET_FLOAT32:
      break;
  }
  if (array.kind == 'f' && array.element_bytes == 4) return array.data;
  std::vector<unsigned char> result;
  result.reserve(array.size() * sizeof(float));
  for (size_t i = 0; i < array.size(); ++i) append(&result, static_cast<float>(array.number(i)));
  return result;
}

std::vector<unsigned char> npy_bytes(linnet_type type, const std::vector<int64_t>& shape,
                                     const std::vector<unsigned char>& data) {
  const char* descr = type == LINNET_FLOAT32 ? "<f4"
                      : type == LINNET_INT32 ? "<i4"
                      : type == LINNET_INT16 ? "<i2"
                      : type == LINNET_INT8  ? "|i1"
                      : type == LINNET_UINT8 ? "|u1"
                                             : "|b1";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                   fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr size_t kPrefix = 10, kAlignment = 64;
  header.resize((kPrefix + header.size() + kAlignment) / kAlignment * kAlignment - kPrefix - 1, ' ');
  header += '\n';
  std::string file = "\x93NUMPY";
  for (const size_t byte : {size_t{1}, size_t{0}, header.size() & 255, header.size() >> 8})
    file += static_cast<char>(byte);
  file += header;
  std::vector<unsigned char> result(file.begin(), file.end());
  result.insert(result.end(), data.begin(), data.end());
  return result;
}

}  // namespace linnet::tools
