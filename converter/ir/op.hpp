// The base of all operators of the graph. Each operator is a struct derived from OpBase<Itself> with its attributes as
// public fields (so that passes can match and build it), declared in converter/ops/<operator>.hpp and defined, together
// with its ONNX importers and its emission, in converter/ops/<operator>.cpp. Attributes are always static: importers
// resolve shapes, axes and the like from constant inputs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/ir/array.hpp"
#include "converter/ir/error.hpp"
#include "kernels/function.hpp"

namespace linnet::emit {
class Context;
}

namespace linnet::ir {

struct Node;
using kernels::Activation;
using kernels::Function;

std::string_view name(Function function);

// Integer arithmetic: what an operator that computes makes of its quantized inputs, and by which rule results are
// rounded: that of TensorFlow Lite's reference kernels, in fixed point, or the product with a float32 factor, to the
// nearest, ties to even.
enum class Rounding : uint8_t { tflite, nearest };
std::string_view name(Rounding rounding);        // "tflite", "float"
Rounding parse_rounding(std::string_view name);  // throws Error
struct IntegerForm {
  DType dtype = DType::i8;
  Quantization quantization;  // of the whole output
  Rounding rounding = Rounding::tflite;
  // As TensorFlow Lite's kernels for uint8: the product of scales of a convolution whose weights have one is rounded to
  // single precision, means and resampled numbers that end in a half are rounded up, and L2 norms have more bits.
  bool as_uint8 = false;
  TensorType type(Shape shape) const { return {dtype, std::move(shape), quantization}; }
};
// Of a layer with a residual: the integers that it makes of its sums, which the residual is added to.
struct IntegerSummand {
  Quantization quantization;
  Activation fused;  // into these
};

// Writes "name=value" pairs separated by blanks; equal text means equal attributes.
class AttributeWriter {
 public:
  void add(std::string_view name, int64_t value);
  void add(std::string_view name, double value);
  void add(std::string_view name, bool value);
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }
  void add(std::string_view name, const std::vector<int64_t>& value);
  void add(std::string_view name, const std::vector<double>& value);
  void add(std::string_view name, const Activation& value);                  // nothing for Identity
  void add(std::string_view name, const std::optional<IntegerForm>& value);  // nothing where it is absent
  void add(std::string_view name, const std::optional<IntegerSummand>& value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Op {
 public:
  virtual ~Op() = default;
  virtual std::string_view name() const = 0;
  virtual std::unique_ptr<Op> clone() const = 0;
  virtual void attributes(AttributeWriter& writer) const { (void)writer; }

  // Output types from input types; an absent optional input is null. Throws Error for what the operator does not allow.
  virtual std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const = 0;

  // The reference: naive, in double (floating) or int64_t; of integer forms, the bytes that the device computes. Inputs
  // satisfy infer().
  virtual std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const = 0;

  // Multiply-accumulates of one run.
  virtual int64_t macs(const Node& node) const { return (void)node, 0; }

  // Layout. The operator that computes, from inputs whose dimensions were permuted (input i' = Transpose(input i,
  // permutation)), this operator's outputs permuted likewise; null where there is none. Only inputs of the output's
  // rank are permuted; `node` gives the types (broadcast inputs of smaller rank: return null unless the operator
  // handles them).
  virtual std::unique_ptr<Op> permuted(const Permutation& permutation, const Node& node) const {
    return (void)permutation, (void)node, nullptr;
  }

  // Memory. Whether the output may overwrite input `index` while the step runs (same size and layout).
  virtual bool in_place(const Node& node, size_t index) const { return (void)node, (void)index, false; }
  // The output is the input's bytes under another shape: no step is emitted (Reshape, Identity).
  virtual bool is_view() const { return false; }

  // The fused activation, for operators that have one; null for the others.
  virtual Activation* activation() { return nullptr; }

  // The rule by which an operator of quantized integers rounds; null for the others.
  virtual Rounding* rounding_rule() { return nullptr; }
  // Whether its integer form, of 8-bit inputs, exists for Rounding::nearest, too: its struct has kRoundsToNearest.
  virtual bool rounds_to_nearest() const { return false; }

  // Adds this node's step(s) to the model; throws Error where the device has no such operator.
  virtual void emit(const Node& node, emit::Context& context) const;
};

template <class Derived>
class OpBase : public Op {
 public:
  std::unique_ptr<Op> clone() const override { return std::make_unique<Derived>(static_cast<const Derived&>(*this)); }
  std::string_view name() const override { return Derived::kName; }
  Rounding* rounding_rule() override {
    auto& op = static_cast<Derived&>(*this);
    if constexpr (requires { op.integer->rounding; }) {
      return op.integer ? &op.integer->rounding : nullptr;
    } else if constexpr (requires { Rounding(op.rounding); }) {
      return &op.rounding;
    } else {
      return nullptr;
    }
  }
  bool rounds_to_nearest() const override {
    return requires {
      Derived::kRoundsToNearest;
    };
  }
};

}  // namespace linnet::ir
