// Softmax and log-softmax along one axis.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

struct Softmax : OpBase<Softmax> {
  static constexpr std::string_view kName = "Softmax";
  int64_t axis = -1;  // normalized to 0..rank-1 by the importer
  bool log = false;
  double beta = 1.0;                   // of the exponents; of integers only
  std::optional<IntegerForm> integer;  // absent: real numbers

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
