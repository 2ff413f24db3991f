#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/import/onnx_context.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::ops {

using import::OnnxContext;
using kernels::BinaryFunction;

namespace {

// An ONNX operator of one argument; alpha and beta are attributes where they have a name.
struct UnaryRow {
  std::string_view op_type;
  Function function;
  const char* alpha_name = nullptr;
  double alpha = 0.0;
  const char* beta_name = nullptr;
  double beta = 0.0;
};

constexpr UnaryRow kUnary[] = {
    {"Relu", Function::Relu},
    {"LeakyRelu", Function::LeakyRelu, "alpha", 0.01},
    {"Sigmoid", Function::Sigmoid},
    {"Tanh", Function::Tanh},
    {"HardSigmoid", Function::HardSigmoid, "alpha", 0.2, "beta", 0.5},
    {"HardSwish", Function::HardSwish},
    {"Elu", Function::Elu, "alpha", 1.0},
    {"Selu", Function::Selu, "alpha", 1.67326319217681884765625, "gamma", 1.05070102214813232421875},
    {"Softplus", Function::Softplus},
    {"Softsign", Function::Softsign},
    {"Mish", Function::Mish},
    {"Erf", Function::Erf},
    {"Gelu", Function::Gelu},
    {"Exp", Function::Exp},
    {"Log", Function::Log},
    {"Sqrt", Function::Sqrt},
    {"Reciprocal", Function::Reciprocal},
    {"Abs", Function::Abs},
    {"Neg", Function::Neg},
    {"Floor", Function::Floor},
    {"Ceil", Function::Ceil},
    {"Round", Function::Round},
    {"Sin", Function::Sin},
    {"Cos", Function::Cos},
};

struct BinaryRow {
  std::string_view op_type;
  BinaryFunction function;
};

constexpr BinaryRow kBinary[] = {{"Add", BinaryFunction::Add}, {"Sub", BinaryFunction::Sub},
                                 {"Mul", BinaryFunction::Mul}, {"Div", BinaryFunction::Div},
                                 {"Pow", BinaryFunction::Pow}, {"PRelu", BinaryFunction::PRelu},
                                 {"Sum", BinaryFunction::Add}, {"Mean", BinaryFunction::Add},
                                 {"Max", BinaryFunction::Max}, {"Min", BinaryFunction::Min}};

template <class Row, size_t kCount>
const Row& row_of(OnnxContext& context, const Row (&rows)[kCount]) {
  const auto found =
      std::find_if(std::begin(rows), std::end(rows), [&](const Row& row) { return row.op_type == context.op_type(); });
  if (found == std::end(rows)) context.fail("unknown operator");
  return *found;
}

// The one number that all elements of a static input are equal to.
std::optional<double> uniform_input(OnnxContext& context, size_t index, std::string_view what) {
  const std::optional<Array> array = static_input(context, index, what);
  if (!array || array->size() == 0) return std::nullopt;
  for (size_t i = 1; i < array->size(); ++i) {
    if (array->number(i) != array->number(0)) return std::nullopt;
  }
  return array->number(0);
}

// Powers that cheaper functions compute exactly; null for the others.
Value* simple_power(OnnxContext& context, Value* x, double exponent) {
  if (exponent == 1.0) return x;
  if (exponent == 0.5) return unary(context, {Function::Sqrt}, x);
  if (exponent == -1.0) return unary(context, {Function::Reciprocal}, x);
  if (exponent != 2.0 && exponent != 3.0) return nullptr;
  Value* square = binary(context, BinaryFunction::Mul, x, x);
  return exponent == 2.0 ? square : binary(context, BinaryFunction::Mul, square, x);
}

// Base and exponent may differ in type from opset 12; the result has the base's.
Value* import_power(OnnxContext& context) {
  Value *x = context.input(0), *exponent = context.input(1);
  const DType type = x->type.dtype, exponent_type = exponent->type.dtype;
  if (is_floating(type) && broadcasts_to(exponent->shape(), x->shape())) {
    if (const std::optional<double> constant = uniform_input(context, 1, "exponent")) {
      if (Value* y = simple_power(context, x, *constant)) return y;
    }
  }
  if (is_floating(type) || !is_floating(exponent_type)) {
    return binary(context, BinaryFunction::Pow, x, cast(context, exponent, type));
  }
  return cast(context, binary(context, BinaryFunction::Pow, cast(context, x, exponent_type), exponent), type);
}

}  // namespace

