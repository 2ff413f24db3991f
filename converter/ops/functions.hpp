// The functions of kernels/function.hpp in double and int64_t, and checks that operators share.
#pragma once

#include <string_view>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::ops {

double apply(const ir::Activation& activation, double x);
double apply(kernels::BinaryFunction function, double a, double b);
// Division truncates; throws ir::Error for a division by zero.
int64_t apply(kernels::BinaryFunction function, int64_t a, int64_t b);

// Names as in the file format's enumerations.
std::string_view name(kernels::BinaryFunction function);
std::string_view name(kernels::ReduceKind kind);
std::string_view name(kernels::PoolKind kind);

// The output of an operator: `values` after its fused activation.
ir::Array finish(ir::Shape shape, std::vector<double> values, ir::DType dtype, const ir::Activation& fused);

// The types of arrays, for infer(); absent inputs stay null.
std::vector<const ir::TensorType*> types_of(const std::vector<const ir::Array*>& inputs);

// An input that must be there, and one that may be absent (null). `what` names it in the error.
const ir::TensorType& required(const std::vector<const ir::TensorType*>& inputs, size_t index, std::string_view what);
template <class T>
const T* optional(const std::vector<const T*>& inputs, size_t index) {
  return index < inputs.size() ? inputs[index] : nullptr;
}

// Throws ir::Error unless the input has one of the floating types, or exactly the type of `other`, or exactly this
// shape.
void require_floating(const ir::TensorType& type, std::string_view what);
// Throws ir::Error for integers with a scale, which only integer forms compute with.
void require_not_quantized(const ir::TensorType& type, std::string_view what);
void require_same_dtype(const ir::TensorType& type, const ir::TensorType& other, std::string_view what);
void require_shape(const ir::TensorType& type, const ir::Shape& shape, std::string_view what);
void require_axis(int64_t axis, const ir::Shape& shape);
// Of a normalization: finite and not negative.
void require_epsilon(double epsilon);

}  // namespace linnet::ops
