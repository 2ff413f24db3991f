// Conversion between element types.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

struct Cast : OpBase<Cast> {
  static constexpr std::string_view kName = "Cast";
  DType to = DType::f32;
  std::optional<Quantization> quantization;  // of the result; numbers are converted as they are all the same

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
