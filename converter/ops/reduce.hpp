// Reductions along axes.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// ReduceLogSum and the like are a Reduce and a Unary.
struct Reduce : OpBase<Reduce> {
  static constexpr std::string_view kName = "Reduce";
  static constexpr bool kRoundsToNearest = true;
  kernels::ReduceKind kind = kernels::ReduceKind::Mean;
  std::vector<int64_t> axes;  // ascending, 0..rank-1, not empty
  bool keep_dims = true;
  Activation fused;
  std::optional<IntegerForm> integer;  // absent: real numbers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

// The output is i64 in the graph and int32 on the device.
struct ArgMax : OpBase<ArgMax> {
  static constexpr std::string_view kName = "ArgMax";
  int64_t axis = 0;
  bool keep_dims = true;
  bool select_last = false;
  bool minimum = false;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
