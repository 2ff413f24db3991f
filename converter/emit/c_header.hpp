// A model as C source, to be compiled into firmware and read from flash.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace linnet::emit {

// Text of the header and the source. The header declares
//   #define NAME_BYTES      size of the model
//   #define NAME_ARENA_BYTES   what linnet_init needs on a Cortex-M with one thread, exactly
//   #define NAME_OPERATORS  the operators in use, as CMake's LINNET_OPERATORS takes them: "Conv2D;Pool2D"
//   #define NAME_FEATURES   the features in use, as CMake's LINNET_FEATURES takes them: "Relu;cascades", or "none"
//   #define NAME_INPUT0_SCALE, NAME_INPUT0_ZERO_POINT, NAME_OUTPUT0_...   of quantized inputs and outputs
//   extern const unsigned char name[NAME_BYTES];   aligned to LINNET_ALIGNMENT
// The macros are in capitals.
struct CHeader {
  std::string header, source;
};

// `name` is a C identifier (c_identifier makes one of a file's stem), `header_file` the header's file name, which the
// source includes; `model` the bytes of a valid model.
CHeader c_header(std::span<const uint8_t> model, std::string_view name, std::string_view header_file,
                 int64_t arena_bytes);

// A name that C and C++ programs may give to an array: characters that are not allowed in it become an underscore,
// several in a row one; "model_" goes before what does not begin with a letter and before keywords and names like main.
std::string c_identifier(std::string_view text);

}  // namespace linnet::emit
