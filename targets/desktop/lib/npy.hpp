// NumPy's .npy files, format versions 1.0 to 3.0 (numpy.lib.format).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/linnet.h"

namespace linnet::tools {

// Elements in row-major order and this machine's byte order, whatever the file had.
struct NpyArray {
  char kind = 'f';        // 'f' float, 'i' signed, 'u' unsigned, 'b' boolean
  int element_bytes = 4;  // f: 2, 4, 8; i and u: 1, 2, 4, 8; b: 1
  std::vector<int64_t> shape;
  std::vector<unsigned char> data;

  size_t size() const { return data.size() / static_cast<size_t>(element_bytes); }
  std::string dtype() const;  // "float32"
  double number(size_t index) const;
  int64_t integer(size_t index) const;  // of integers and booleans; of uint64 the same bits
};

// "1x8x8"; "scalar" without dimensions.
std::string shape_text(const std::vector<int64_t>& shape);

const char* type_name(linnet_type type);
size_t type_bytes(linnet_type type);

// Throws ToolError: kFileError when the file cannot be read, kDataError (naming the file, what was got and what is
// supported) when it is not a .npy file that is understood.
NpyArray read_npy(const std::string& path);
NpyArray parse_npy(const std::string& path, const unsigned char* data, size_t size);

// The elements as `type`, in the same order. Floats accept any number; integers accept integers in their range;
// booleans accept booleans. Throws ToolError with kDataError, naming `place`, for anything else.
std::vector<unsigned char> convert_elements(const NpyArray& array, linnet_type type, const std::string& place);

// A version 1.0 file with row-major `data`.
std::vector<unsigned char> npy_bytes(linnet_type type, const std::vector<int64_t>& shape,
                                     const std::vector<unsigned char>& data);

}  // namespace linnet::tools
