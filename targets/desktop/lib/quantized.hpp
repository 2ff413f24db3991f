// Integers that stand for real numbers, scale * (q - zero_point), and these.
#pragma once

#include <string>
#include <vector>

#include "engine/linnet.h"

namespace linnet::tools {

// Whether elements stand for other numbers than themselves.
bool is_quantized(linnet_type type, float scale);

// One element as it is; `element` need not be aligned.
double element_number(const unsigned char* element, linnet_type type);

// q = clamp(round(x / scale) + zero_point) in float32, halves away from zero, as TensorFlow Lite's QUANTIZE rounds; q
// is limited to the range of the view's type, int8, uint8, int16 or int32, whose elements are returned. Throws
// ToolError with kDataError, naming `place`, for NaN.
std::vector<unsigned char> quantized(const std::vector<float>& numbers, const linnet_tensor_view& view,
                                     const std::string& place);

// Float32 elements: what integers of the type stand for.
std::vector<unsigned char> dequantized(const std::vector<unsigned char>& elements, linnet_type type, float scale,
                                       int zero_point);

// ", scale 0.0235, zero point -128"; empty for tensors without a scale.
std::string quantization_text(float scale, int zero_point);

}  // namespace linnet::tools
