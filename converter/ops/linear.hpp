// Fully connected layers: a product with a constant matrix.
#pragma once

#include "converter/ir/op.hpp"
#include "converter/ops/coded_weights.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// Inputs: x [..., K], weights [N, K], which may be int8 where x is not (int8_weights.hpp), bias [N] or absent, residual
// [..., N] or absent. y = fused(x weights^T + bias + residual); of integers with a residual as Conv.
struct Linear : OpBase<Linear> {
  static constexpr std::string_view kName = "Linear";
  static constexpr bool kRoundsToNearest = true;
  Activation fused;
  std::optional<IntegerForm> integer;  // absent: real numbers
  std::optional<IntegerSummand> summand;
  int64_t sparse = 0;    // as of Conv
  Codes codes;           // as of Conv
  bool dynamic = false;  // with int8 weights: x is quantized as DynamicQuantizeLinear does it, and sums are integers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  int64_t macs(const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
