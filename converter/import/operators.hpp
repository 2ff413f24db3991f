// The table of ONNX operators that can be converted.
#pragma once

#include <span>
#include <string_view>

#include "converter/import/onnx_context.hpp"

namespace linnet::import {

struct OnnxOperator {
  std::string_view name;
  int first_opset;
  OnnxImporter importer;
};

std::span<const OnnxOperator> onnx_operators();                 // in the order of onnx_operators.inc
const OnnxOperator* find_onnx_operator(std::string_view name);  // null where there is none

}  // namespace linnet::import
