// Inputs of a model that are given as constants when it is converted.
#pragma once

#include <optional>
#include <string>

#include "converter/ir/array.hpp"

namespace linnet::import {

// `text` is a list of numbers ("16000", "1,2,3", "true"), or the name of the file that `elements` come from.
struct ConstantInput {
  std::string text;
  std::optional<ir::Array> elements;
};

// The constant as a tensor of the input's type; dimensions of -1 are open. Elements must have the input's shape,
// numbers must be as many as it has elements; where one dimension is open, their number gives its size. Throws
// ir::Error for what does not fit, as numbers that the type cannot hold.
ir::Array constant_of(const ConstantInput& given, const ir::TensorType& type);

}  // namespace linnet::import
