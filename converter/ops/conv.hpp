// Convolution and transposed convolution, 1-D and 2-D.
#pragma once

#include "converter/ir/op.hpp"
#include "converter/ops/coded_weights.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// Inputs: x [N, C, spatial...] (or [N, spatial..., C] when channels_last), weights [M, C / groups, kernel...] (always
// in ONNX order), which may be int8 where x is not (int8_weights.hpp), bias [M] or absent, residual of the output's
// shape or absent, factors of the channels of x, [N, 1, 1, C], or absent (channels-last images of rank 4, one group). y
// = fused(conv(x * factors) + bias + residual). Depthwise where groups == C == M. Of integers with a residual, y is the
// integer Binary Add, to `integer` and `fused`, of the residual and `summand`, which is made of conv(x) + bias. With
// moment_rows > 0, of a channels-last image of rank 4, there is a second output: its moments, [N, ceil(H /
// moment_rows), 3, M] (kernels::MomentsArgs).
struct Conv : OpBase<Conv> {
  static constexpr std::string_view kName = "Conv";
  static constexpr bool kRoundsToNearest = true;
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;  // one per spatial dimension
  int64_t groups = 1;
  bool channels_last = false;
  int64_t moment_rows = 0;
  int64_t sparse = 0;    // of stored blocks, the outputs: 1, 4 or 16, of integers 1 (and four inputs); 0: dense
  Codes codes;           // of its weights, which the device stores in their place; null: none
  int64_t winograd = 0;  // 2, 4 or 6: the device computes it by F(winograd x winograd, 3x3); 0: directly
  Activation fused;
  std::optional<IntegerForm> integer;  // absent: real numbers
  std::optional<IntegerSummand> summand;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  int64_t macs(const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

// Inputs: x, weights [C, M / groups, kernel...], bias or absent. Output size: (in - 1) * stride + dilated kernel - pads
// + output_padding; the importer resolves output_shape and auto_pad into pads.
struct ConvTranspose : OpBase<ConvTranspose> {
  static constexpr std::string_view kName = "ConvTranspose";
  static constexpr bool kRoundsToNearest = true;
  std::vector<int64_t> strides, dilations, pads_begin, pads_end, output_padding;
  int64_t groups = 1;
  bool channels_last = false;
  Activation fused;
  std::optional<IntegerForm> integer;  // absent: real numbers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  int64_t macs(const Node& node) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
