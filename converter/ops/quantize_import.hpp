// What the importers of ONNX's quantized operators share.
#pragma once

#include <optional>
#include <vector>

#include "converter/import/onnx_context.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// Scales and zero points from two constant inputs, for elements of `dtype` and `shape`: one, or one per entry of
// `axis`. An absent zero point is 0. Fails for scales that are not positive and finite, and for other types or sizes.
Quantization read_quantization(import::OnnxContext& context, size_t scale_index, size_t zero_point_index, DType dtype,
                               const Shape& shape, int64_t axis);
// x as integers of this scale: a constant, an input of the model that nothing has read, or a value of that scale.
Value* with_quantization(import::OnnxContext& context, Value* x, const Quantization& quantization);

// What the attribute output_dtype says, which there is since this opset.
std::optional<DType> output_dtype(import::OnnxContext& context, int since);

// Steps between integers and real numbers that round to nearest even (passes::recognise_integers).
Value* dequantize(import::OnnxContext& context, Value* x, DType to);
Value* quantize(import::OnnxContext& context, Value* x, DType to, const Quantization& quantization);

// Of constants: also scales per block, other element types.
std::vector<Value*> fold_dequantize_linear(import::OnnxContext& context);
std::vector<Value*> fold_quantize_linear(import::OnnxContext& context);

}  // namespace linnet::ops