std::vector<Value*> import_unary(OnnxContext& context) {
  const UnaryRow& row = row_of(context, kUnary);
  Activation activation = {row.function, 0.0f, 0.0f};
  if (row.alpha_name != nullptr) activation.alpha = static_cast<float>(context.number(row.alpha_name, row.alpha));
  if (row.beta_name != nullptr) activation.beta = static_cast<float>(context.number(row.beta_name, row.beta));
  if (row.function == Function::Gelu) {
    const std::string approximate = context.text("approximate", "none");
    if (approximate == "tanh") {
      activation.function = Function::GeluTanh;
    } else if (approximate != "none") {
      context.fail(fmt::format("approximate is {}, supported are none and tanh", approximate));
    }
  }
  return {unary(context, activation, context.input(0))};
}

std::vector<Value*> import_binary(OnnxContext& context) {
  const BinaryFunction function = row_of(context, kBinary).function;
  if (function == BinaryFunction::Pow) return {import_power(context)};
  Value *a = context.input(0), *b = context.input(1);
  if (function == BinaryFunction::PRelu && !broadcasts_to(b->shape(), a->shape())) {
    context.fail(fmt::format("slope of shape {} does not broadcast to the input's shape {}", to_string(b->shape()),
                             to_string(a->shape())));
  }
  return {binary(context, function, a, b)};
}

std::vector<Value*> import_variadic(OnnxContext& context) {
  const BinaryFunction function = row_of(context, kBinary).function;
  Value* y = context.input(0);
  const size_t count = context.input_count();
  for (size_t i = 1; i < count; ++i) y = binary(context, function, y, context.input(i));
  if (context.op_type() != "Mean" || count == 1) return {y};
  return {binary(context, BinaryFunction::Div, y, scalar(context, static_cast<double>(count), y, "count"))};
}

namespace {

// A bound as an attribute (below opset 11) or a constant input; `open` where it is absent.
double constant_bound(OnnxContext& context, size_t index, const char* what, double open) {
  if (context.opset() < 11) return context.number(what, open);
  if (context.optional_input(index) == nullptr) return open;
  const Array& bound = context.constant(index, what);
  if (bound.size() != 1)
    context.fail(fmt::format("input {} ({}) has shape {}, expected a scalar", index, what, to_string(bound.shape())));
  return bound.number(0);
}

// With bounds that depend on data, or on integers.
Value* clip_by_steps(OnnxContext& context, Value* x) {
  if (Value* least = context.optional_input(1)) x = binary(context, BinaryFunction::Max, x, least);
  if (Value* most = context.optional_input(2)) x = binary(context, BinaryFunction::Min, x, most);
  return x;
}

}  // namespace

std::vector<Value*> import_clip(OnnxContext& context) {
  Value* x = context.input(0);
  const auto dynamic = [&](size_t index) {
    return context.opset() >= 11 && context.optional_input(index) != nullptr &&
           !context.is_static(context.input(index));
  };
  if (!is_floating(x->type.dtype) || dynamic(1) || dynamic(2)) return {clip_by_steps(context, x)};
  constexpr double kMost = std::numeric_limits<float>::max();
  const double least = std::max(constant_bound(context, 1, "min", -kMost), -kMost);
  const double most = std::min(constant_bound(context, 2, "max", kMost), kMost);
  if (least == -kMost && most == kMost) return {x};
  if (least == 0.0 && most == kMost) return {unary(context, {Function::Relu}, x)};
  return {unary(context, {Function::Clip, static_cast<float>(least), static_cast<float>(most)}, x)};
}

}  // namespace linnet::ops
