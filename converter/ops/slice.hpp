// Strided sub-tensors; Split is several of them.
#pragma once

#include "converter/import/context.hpp"
#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// y[i] = x[starts + i * steps], i < shape; steps may be negative, starts are then the last elements read first.
struct Slice : OpBase<Slice> {
  static constexpr std::string_view kName = "Slice";
  std::vector<int64_t> starts, steps, shape;  // one per dimension

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

// Of a tensor of this shape, all elements.
Slice whole_slice(const Shape& shape);
// Parts of x of these sizes along one axis, in order, null where the node's output is not used; throws the context's
// Error unless they make up the axis and are as many as the node's outputs.
std::vector<Value*> parts(import::Context& context, Value* x, size_t axis, const std::vector<int64_t>& sizes);

}  // namespace linnet::ops
