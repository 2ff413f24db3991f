// Softmax of int16 by two tables, TensorFlow Lite's: exponentials of -10 to 0 and reciprocals of 1 to 2.
#pragma once

#include "kernels/elementwise/unary_int16.hpp"

namespace linnet::kernels {

LINNET_INLINE constexpr double round_constant(double x) {
  return static_cast<double>(static_cast<int64_t>(x < 0 ? x - 0.5 : x + 0.5));
}

// exp(x) for -10 <= x <= 0: the 32nd power of a Taylor polynomial.
LINNET_INLINE constexpr double exp_constant(double x) {
  double term = 1.0, sum = 1.0;
  for (int i = 1; i < 20; ++i) {
    term *= x / 32.0 / i;
    sum += term;
  }
  for (int i = 0; i < 5; ++i) sum *= sum;
  return sum;
}

// Values at 512 steps from `first` to `last`, 32768 being 1, so chosen that the error in the middle of a step is
// halved.
template <class Isa>
struct SoftmaxTables {
  InterpolationTable exponentials, reciprocals;

  template <class RealFunction>
  static LINNET_INLINE constexpr InterpolationTable interpolated(double first, double last, RealFunction function) {
    constexpr int32_t kSteps = kInterpolationSize - 1;
    constexpr double kScaling = 32768.0, kMost = 32767.0;
    const double step = (last - first) / kSteps;
    InterpolationTable table{};
    for (int32_t i = 0; i < kSteps; ++i) {
      const double at = first + i * step, value = round_constant(function(at) * kScaling);
      const double next = function(first + (i + 1) * step) * kScaling, middle = function(at + step / 2) * kScaling;
      const double error = round_constant((next + value) / 2) - round_constant(middle);
      const double chosen = value - round_constant(error / 2);
      table.values[i] = static_cast<int16_t>(chosen < kMost ? chosen : kMost);
    }
    const double end = round_constant(function(last) * kScaling);
    table.values[kSteps] = static_cast<int16_t>(end < kMost ? end : kMost);
    return table;
  }
  static constexpr SoftmaxTables make() {
    return {interpolated(-10.0, 0.0, [](double x) { return exp_constant(x); }),
            interpolated(0.0, 1.0, [](double x) { return 1.0 / (1.0 + x); })};
  }
};

// One row of elements `stride` apart; y holds the exponentials before the results.
template <class Isa>
void softmax_row_int16(const SoftmaxInt16Args& args, const int16_t* x, int16_t* y, ptrdiff_t stride) {
  static constexpr SoftmaxTables<Isa> kTables = SoftmaxTables<Isa>::make();
  const FixedPointFactor<isa::scalar> factor = FixedPointFactor<isa::scalar>::of(args.factor);
  const auto limited = [](int32_t v) { return v < kLeastWord ? kLeastWord : v > kMostWord ? kMostWord : v; };
  int32_t largest = x[0];
  for (int32_t i = 1; i < args.axis; ++i) largest = x[i * stride] > largest ? x[i * stride] : largest;
  uint32_t sum = 0;  // 15 bits of fraction
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t scaled = factor({x[i * stride] - largest}).v + kMostWord;
    const int32_t exponential = interpolate_int16(kTables.exponentials.values, limited(scaled));
    sum += static_cast<uint32_t>(exponential);
    y[i * stride] = static_cast<int16_t>(exponential);
  }
  const int32_t zeros = sum >> 31 != 0 ? 1 : __builtin_clz(sum | 1u);
  const int32_t one_to_two = static_cast<int32_t>(((uint64_t{sum} << (zeros - 1)) + (1 << 13)) >> 14);
  const int32_t reciprocal = interpolate_int16(kTables.reciprocals.values, limited(one_to_two - (3 << 15)));
  const int32_t shift = zeros < 31 ? 31 - zeros : 1;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t product = y[i * stride] * reciprocal;
    const int32_t result = static_cast<int32_t>((int64_t{product} + (int64_t{1} << (shift - 1))) >> shift);
    y[i * stride] = static_cast<int16_t>(result < 0 ? 0 : result > kMostWord ? kMostWord : result);
  }
}

template <class Isa>
void softmax_s16_impl(const SoftmaxInt16Args& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(o) * args.axis * args.inner;
    for (int32_t i = 0; i < args.inner; ++i)
      softmax_row_int16<Isa>(args, args.x + first + i, args.y + first + i, args.inner);
  }
}

}  // namespace linnet::kernels
