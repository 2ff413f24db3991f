// The taps of ONNX Resize along one axis.
#pragma once

#include <string>
#include <string_view>

#include "converter/ops/resample.hpp"

namespace linnet::ops {

// Names are those of the ONNX specification, opset 11 to 21; Upsample and Resize of opset 10 use "simple" as nearest
// mode: floor when enlarging, ceil when shrinking.
struct ResizeRule {
  std::string mode = "nearest";
  std::string coordinates = "half_pixel";
  std::string nearest = "round_prefer_floor";
  double cubic_coefficient = -0.75;
  bool exclude_outside = false;
  bool antialias = false;
  double extrapolation_value = 0.0;
};

struct ResizeAxis {
  int64_t in_size = 0, out_size = 0;
  float scale = 1.0f;  // output / input; not exactly the sizes' ratio when it was given
  // The scale where it follows from sizes; the denominator is 0 where it was given.
  int64_t numerator = 0, denominator = 0;
  double roi_start = 0.0, roi_end = 1.0;  // tf_crop_and_resize only
};

// Empty, or what is not supported in `rule`.
std::string unsupported(const ResizeRule& rule);

// Where output positions fall on the border between two inputs, rounding would decide which one is taken: coordinates
// that follow from sizes are exact. A scale that was given is a rounded number itself, and is divided by in single
// precision, as ONNX Runtime does: PyTorch exports the 0.6 of a user so, and means 0.6.
Resample resize_table(const ResizeRule& rule, const ResizeAxis& axis);

}  // namespace linnet::ops
