#include "converter/import/operators.hpp"

namespace linnet::ops {

#define ONNX_OPERATOR(name, first_opset, importer) std::vector<ir::Value*> importer(import::OnnxContext& context);
#include "converter/import/onnx_operators.inc"
#undef ONNX_OPERATOR

}  // namespace linnet::ops

namespace linnet::import {

namespace {

constexpr OnnxOperator kOperators[] = {
#define ONNX_OPERATOR(name, first_opset, importer) {name, first_opset, ops::importer},
#include "converter/import/onnx_operators.inc"
#undef ONNX_OPERATOR
};

}  // namespace

std::span<const OnnxOperator> onnx_operators() {
  return kOperators;
}

const OnnxOperator* find_onnx_operator(std::string_view name) {
  for (const OnnxOperator& row : kOperators)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace linnet::import
