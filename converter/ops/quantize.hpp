// Between real numbers and integers with a scale, and between integers with different scales.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// With `quantization`, x becomes integers of that scale; without, x, integers with a scale, becomes the real numbers
// that it stands for (the device: with one scale). Results are rounded by the rule; real numbers half away from zero or
// (Rounding::nearest) to even.
struct Quantize : OpBase<Quantize> {
  static constexpr std::string_view kName = "Quantize";
  static constexpr bool kRoundsToNearest = true;
  DType to = DType::i8;
  std::optional<Quantization> quantization;  // of the whole tensor
  Rounding rounding = Rounding::tflite;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
