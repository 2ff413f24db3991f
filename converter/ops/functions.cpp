#include "converter/ops/functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "schema/model_generated.h"

namespace linnet::ops {

using namespace linnet::ir;
using kernels::BinaryFunction;

namespace {

double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}
double elu(double x, double alpha) {
  return x < 0.0 ? alpha * std::expm1(x) : x;
}

double gelu_tanh(double x) {
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

// Maximum and minimum that keep a NaN, and keep `x` where both are equal.
double maximum(double x, double bound) {
  return x < bound ? bound : x;
}
double minimum(double x, double bound) {
  return x > bound ? bound : x;
}

int64_t integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw Error("integer power of 0 with a negative exponent");
    return base == 1 || (base == -1 && exponent % 2 == 0) ? 1 : base == -1 ? -1 : 0;
  }
  uint64_t result = 1, factor = static_cast<uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor) {
    if (exponent & 1) result *= factor;
  }
  return static_cast<int64_t>(result);
}

int64_t integer_quotient(int64_t a, int64_t b) {
  if (b == 0) throw Error("integer division by zero");
  if (b == -1) return static_cast<int64_t>(-static_cast<uint64_t>(a));
  return a / b;
}

}  // namespace

double apply(const Activation& activation, double x) {
  const double alpha = activation.alpha, beta = activation.beta;
  switch (activation.function) {
    case Function::Identity:
      return x;
    case Function::Relu:
      return maximum(x, 0.0);
    case Function::LeakyRelu:
      return x < 0.0 ? alpha * x : x;
    case Function::Clip:
      return minimum(maximum(x, alpha), beta);
    case Function::Sigmoid:
      return sigmoid(x);
    case Function::Tanh:
      return std::tanh(x);
    case Function::HardSigmoid:
      return minimum(maximum(alpha * x + beta, 0.0), 1.0);
    case Function::HardSwish:
      return x * minimum(maximum(x / 6.0 + 0.5, 0.0), 1.0);
    case Function::Elu:
      return elu(x, alpha);
    case Function::Selu:
      return beta * elu(x, alpha);
    case Function::Softplus:
      return softplus(x);
    case Function::Softsign:
      return x / (1.0 + std::abs(x));
    case Function::Mish:
      return x * std::tanh(softplus(x));
    case Function::Erf:
      return std::erf(x);
    case Function::Gelu:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case Function::GeluTanh:
      return gelu_tanh(x);
    case Function::Silu:
      return x * sigmoid(x);
    case Function::Exp:
      return std::exp(x);
    case Function::Log:
      return std::log(x);
    case Function::Sqrt:
      return std::sqrt(x);
    case Function::Reciprocal:
      return 1.0 / x;
    case Function::Abs:
      return std::abs(x);
    case Function::Neg:
      return -x;
    case Function::Floor:
      return std::floor(x);
    case Function::Ceil:
      return std::ceil(x);
    case Function::Round:
      return std::nearbyint(x);
    case Function::Sin:
      return std::sin(x);
    case Function::Cos:
      return std::cos(x);
    case Function::Rsqrt:
      return 1.0 / std::sqrt(x);
  }
  throw Error(fmt::format("unknown function {}", static_cast<int>(activation.function)));
}

double apply(BinaryFunction function, double a, double b) {
  switch (function) {
    case BinaryFunction::Add:
      return a + b;
    case BinaryFunction::Sub:
      return a - b;
    case BinaryFunction::Mul:
      return a * b;
    case BinaryFunction::Div:
      return a / b;
    case BinaryFunction::Max:
      return std::isnan(b) ? b : maximum(a, b);
    case BinaryFunction::Min:
      return std::isnan(b) ? b : minimum(a, b);
    case BinaryFunction::Pow:
      return std::pow(a, b);
    case BinaryFunction::PRelu:
      return a < 0.0 ? b * a : a;
    case BinaryFunction::SquaredDifference:
      return (a - b) * (a - b);
  }
  throw Error(fmt::format("unknown binary function {}", static_cast<int>(function)));
}

int64_t apply(BinaryFunction function, int64_t a, int64_t b) {
  const auto product = [](int64_t x, int64_t y) {
    return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
  };
  const auto difference = static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  switch (function) {
    case BinaryFunction::Add:
      return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    case BinaryFunction::Sub:
      return difference;
    case BinaryFunction::Mul:
      return product(a, b);
    case BinaryFunction::Div:
      return integer_quotient(a, b);
    case BinaryFunction::Max:
      return std::max(a, b);
    case BinaryFunction::Min:
      return std::min(a, b);
    case BinaryFunction::Pow:
      return integer_power(a, b);
    case BinaryFunction::PRelu:
      return a < 0 ? product(b, a) : a;
    case BinaryFunction::SquaredDifference:
      return product(difference, difference);
  }
  throw Error(fmt::format("unknown binary function {}", static_cast<int>(function)));
}

std::string_view name(BinaryFunction function) {
  return fb::EnumNameBinaryFunction(static_cast<fb::BinaryFunction>(function));
}
std::string_view name(kernels::ReduceKind kind) {
  return fb::EnumNameReduceKind(static_cast<fb::ReduceKind>(kind));
}
std::string_view name(kernels::PoolKind kind) {
  return fb::EnumNamePoolKind(static_cast<fb::PoolKind>(kind));
}

Array finish(Shape shape, std::vector<double> values, DType dtype, const Activation& fused) {
  if (fused.function != Function::Identity) {
    for (double& value : values) value = apply(fused, value);
  }
  return Array::of_doubles(std::move(shape), std::move(values), dtype);
}

std::vector<const TensorType*> types_of(const std::vector<const Array*>& inputs) {
  std::vector<const TensorType*> types;
  types.reserve(inputs.size());
  for (const Array* input : inputs) types.push_back(input == nullptr ? nullptr : &input->type());
  return types;
}

const TensorType& required(const std::vector<const TensorType*>& inputs, size_t index, std::string_view what) {
  if (index >= inputs.size() || inputs[index] == nullptr)
    throw Error(fmt::format("input {} ({}) is missing", index, what));
  return *inputs[index];
}

void require_floating(const TensorType& type, std::string_view what) {
  if (!is_floating(type.dtype)) {
    throw Error(
        fmt::format("{} has element type {}, supported are f32, f64, f16 and bf16", what, ir::name(type.dtype)));
  }
}

void require_not_quantized(const TensorType& type, std::string_view what) {
  if (type.quantization) throw Error(fmt::format("{} is {}, which has a scale", what, to_string(type)));
}

void require_same_dtype(const TensorType& type, const TensorType& other, std::string_view what) {
  if (type.dtype != other.dtype) {
    throw Error(fmt::format("{} have element types {} and {}, they must be equal", what, ir::name(type.dtype),
                            ir::name(other.dtype)));
  }
}

void require_shape(const TensorType& type, const Shape& shape, std::string_view what) {
  if (type.shape != shape) {
    throw Error(fmt::format("{} has shape {}, expected {}", what, to_string(type.shape), to_string(shape)));
  }
}

void require_axis(int64_t axis, const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < 0 || axis >= rank) throw Error(fmt::format("axis {} is not in an input of rank {}", axis, rank));
}

void require_epsilon(double epsilon) {
  if (!(epsilon >= 0.0) || !std::isfinite(epsilon))
    throw Error(fmt::format("epsilon is {}, supported are finite numbers that are not negative", epsilon));
}

}  // namespace linnet::ops
