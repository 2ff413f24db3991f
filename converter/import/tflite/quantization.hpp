// Scales and zero points of TensorFlow Lite's tensors.
#pragma once

#include <optional>

#include "converter/import/tflite/file.hpp"
#include "converter/ir/graph.hpp"

namespace linnet::import {

// Nothing for tensors of real numbers or without a scale. Throws ir::Error without naming the tensor where scales or
// zero points are not valid.
std::optional<ir::Quantization> quantization_of(const tfl::Tensor& tensor);

// The element type and quantization that the graph has for a tensor, without its shape: quantized uint8 numbers become
// int8 by 128 less, their zero point likewise.
ir::TensorType element_type_of(const tfl::Tensor& tensor);
// A constant tensor's elements, as read from the file, in that form.
ir::Array in_graph_form(const ir::Array& array, const tfl::Tensor& tensor);
// The change between both forms of a value, whose elements are those of `tensor`.
ir::Value* to_graph_form(ir::Graph& graph, ir::Value* value, const tfl::Tensor& tensor);
ir::Value* to_file_form(ir::Graph& graph, ir::Value* value, const tfl::Tensor& tensor);

// The real numbers that quantized integers stand for.
ir::Array dequantized(const ir::Array& array);

}  // namespace linnet::import
