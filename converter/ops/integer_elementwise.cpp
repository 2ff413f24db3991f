// Element-wise operators of integers.
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"

namespace linnet::ops {

using kernels::BinaryFunction;

namespace {

int16_t high_multiply_16(int16_t a, int16_t b, bool rounds) {
  if (a == INT16_MIN && b == INT16_MIN) return INT16_MAX;
  const int32_t product = int32_t{a} * b;
  const int32_t nudge = !rounds ? 0 : product >= 0 ? 1 << 14 : 1 - (1 << 14);
  return static_cast<int16_t>((product + nudge) / (1 << 15));
}

int16_t saturated_shift_16(int16_t value, int shift) {
  const int64_t wide = int64_t{value} * (int64_t{1} << shift);
  return static_cast<int16_t>(std::clamp<int64_t>(wide, INT16_MIN, INT16_MAX));
}

FixedPoint narrow(double factor) {
  const FixedPoint wide = quantize_multiplier(factor);
  const bool large = wide.multiplier >= INT32_MAX - (1 << 15);
  return {large ? INT16_MAX : (wide.multiplier + (1 << 15)) >> 16, wide.shift};
}

// Of input less its zero point; both scales, in 16-bit fixed point.
int64_t hard_swish(int32_t value, float input_scale, float output_scale) {
  const float fine_scale = (1.0f / 128.0f) * input_scale;
  const FixedPoint output = narrow(fine_scale / output_scale), relu = narrow(fine_scale / (3.0f / 32768.0f));
  const auto fine = static_cast<int16_t>(value * (1 << 7));
  const int16_t scaled = high_multiply_16(fine, static_cast<int16_t>(output.multiplier), true);
  int16_t factor = fine;
  if (relu.shift > 0) factor = saturated_shift_16(factor, relu.shift - 1);
  factor = high_multiply_16(factor, static_cast<int16_t>(relu.multiplier), true);
  if (relu.shift > 0) factor = saturated_shift_16(factor, 1);
  if (relu.shift < 0) factor = static_cast<int16_t>(divide_by_power_of_two(factor, -relu.shift));
  factor = static_cast<int16_t>((factor + (1 << 15)) >> 1);
  const int16_t product = high_multiply_16(factor, scaled, false);
  return output.shift <= 0 ? divide_by_power_of_two(product, -output.shift) : saturated_shift_16(product, output.shift);
}

// 1 / sqrt(value) of the positive integers, the most where there is none.
int64_t reciprocal_root_of(int32_t value, float input_scale, float output_scale, int64_t most) {
  constexpr int32_t kFraction = 20;
  if (value <= 0) return most;
  FixedPoint root = reciprocal_root(value);
  root.shift += kFraction;
  FixedPoint factor = quantize_multiplier(1.0 / static_cast<double>(std::sqrt(input_scale) * output_scale));
  factor.shift -= kFraction;
  return multiply(multiply(1, root), factor);
}

// Functions that are evaluated as real numbers in single precision.
float real_function(const Activation& function, float x) {
  switch (function.function) {
    case Function::Sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Function::Tanh:
      return std::tanh(x);
    case Function::Log:
      return x <= 0.0f ? -std::numeric_limits<float>::infinity() : std::log(x);
    default:
      return static_cast<float>(apply(function, static_cast<double>(x)));
  }
}

// One value less the zero point to one less the output's.
int64_t function_of(const Activation& function, int32_t value, float scale, const IntegerForm& form) {
  const float output = form.quantization.scale();
  if (form.rounding == Rounding::nearest) return nearest_function(function, value, scale, output);
  const auto rescaled = [&](float factor) { return multiply(value, quantize_multiplier(factor)); };
  switch (function.function) {
    case Function::Relu:
    case Function::Clip:
      return rescaled(scale / output);  // the range does the rest
    case Function::LeakyRelu:
      return rescaled(value >= 0 ? scale / output : scale * function.alpha / output);
    case Function::HardSwish:
      return hard_swish(value, scale, output);
    case Function::Abs:
      return multiply(std::abs(value), quantize_multiplier(scale / output));
    case Function::Rsqrt:
      return reciprocal_root_of(value, scale, output, type_range(form.dtype).high - form.quantization.zero_point());
    case Function::Neg:  // of the integers themselves
      return static_cast<int8_t>(-value);
    default: {
      const float number = real_function(function, scale * static_cast<float>(value));
      const float steps = std::clamp(number * (1.0f / output), -1e6f, 1e6f);
      if (std::isnan(steps)) return 0;
      return static_cast<int64_t>(function.function == Function::Sqrt ? std::trunc(steps) : std::round(steps));
    }
  }
}

}  // namespace

Table lookup_table(const Unary& op, const TensorType& x) {
  if (op.table) return *op.table;
  const Activation& function = op.function;
  const IntegerForm& form = *op.integer;
  const bool is_range = function.function == Function::Relu || function.function == Function::Clip;
  const IntegerRange range = output_range(form, is_range ? function : Activation{});
  Table table{};
  for (int32_t i = 0; i < 256; ++i) {
    const auto value = static_cast<int32_t>(i - 128 - x.quantization->zero_point());
    const int64_t y = function_of(function, value, x.quantization->scale(), form) + form.quantization.zero_point();
    table[static_cast<size_t>(i)] = static_cast<int8_t>(range.clamp(y));
  }
  return table;
}

Array evaluate_integer(const Unary& op, const std::vector<const Array*>& inputs) {
  const Array& x = *inputs[0];
  if (x.dtype() == DType::i16) return evaluate_int16(op, x);
  const Table table = lookup_table(op, x.type());
  std::vector<int64_t> values = x.integers();
  for (int64_t& value : values) value = table[static_cast<size_t>(value + 128)];
  return Array::of_integers(x.shape(), std::move(values), op.integer->dtype)
      .with_quantization(op.integer->quantization);
}

namespace {

// A scale's logarithm to base 2 where TensorFlow Lite takes the scale for a power of two.
std::optional<int32_t> exponent_of(float scale) {
  const float exponent = std::log(scale) * (1.0f / std::log(2.0f)), rounded = std::round(exponent);
  if (std::abs(exponent - rounded) >= 1e-3f) return std::nullopt;
  return static_cast<int32_t>(rounded);
}

// The left shift leaves products with the factors exact, so that the division that follows is the only rounding.
std::optional<IntegerSum> shifted_sum(const TensorType& a, const TensorType& b, const IntegerForm& form,
                                      int32_t left_shift) {
  constexpr int32_t kHalf = 1 << 30, kMostShift = 17;  // behind which nothing is left of 16 bits
  const auto a_exponent = exponent_of(a.quantization->scale()), b_exponent = exponent_of(b.quantization->scale()),
             exponent = exponent_of(form.quantization.scale());
  if (!a_exponent || !b_exponent || !exponent) return std::nullopt;
  const int32_t a_shift = *exponent - *a_exponent, b_shift = *exponent - *b_exponent;
  if (a_shift < 0 || b_shift < 0 || (a_shift > 0 && b_shift > 0))
    throw Error(
        fmt::format("{} and {} to {}: supported where all scales are powers of two is one operand of the "
                    "result's scale and one of a smaller one",
                    to_string(a), to_string(b), to_string(form.type({}))));
  const auto divided = [&](int32_t shift) { return FixedPoint{kHalf, 1 - left_shift - std::min(shift, kMostShift)}; };
  return IntegerSum{left_shift, divided(a_shift), divided(b_shift), {kHalf, 1}};
}

}  // namespace

IntegerSum integer_sum(BinaryFunction function, const TensorType& a, const TensorType& b, const IntegerForm& form,
                       bool shifts) {
  constexpr int32_t kSquareLeftShift = 7;
  const int32_t left_shift = form.dtype == DType::i16 ? 15 : 20;
  if (shifts && form.dtype == DType::i16)
    if (const auto sum = shifted_sum(a, b, form, left_shift)) return *sum;
  const float a_scale = a.quantization->scale(), b_scale = b.quantization->scale();
  if (function == BinaryFunction::SquaredDifference) {
    const double twice = static_cast<double>(2.0f * std::max(a_scale, b_scale));
    const double output =
        static_cast<double>(static_cast<float>(1 << (2 * kSquareLeftShift)) * form.quantization.scale());
    return {kSquareLeftShift, quantize_multiplier(static_cast<double>(a_scale) / twice),
            quantize_multiplier(static_cast<double>(b_scale) / twice), quantize_multiplier(twice * twice / output)};
  }
  const double twice = static_cast<double>(2.0f * std::max(a_scale, b_scale));
  const double output = static_cast<double>(static_cast<float>(1 << left_shift) * form.quantization.scale());
  return {left_shift, quantize_multiplier(static_cast<double>(a_scale) / twice),
          quantize_multiplier(static_cast<double>(b_scale) / twice), quantize_multiplier(twice / output)};
}

double product_factor(BinaryFunction function, const TensorType& a, const TensorType& b, const IntegerForm& form) {
  const float a_scale = a.quantization->scale(), b_scale = b.quantization->scale(), scale = form.quantization.scale();
  return static_cast<double>(function == BinaryFunction::Div ? a_scale / (b_scale * scale) : a_scale * b_scale / scale);
}

Array evaluate_integer(const Binary& op, const std::vector<const Array*>& inputs) {
  if (op.integer->rounding == Rounding::nearest) return evaluate_nearest(op, inputs);
  const TensorType &a = inputs[0]->type(), &b = inputs[1]->type();
  const IntegerForm& form = *op.integer;
  const IntegerRange range = output_range(form, op.fused);
  const IntegerSum sum = integer_sum(op.function, a, b, form, op.shifts);
  const auto a_zero = static_cast<int32_t>(a.quantization->zero_point()),
             b_zero = static_cast<int32_t>(b.quantization->zero_point());
  const FixedPoint product = quantize_multiplier(product_factor(op.function, a, b, form));
  const FixedPoint same = quantize_multiplier(static_cast<double>(a.quantization->scale() / form.quantization.scale()));
  const auto combined = [&](int64_t p, int64_t q) -> int64_t {
    const auto x = static_cast<int32_t>(p) - a_zero, y = static_cast<int32_t>(q) - b_zero;
    const int32_t shifted = 1 << sum.left_shift;
    switch (op.function) {
      case BinaryFunction::Add:
        return multiply(multiply(x * shifted, sum.a) + multiply(y * shifted, sum.b), sum.y);
      case BinaryFunction::Sub:
        return multiply(multiply(x * shifted, sum.a) - multiply(y * shifted, sum.b), sum.y);
      case BinaryFunction::Mul:
        return multiply(x * y, product);
      case BinaryFunction::PRelu:
        return x >= 0 ? multiply(x, same) : multiply(x * y, product);
      case BinaryFunction::Div:
        return scaled_quotient(x, y, product);
      case BinaryFunction::SquaredDifference: {
        const int32_t difference = multiply(x * shifted, sum.a) - multiply(y * shifted, sum.b);
        return multiply(difference * difference, sum.y);
      }
      case BinaryFunction::Max:  // of the integers themselves
        return std::max(p, q) - form.quantization.zero_point();
      default:
        return std::min(p, q) - form.quantization.zero_point();
    }
  };
  const Shape shape = broadcast(a.shape, b.shape);
  std::vector<int64_t> values;
  values.reserve(static_cast<size_t>(element_count(shape)));
  for_each_position<2>(shape, {broadcast_strides(a.shape, shape), broadcast_strides(b.shape, shape)},
                       [&](const std::array<int64_t, 2>& offsets) {
                         const int64_t y = combined(inputs[0]->integer(static_cast<size_t>(offsets[0])),
                                                    inputs[1]->integer(static_cast<size_t>(offsets[1])));
                         values.push_back(range.clamp(y + form.quantization.zero_point()));
                       });
  return Array::of_integers(shape, std::move(values), form.dtype).with_quantization(form.quantization);
}

}  // namespace linnet::ops
