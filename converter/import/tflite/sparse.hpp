// TensorFlow Lite's sparse tensors: levels, dense or compressed (CSR), that traverse the dimensions, and blocks within
// them, in any order.
#pragma once

#include <string_view>

#include "converter/import/tflite/tflite_generated.h"
#include "converter/ir/array.hpp"

namespace linnet::import {

// The dense tensor of `shape`; `bytes` are the stored elements in the order of traversal. Throws ir::Error where the
// description is not consistent in itself, with the shape or with the number of elements.
ir::Array dense_array(const linnet::tflite::SparsityParameters& sparsity, const ir::Shape& shape,
                      std::string_view bytes, ir::DType dtype);

}  // namespace linnet::import
