// Scales and zero points of TensorFlow Lite's tensors.
#pragma once

#include <optional>

#include "converter/import/tflite/file.hpp"

namespace linnet::import {

// Nothing for tensors of real numbers or without a scale. Throws ir::Error without naming the tensor where scales or
// zero points are not valid.
std::optional<ir::Quantization> quantization_of(const tfl::Tensor& tensor);

// The real numbers that quantized integers stand for.
ir::Array dequantized(const ir::Array& array);

}  // namespace linnet::import
