// Padding of any dimension.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

enum class PadMode : uint8_t { Constant, Reflect, Edge, Wrap };

// Pads may be negative (cropping) in constant mode.
struct Pad : OpBase<Pad> {
  static constexpr std::string_view kName = "Pad";
  PadMode mode = PadMode::Constant;
  double value = 0.0;
  std::vector<int64_t> pads_begin, pads_end;  // one per dimension

  std::vector<int64_t> padded_axes() const;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
