// One axis of a separable resampling; a Resize is one of these per axis that changes.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// With `integer`, of integers by integer weights without bias: sums are divided by 2^shift, halves rounded away from
// zero, and the result has the scale of x. y[.., i, ..] = bias[i] + sum over t < taps of weights[i * taps + t] x[..,
// indices[i * taps + t], ..] along `axis`.
struct Resample : OpBase<Resample> {
  static constexpr std::string_view kName = "Resample";
  int64_t axis = 0;
  int64_t taps = 1;
  std::vector<int64_t> indices;
  std::vector<double> weights;
  std::vector<double> bias;  // one per output position (extrapolation values), or empty
  int64_t shift = 0;
  std::optional<IntegerForm> integer;  // absent: real numbers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
