// Functions of int16 numbers, for which TensorFlow Lite has other arithmetic than for int8.
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"

namespace linnet::ops {

namespace {

constexpr int64_t kLeast = -32768, kMost = 32767;
constexpr int kSteps = kInterpolationSize - 1, kStepBits = 7;

bool is_sigmoid(const Activation& function) {
  return function.function == Function::Sigmoid || function.function == Function::Tanh;
}

// Values of `function` at kSteps + 1 places between two arguments, in units of 1 / scaling.
template <class Real, class RealFunction>
std::array<int16_t, kInterpolationSize> interpolated(Real first, Real last, Real scaling, RealFunction function) {
  const Real step = (last - first) / kSteps, half = step / 2;
  const auto word = [](Real value) {
    return static_cast<int16_t>(std::clamp(value, static_cast<Real>(kLeast), static_cast<Real>(kMost)));
  };
  std::array<int16_t, kInterpolationSize> table{};
  for (int i = 0; i < kSteps; ++i) {
    const Real at = first + static_cast<Real>(i) * step;
    const Real value = function(at), middle = function(at + half),
               next = function(first + static_cast<Real>(i + 1) * step);
    const Real between = std::round((next * scaling + std::round(value * scaling)) / 2);
    const Real error = between - std::round(middle * scaling);
    table[static_cast<size_t>(i)] = word(std::round(value * scaling) - std::round(error / 2));
  }
  table[kSteps] = word(std::round(function(last) * scaling));
  return table;
}

int64_t interpolate(const std::array<int16_t, kInterpolationSize>& table, int64_t x) {
  const auto index = static_cast<size_t>((x - kLeast) >> kStepBits);
  const int64_t slope = table[index + 1] - table[index], offset = (x - kLeast) & ((1 << kStepBits) - 1);
  return table[index] + ((slope * offset + (1 << (kStepBits - 1))) >> kStepBits);
}

// Sigmoid and Tanh by one table of half the sigmoid: tanh(x) = 2 sigmoid(2 x) - 1.
int64_t sigmoid_of(const std::array<uint16_t, 256>& table, SigmoidScale scale, bool logistic, int64_t x) {
  const int bits = logistic ? 9 : 8;  // of the argument between two entries
  const int64_t round = scale.shift > 0 ? int64_t{1} << (scale.shift - 1) : 0;
  const auto scaled = static_cast<int32_t>((x * scale.multiplier + round) >> scale.shift);
  const int64_t magnitude = std::abs(int64_t{scaled}), index = magnitude >> bits;
  int64_t value = logistic ? 0x7fff << 10 : 0xffff << 8;
  if (index < 255) {
    const int64_t low = table[static_cast<size_t>(index)], high = table[static_cast<size_t>(index) + 1];
    value = (low << bits) + (magnitude & ((1 << bits) - 1)) * (high - low);
  }
  if (logistic) return (scaled >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1) >> 10;
  return (scaled >= 0 ? value - (1 << 23) + (1 << 7) : -value + (1 << 23) + (1 << 7) - 1) >> 8;
}

}  // namespace

void require_int16_function(const Activation& function, const IntegerForm& form) {
  switch (function.function) {
    case Function::Relu:
    case Function::Clip:
    case Function::LeakyRelu:
    case Function::Abs:
    case Function::Gelu:
    case Function::GeluTanh:
    case Function::Exp:
    case Function::Log:
      return;
    case Function::Sigmoid:
    case Function::Tanh:
      if (form.quantization.scale() != 1.0f / 32768.0f)
        throw Error(fmt::format("{} gives {}; supported with i16 is a scale of 1/32768", ir::name(function.function),
                                to_string(form.type({}))));
      return;
    default:
      throw Error(fmt::format("{} of i16; supported are Relu, Clip, LeakyRelu, Abs, Gelu, Exp, Log, Sigmoid and Tanh",
                              ir::name(function.function)));
  }
}

std::optional<SidedFactors> sided_factors(const Activation& function, const TensorType& x, const IntegerForm& form) {
  const float scale = x.quantization->scale(), output = form.quantization.scale();
  const FixedPoint factor = quantize_multiplier(static_cast<double>(scale / output));
  switch (function.function) {
    case Function::Relu:
    case Function::Clip:
      return SidedFactors{factor, factor};
    case Function::LeakyRelu:
      return SidedFactors{factor, quantize_multiplier(static_cast<double>(scale * function.alpha / output))};
    case Function::Abs:
      return SidedFactors{factor, {-factor.multiplier, factor.shift}};
    default:
      return std::nullopt;
  }
}

SigmoidScale sigmoid_scale(const Activation& function, const TensorType& x) {
  constexpr float kUnit = 1.0f / 4096.0f;
  const float scale = x.quantization->scale();
  if (scale == kUnit) return {3, 0};
  if (scale == 2 * kUnit && function.function == Function::Tanh) return {6, 0};
  double multiplier = static_cast<double>(scale) * 4096.0 * 3.0;
  if (multiplier > 65535.0)
    throw Error(fmt::format("{} of {}; supported are scales up to 5", ir::name(function.function), to_string(x)));
  int32_t shift = 0;
  for (; multiplier <= 32767.0 / 2.0 && shift <= 30; ++shift) multiplier *= 2.0;
  return {static_cast<int32_t>(multiplier), shift};
}

std::array<uint16_t, 256> sigmoid_table() {
  const auto exact = [](double i) { return 65536.0 / (1.0 + std::exp(-i / 24.0)); };
  std::array<uint16_t, 256> table{};
  for (size_t i = 0; i + 1 < table.size(); ++i) {
    const auto at = static_cast<double>(i);
    const double lack = exact(at + 0.5) - (exact(at) + exact(at + 1.0)) / 2.0;
    table[i] = static_cast<uint16_t>(std::round(exact(at) + lack / 2.0));
  }
  table.back() = 65535;
  return table;
}

std::array<int16_t, kInterpolationSize> interpolation_table(const Activation& function, const TensorType& x,
                                                            const IntegerForm& form) {
  const float scale = x.quantization->scale(), output = form.quantization.scale();
  const float scaling = 65536.0f / (output * static_cast<float>(kMost) - output * static_cast<float>(kLeast));
  return interpolated(scale * static_cast<float>(kLeast), scale * static_cast<float>(kMost), scaling, [&](float value) {
    if (function.function == Function::Log && value <= 0.0f) return output * static_cast<float>(kLeast);
    return static_cast<float>(apply(function, static_cast<double>(value)));
  });
}

Array evaluate_int16(const Unary& op, const Array& x) {
  const IntegerForm& form = *op.integer;
  std::vector<int64_t> values = x.integers();
  if (const auto factors = sided_factors(op.function, x.type(), form)) {
    const bool is_range = op.function.function == Function::Relu || op.function.function == Function::Clip;
    const IntegerRange range = output_range(form, is_range ? op.function : Activation{});
    for (int64_t& value : values)
      value = range.clamp(multiply(static_cast<int32_t>(value), value < 0 ? factors->negative : factors->positive));
  } else if (is_sigmoid(op.function)) {
    const std::array<uint16_t, 256> table = sigmoid_table();
    const SigmoidScale scale = sigmoid_scale(op.function, x.type());
    for (int64_t& value : values)
      value = static_cast<int16_t>(sigmoid_of(table, scale, op.function.function == Function::Sigmoid, value));
  } else {
    const auto table = interpolation_table(op.function, x.type(), form);
    for (int64_t& value : values) value = static_cast<int16_t>(interpolate(table, value));
  }
  return Array::of_integers(x.shape(), std::move(values), form.dtype).with_quantization(form.quantization);
}

FixedPoint int16_softmax_factor(const TensorType& x, double beta) {
  const float scaled = x.quantization->scale() * static_cast<float>(beta);
  return quantize_multiplier(static_cast<double>(scaled) / (10.0 / 65535.0));
}

Array evaluate_int16(const Softmax& op, const Array& x) {
  constexpr double kScaling = 32768.0;  // both tables give numbers up to 1
  const auto exponentials = interpolated(-10.0, 0.0, kScaling, [](double value) { return std::exp(value); });
  const auto reciprocals = interpolated(0.0, 1.0, kScaling, [](double value) { return 1.0 / (1.0 + value); });
  const FixedPoint factor = int16_softmax_factor(x.type(), op.beta);
  const AxisSplit view = split_at(x.shape(), op.axis);
  std::vector<int64_t> values = x.integers();
  for (int64_t row = 0; row < view.outer * view.inner; ++row) {
    int64_t* column = values.data() + row / view.inner * view.size * view.inner + row % view.inner;
    int64_t largest = column[0];
    for (int64_t s = 1; s < view.size; ++s) largest = std::max(largest, column[s * view.inner]);
    int32_t sum = 0;  // 15 bits of fraction
    for (int64_t s = 0; s < view.size; ++s) {
      int64_t& value = column[s * view.inner];
      const int64_t scaled = int64_t{multiply(static_cast<int32_t>(value - largest), factor)} + kMost;
      value = interpolate(exponentials, std::clamp(scaled, kLeast, kMost));
      sum += static_cast<int32_t>(value);
    }
    const int zeros = std::countl_zero(static_cast<uint32_t>(sum));
    const int64_t normalized = ((int64_t{sum} << (zeros - 1)) + (1 << 13)) >> 14;  // 1 to 2, 16 bits of fraction
    const int64_t reciprocal = interpolate(reciprocals, std::clamp(normalized - (3 << 15), kLeast, kMost));
    const int shift = 31 - zeros;
    for (int64_t s = 0; s < view.size; ++s) {
      int64_t& value = column[s * view.inner];
      value = std::clamp((value * reciprocal + (int64_t{1} << (shift - 1))) >> shift, int64_t{0}, kMost);
    }
  }
  return Array::of_integers(x.shape(), std::move(values), op.integer->dtype)
      .with_quantization(op.integer->quantization);
}

}  // namespace linnet::ops
