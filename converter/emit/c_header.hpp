// A model as C source, to be compiled into firmware and read from flash.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace linnet::emit {

// Text of NAME.h and NAME.c. The header declares
//   #define NAME_BYTES      size of the model
//   #define NAME_ARENA_BYTES   what linnet_init needs on a Cortex-M with one thread, exactly
//   #define NAME_OPERATORS  the operators in use, as CMake's LINNET_OPERATORS takes them: "Conv2D;Pool2D"
//   #define NAME_FEATURES   the features in use, as CMake's LINNET_FEATURES takes them: "Relu;cascades", or "none"
//   extern const unsigned char name[NAME_BYTES];   aligned to LINNET_ALIGNMENT
// The macros are in capitals.
struct CHeader {
  std::string header, source;
};

// `name` is a C identifier (c_identifier makes one of a file's stem); `model` the bytes of a valid model.
CHeader c_header(std::span<const uint8_t> model, std::string_view name, int64_t arena_bytes);

// Every character that C does not allow in an identifier becomes an underscore.
std::string c_identifier(std::string_view text);

}  // namespace linnet::emit
