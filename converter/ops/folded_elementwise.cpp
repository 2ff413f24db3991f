// Element-wise operators that exist for folding.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/folded.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

using Types = std::vector<const TensorType*>;
using Arrays = std::vector<const Array*>;

struct FloatRow {
  std::string_view op_type;
  double (*function)(double x);
};

constexpr FloatRow kFloat[] = {
    {"Acos", [](double x) { return std::acos(x); }}, {"Acosh", [](double x) { return std::acosh(x); }},
    {"Asin", [](double x) { return std::asin(x); }}, {"Asinh", [](double x) { return std::asinh(x); }},
    {"Atan", [](double x) { return std::atan(x); }}, {"Atanh", [](double x) { return std::atanh(x); }},
    {"Cosh", [](double x) { return std::cosh(x); }}, {"Sinh", [](double x) { return std::sinh(x); }},
    {"Tan", [](double x) { return std::tan(x); }},
};

// y = function(x) of a floating type, with the result's type or, where `logical`, bool.
template <class Function>
std::vector<Value*> float_function(OnnxContext& context, std::string settings, bool logical, Function function) {
  const auto types = [logical](const Types& inputs) -> std::vector<TensorType> {
    const TensorType& x = required(inputs, 0, "X");
    require_floating(x, "X");
    return {{logical ? DType::boolean : x.dtype, x.shape}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    std::vector<double> values = inputs[0]->doubles();
    for (double& value : values) value = function(value);
    const Array result = Array::of_doubles(inputs[0]->shape(), std::move(values), inputs[0]->dtype());
    return {logical ? result.cast(DType::boolean) : result};
  };
  return fold(context, 1, std::move(settings), types, compute);
}

int bits_of(DType dtype) {
  return static_cast<int>(8 * element_bytes(dtype));
}

// y = function(a, b) of integers with NumPy broadcasting.
template <class Function>
std::vector<Value*> integer_function(OnnxContext& context, std::string settings, Function function) {
  const auto types = [](const Types& inputs) -> std::vector<TensorType> {
    const TensorType &a = required(inputs, 0, "A"), &b = required(inputs, 1, "B");
    require_same_dtype(a, b, "A and B");
    if (is_floating(a.dtype) || a.dtype == DType::boolean)
      throw Error(fmt::format("A has element type {}, supported are integers", ir::name(a.dtype)));
    return {{a.dtype, broadcast(a.shape, b.shape)}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array &a = *inputs[0], &b = *inputs[1];
    const Shape shape = broadcast(a.shape(), b.shape());
    std::vector<int64_t> values;
    const std::array<std::vector<int64_t>, 2> strides = {broadcast_strides(a.shape(), shape),
                                                         broadcast_strides(b.shape(), shape)};
    for_each_position(shape, strides, [&](const std::array<int64_t, 2>& at) {
      values.push_back(
          function(a.integer(static_cast<size_t>(at[0])), b.integer(static_cast<size_t>(at[1])), bits_of(a.dtype())));
    });
    return {Array::of_integers(shape, std::move(values)).cast(a.dtype())};
  };
  return fold(context, 2, std::move(settings), types, compute);
}

}  // namespace

std::vector<Value*> import_float_function(OnnxContext& context) {
  const auto row = std::find_if(std::begin(kFloat), std::end(kFloat),
                                [&](const FloatRow& r) { return r.op_type == context.op_type(); });
  if (row == std::end(kFloat)) context.fail("unknown operator");
  return float_function(context, "", false, row->function);
}

std::vector<Value*> import_celu(OnnxContext& context) {
  const double alpha = context.number("alpha", 1.0);
  return float_function(context, fmt::format("{}", alpha), false,
                        [alpha](double x) { return std::max(0.0, x) + std::min(0.0, alpha * std::expm1(x / alpha)); });
}

std::vector<Value*> import_thresholded_relu(OnnxContext& context) {
  const double alpha = context.number("alpha", 1.0);
  return float_function(context, fmt::format("{}", alpha), false, [alpha](double x) { return x > alpha ? x : 0.0; });
}

std::vector<Value*> import_shrink(OnnxContext& context) {
  const double bias = context.number("bias", 0.0), lambda = context.number("lambd", 0.5);
  return float_function(context, fmt::format("{} {}", bias, lambda), false, [=](double x) {
    return x < -lambda ? x + bias : x > lambda ? x - bias : 0.0;
  });
}

std::vector<Value*> import_swish(OnnxContext& context) {
  const double alpha = context.number("alpha", 1.0);
  return float_function(context, fmt::format("{}", alpha), false,
                        [alpha](double x) { return x / (1.0 + std::exp(-alpha * x)); });
}

std::vector<Value*> import_is_nan(OnnxContext& context) {
  return float_function(context, "", true, [](double x) { return std::isnan(x) ? 1.0 : 0.0; });
}

std::vector<Value*> import_is_inf(OnnxContext& context) {
  const bool negative = context.integer("detect_negative", 1) != 0,
             positive = context.integer("detect_positive", 1) != 0;
  return float_function(context, fmt::format("{} {}", negative, positive), true,
                        [=](double x) { return std::isinf(x) && (x < 0.0 ? negative : positive) ? 1.0 : 0.0; });
}

std::vector<Value*> import_sign(OnnxContext& context) {
  const auto types = [](const Types& inputs) -> std::vector<TensorType> { return {required(inputs, 0, "input")}; };
  const auto compute = [](const Arrays& inputs) -> std::vector<Array> {
    const Array& x = *inputs[0];
    return {typed(x, x.shape(), [&](auto values) {
      for (auto& value : values) {
        if (x.dtype() == DType::u64) value = value != 0 ? 1 : 0;
        if (x.dtype() != DType::u64 && value == value) value = value > 0 ? 1 : value < 0 ? -1 : value;
      }
      return values;
    })};
  };
  return fold(context, 1, "", types, compute);
}

std::vector<Value*> import_bitwise_not(OnnxContext& context) {
  const auto types = [](const Types& inputs) -> std::vector<TensorType> {
    const TensorType& x = required(inputs, 0, "X");
    if (is_floating(x.dtype) || x.dtype == DType::boolean)
      throw Error(fmt::format("X has element type {}, supported are integers", ir::name(x.dtype)));
    return {x};
  };
  const auto compute = [](const Arrays& inputs) -> std::vector<Array> {
    std::vector<int64_t> values = inputs[0]->integers();
    for (int64_t& value : values) value = ~value;
    return {Array::of_integers(inputs[0]->shape(), std::move(values)).cast(inputs[0]->dtype())};
  };
  return fold(context, 1, "", types, compute);
}

std::vector<Value*> import_bitwise_and(OnnxContext& context) {
  return integer_function(context, "", [](int64_t a, int64_t b, int) { return a & b; });
}
std::vector<Value*> import_bitwise_or(OnnxContext& context) {
  return integer_function(context, "", [](int64_t a, int64_t b, int) { return a | b; });
}
std::vector<Value*> import_bitwise_xor(OnnxContext& context) {
  return integer_function(context, "", [](int64_t a, int64_t b, int) { return a ^ b; });
}

// Of unsigned integers; all bits are gone where as many or more are shifted out.
std::vector<Value*> import_bit_shift(OnnxContext& context) {
  const std::string direction = context.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    context.fail(fmt::format("direction is '{}', supported are LEFT and RIGHT", direction));
  const bool left = direction == "LEFT";
  return integer_function(context, direction, [left](int64_t a, int64_t b, int bits) {
    const auto value = static_cast<uint64_t>(a), count = static_cast<uint64_t>(b);
    if (count >= static_cast<uint64_t>(bits)) return int64_t{0};
    return static_cast<int64_t>(left ? value << count : value >> count);
  });
}

}  // namespace linnet::ops
