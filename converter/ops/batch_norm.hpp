// Batch normalization with given statistics, and the scale-shift step it becomes where it cannot be folded.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// Inputs: x, scale [C], bias [C], mean [C], variance [C]; y = scale (x - mean) / sqrt(variance + epsilon) + bias along
// `axis`. Mean and variance may be absent until a data set gives them. No emission: folding replaces it by ScaleShift
// or merges it into a neighbour.
struct BatchNorm : OpBase<BatchNorm> {
  static constexpr std::string_view kName = "BatchNorm";
  double epsilon = 1e-5;
  int64_t axis = 1;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
};

// Inputs: x, scale [C], shift [C], both constant; y = fused(scale x + shift) along `axis` (emitted with the last axis
// only).
struct ScaleShift : OpBase<ScaleShift> {
  static constexpr std::string_view kName = "ScaleShift";
  int64_t axis = 1;
  Activation fused;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
