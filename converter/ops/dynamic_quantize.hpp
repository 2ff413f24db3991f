// ONNX's DynamicQuantizeLinear of data. The device has no step of it: passes::recognise_dynamic replaces it.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// x becomes u8 numbers, the range of x and 0 in 255 steps. Outputs: the numbers, the scale and the zero point (u8).
struct DynamicQuantize : OpBase<DynamicQuantize> {
  static constexpr std::string_view kName = "DynamicQuantize";

  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
};

}  // namespace linnet::ops
