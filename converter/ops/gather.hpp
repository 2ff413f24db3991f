// Gather with constant indices.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// y = x with dimension `axis` replaced by dimensions indices_shape; indices are normalized to 0..size-1.
struct Gather : OpBase<Gather> {
  static constexpr std::string_view kName = "Gather";
  int64_t axis = 0;
  std::vector<int64_t> indices;
  Shape indices_shape;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
