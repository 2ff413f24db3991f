// Elements as model files store them.
#pragma once

#include <string_view>

#include "converter/ir/array.hpp"

namespace linnet::import {

// From little-endian elements in row-major order; `bytes` has the size of a tensor of this shape and type. Booleans are
// bytes that are not zero.
ir::Array array_from_bytes(ir::Shape shape, std::string_view bytes, ir::DType dtype);

}  // namespace linnet::import
