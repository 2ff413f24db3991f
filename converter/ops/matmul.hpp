// Products of two activations, with NumPy broadcasting of the batch dimensions.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// y = fused(scale * a b), where a and b are first permuted (empty: as they are), so that a transposed operand is read
// in place; then y is permuted by c_permutation, which keeps the last dimension last, so that heads are written where
// they belong. Inputs: a, b of two dimensions or more (importers add dimensions to vectors).
struct MatMul : OpBase<MatMul> {
  static constexpr std::string_view kName = "MatMul";
  static constexpr bool kRoundsToNearest = true;
  Permutation a_permutation, b_permutation, c_permutation;
  double scale = 1.0;
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
