// Layer, RMS and L2 normalization over the last axes; group and instance normalization over channels.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// Inputs: x, gain or absent, shift or absent; both of the shape of x's axes from `axis` on. Statistics over those axes,
// by the formulas of RowNormArgs (kernels/contract.hpp); y = fused(normalized * gain + shift).
struct RowNorm : OpBase<RowNorm> {
  static constexpr std::string_view kName = "RowNorm";
  kernels::NormKind kind = kernels::NormKind::Layer;
  int64_t axis = 0;  // first normalized axis
  double epsilon = 1e-5;
  bool epsilon_outside = false;
  Activation fused;
  std::optional<IntegerForm> integer;  // of L2 without gain and shift; absent: real numbers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

// Inputs: x [N, C, ...] or, with channels_last, [N, ..., C]; scale [C], shift [C]; the moments of x, a convolution's
// second output of as many moment_rows, or absent. By the formula of GroupNormArgs.
struct GroupNorm : OpBase<GroupNorm> {
  static constexpr std::string_view kName = "GroupNorm";
  int64_t groups = 1;
  double epsilon = 1e-5;
  bool epsilon_outside = false;
  bool channels_last = false;
  int64_t moment_rows = 0;  // of input 3
  Activation fused;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  bool in_place(const Node& node, size_t index) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
