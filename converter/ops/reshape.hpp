// Operators that only move or repeat elements.
#pragma once

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// The same elements in row-major order under another shape.
struct Reshape : OpBase<Reshape> {
  static constexpr std::string_view kName = "Reshape";
  Shape shape;  // resolved, no 0 or -1

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  bool is_view() const override { return true; }
};

struct Transpose : OpBase<Transpose> {
  static constexpr std::string_view kName = "Transpose";
  Permutation permutation;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

// NumPy broadcasting of x to `shape` (which already includes x's own dimensions).
struct Expand : OpBase<Expand> {
  static constexpr std::string_view kName = "Expand";
  Shape shape;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

struct Tile : OpBase<Tile> {
  static constexpr std::string_view kName = "Tile";
  std::vector<int64_t> repeats;  // one per dimension

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

}  // namespace linnet::ops
