// Element-wise operators. Compare, Logical, Mod and Where exist for folding; the device has none of them.
#pragma once

#include <array>

#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

// What a function of one i8 number gives for -128 to 127.
constexpr size_t kTableSize = 256;
using Table = std::array<int8_t, kTableSize>;

// y = function(x). Floating types; Relu, Abs and Neg also on integers.
struct Unary : OpBase<Unary> {
  static constexpr std::string_view kName = "Unary";
  static constexpr bool kRoundsToNearest = true;
  Activation function;
  std::optional<IntegerForm> integer;  // absent: real numbers
  std::optional<Table> table;          // of i8, in place of the function

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  void emit(const Node& node, emit::Context& context) const override;
};

// y = fused(function(a, b)) with NumPy broadcasting.
struct Binary : OpBase<Binary> {
  static constexpr std::string_view kName = "Binary";
  static constexpr bool kRoundsToNearest = true;
  kernels::BinaryFunction function = kernels::BinaryFunction::Add;
  Activation fused;
  std::optional<IntegerForm> integer;  // absent: real numbers
  bool shifts = false;  // Add and Sub of i16: one operand is shifted where all three scales are powers of two

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
  std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const override;
  bool in_place(const Node& node, size_t index) const override;
  Activation* activation() override { return &fused; }
  void emit(const Node& node, emit::Context& context) const override;
};

enum class Comparison : uint8_t { Equal, Less, LessOrEqual, Greater, GreaterOrEqual };
enum class LogicalFunction : uint8_t { And, Or, Xor, Not };

struct Compare : OpBase<Compare> {
  static constexpr std::string_view kName = "Compare";
  Comparison comparison = Comparison::Equal;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
};

struct Logical : OpBase<Logical> {
  static constexpr std::string_view kName = "Logical";
  LogicalFunction function = LogicalFunction::And;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
};

// The remainder of a / b with NumPy broadcasting: with the sign of b, or with that of a (C's fmod) when `c_style`,
// which floating types require. A division by an integer zero is an error.
struct Mod : OpBase<Mod> {
  static constexpr std::string_view kName = "Mod";
  bool c_style = false;

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
};

// Inputs: condition, a, b with NumPy broadcasting.
struct Where : OpBase<Where> {
  static constexpr std::string_view kName = "Where";

  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override;
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override;
};

}  // namespace linnet::ops
