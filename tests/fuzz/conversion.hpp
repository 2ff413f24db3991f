// What the targets that import share: the whole conversion of the bytes of a model file. Blocks of memory that only an
// unreasonable model asks for are refused while it runs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet::fuzz {

[[noreturn]] void fail(const char* what);

// Converts the bytes as the file `name`: whatever they are, either an error that says why, or a model that the engine
// takes and, where it is small, runs.
void convert_bytes(const uint8_t* data, size_t size, const char* name);

}  // namespace linnet::fuzz
