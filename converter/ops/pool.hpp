// Max and average pooling. Global pooling is a Reduce.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// Input: x [N, C, spatial...] or [N, spatial..., C]. The rules of ONNX MaxPool and AveragePool, ceil_mode and
// count_include_pad included; a window that would start in the bottom or right padding is left out.
struct Pool : OpBase<Pool> {
  static constexpr std::string_view kName = "Pool";
  static constexpr bool kRoundsToNearest = true;
  kernels::PoolKind kind = kernels::PoolKind::Max;
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
  bool ceil_mode = false;
  bool count_include_pad = false;
  bool channels_last = false;
  Activation fused;
  std::optional<IntegerForm> integer;  // absent: real numbers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
