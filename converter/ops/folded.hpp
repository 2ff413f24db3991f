// Operators of ONNX that the device lacks: their value is computed where their inputs are constant.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "converter/import/onnx_context.hpp"
#include "converter/ir/op.hpp"

namespace linnet::ops {

using namespace linnet::ir;

struct Folded : OpBase<Folded> {
  static constexpr std::string_view kName = "Folded";
  using Types = std::function<std::vector<TensorType>(const std::vector<const TensorType*>&)>;
  using Compute = std::function<std::vector<Array>(const std::vector<const Array*>&)>;
  std::string type, settings;  // ONNX's operator and what else `types` and `compute` depend on
  Types types;                 // infer()
  Compute compute;             // evaluate()

  std::string_view name() const override { return type; }
  void attributes(AttributeWriter& writer) const override;
  std::vector<TensorType> infer(const std::vector<const TensorType*>& inputs) const override { return types(inputs); }
  std::vector<Array> evaluate(const std::vector<const Array*>& inputs) const override { return compute(inputs); }
};

// The outputs of `op` on the node's first `inputs` inputs: constants where these are static.
std::vector<Value*> fold(import::OnnxContext& context, size_t inputs, std::unique_ptr<Op> op);
// The same of a Folded.
std::vector<Value*> fold(import::OnnxContext& context, size_t inputs, std::string settings, Folded::Types types,
                         Folded::Compute compute);

// An array of `like`'s type: compute(elements of x) with the elements as vectors of double or int64_t. Integers wrap.
template <class Compute>
Array typed(const Array& x, Shape shape, Compute compute) {
  if (x.floating()) return Array::of_doubles(std::move(shape), compute(x.doubles()), x.dtype());
  const Array wide = Array::of_integers(std::move(shape), compute(x.integers()));
  return wide.cast(x.dtype());
}

// Sums, differences and products that wrap around where they are of integers.
template <class T>
T wrapping_sum(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  return a + b;
}
template <class T>
T wrapping_product(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  return a * b;
}

}  // namespace linnet::ops
