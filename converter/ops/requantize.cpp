#include "converter/ops/requantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "converter/ir/error.hpp"

namespace linnet::ops {

namespace {

constexpr int32_t kMost = std::numeric_limits<int32_t>::max(), kLeast = std::numeric_limits<int32_t>::min();

int32_t wrapped(int64_t value) {
  return static_cast<int32_t>(static_cast<uint32_t>(value));
}

int32_t add(int32_t a, int32_t b) {
  return wrapped(int64_t{a} + b);
}

// value * 2^exponent, saturated; rounded where the exponent is negative.
int32_t scaled(int32_t value, int exponent) {
  if (exponent < 0) return divide_by_power_of_two(value, -exponent);
  const int64_t wide = int64_t{value} << exponent;
  return static_cast<int32_t>(std::clamp<int64_t>(wide, kLeast, kMost));
}

// (a + b) / 2, halves away from zero.
int32_t half_sum(int32_t a, int32_t b) {
  const int64_t sum = int64_t{a} + b;
  return static_cast<int32_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
}

// exp of -1/4 <= value < 0 with 0 integer bits: a Taylor polynomial around -1/8.
int32_t exp_near_zero(int32_t value) {
  constexpr int32_t kExpOfMinusEighth = 1895147668, kThird = 715827883;
  const int32_t x = add(value, 1 << 28);
  const int32_t x2 = doubling_high_multiply(x, x);
  const int32_t x3 = doubling_high_multiply(x2, x);
  const int32_t x4 = doubling_high_multiply(x2, x2);
  const int32_t quarter = divide_by_power_of_two(x4, 2);
  const int32_t tail = divide_by_power_of_two(add(doubling_high_multiply(add(quarter, x3), kThird), x2), 1);
  return add(kExpOfMinusEighth, doubling_high_multiply(kExpOfMinusEighth, add(x, tail)));
}

// exp of a number that is not positive, with `integer_bits`.
int32_t exp_of(int32_t value, int integer_bits) {
  if (value == 0) return kMost;
  const int fraction_bits = 31 - integer_bits;
  const int32_t quarter = 1 << (fraction_bits - 2);
  const int32_t near = add(value & (quarter - 1), -quarter);
  int32_t result = exp_near_zero(scaled(near, integer_bits));
  const int32_t remainder = wrapped(int64_t{near} - value);
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  for (int i = 0; i < 7; ++i) {  // exp(-2^(i - 2))
    const int exponent = i - 2;
    if (integer_bits > exponent && (remainder & (1 << (fraction_bits + exponent))) != 0)
      result = doubling_high_multiply(result, kFactors[i]);
  }
  if (integer_bits > 5 && value < -(1 << (36 - integer_bits))) return 0;
  return result;
}

// 1 / (1 + a) by Newton's method: `twos` is the constant 2 with 2 integer bits.
int32_t reciprocal_of_half_denominator(int32_t a) {
  constexpr int32_t kOne = 1 << 29, k48Over17 = 1515870810, kMinus32Over17 = -1010580540;
  const int32_t half_denominator = half_sum(a, kMost);
  int32_t x = add(k48Over17, doubling_high_multiply(half_denominator, kMinus32Over17));
  for (int i = 0; i < 3; ++i) {
    const int32_t product = doubling_high_multiply(half_denominator, x);
    const int32_t rest = wrapped(int64_t{kOne} - product);
    x = add(x, scaled(doubling_high_multiply(x, rest), 2));
  }
  return x;
}

}  // namespace

float float_factor(double factor) {
  const auto rounded = static_cast<float>(factor);
  if (!std::isfinite(rounded))
    throw ir::Error(fmt::format("scales multiply integers by {}; supported are finite factors of 32 bits", factor));
  return rounded;
}

FixedPoint quantize_multiplier(double factor) {
  if (!std::isfinite(factor))
    throw ir::Error(fmt::format("scales multiply integers by {}; supported are finite factors", factor));
  if (factor == 0.0) return {};
  int exponent = 0;
  const double fraction = std::frexp(factor, &exponent);
  auto fixed = static_cast<int64_t>(std::round(fraction * 2147483648.0));
  if (fixed == int64_t{1} << 31) {
    fixed /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  if (exponent > 30) return {kMost, 30};
  return {static_cast<int32_t>(fixed), exponent};
}

int32_t doubling_high_multiply(int32_t a, int32_t b) {
  if (a == kLeast && b == kLeast) return kMost;
  const int64_t product = int64_t{a} * b;
  const int64_t nudge = product >= 0 ? int64_t{1} << 30 : 1 - (int64_t{1} << 30);
  return static_cast<int32_t>((product + nudge) / (int64_t{1} << 31));
}

int32_t divide_by_power_of_two(int32_t value, int32_t exponent) {
  const int64_t mask = (int64_t{1} << exponent) - 1, remainder = value & mask;
  const int64_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return static_cast<int32_t>((int64_t{value} >> exponent) + (remainder > threshold ? 1 : 0));
}

int32_t multiply(int32_t value, FixedPoint factor) {
  const int32_t shifted =
      wrapped(static_cast<int64_t>(static_cast<uint64_t>(int64_t{value}) << std::max(factor.shift, int32_t{0})));
  return divide_by_power_of_two(doubling_high_multiply(shifted, factor.multiplier),
                                std::max(-factor.shift, int32_t{0}));
}

int32_t multiply_wide(int64_t value, FixedPoint factor) {
  const int64_t reduced = factor.multiplier < 0x7fff0000 ? (factor.multiplier + (1 << 15)) >> 16 : 0x7fff;
  const int32_t shift = 15 - factor.shift;
  return wrapped((value * reduced + (int64_t{1} << (shift - 1))) >> shift);
}

int32_t fixed_exp(int32_t value) {
  return exp_of(value, 5);
}

int32_t fixed_one_over_one_plus(int32_t value) {
  return scaled(reciprocal_of_half_denominator(value), 1);
}

// The value is 2^n r, with or without a factor of sqrt(1/2), whichever brings r nearer to it from below; log(r) is a
// quotient of polynomials in r.
int32_t fixed_log(int32_t value) {
  constexpr int kIntegerBits = 12, kAccumulatorBits = 6;  // of the argument and of the sum
  constexpr int32_t kLog2 = 1488522236, kRootHalf = 1518500250, kFourthRootHalf = 1805811301;
  constexpr int32_t kNumerator = 117049297, kSquare = 127690142, kConstant = 1057819769, kLinear = 638450708;
  constexpr int32_t kQuarter = 1 << (29 - kAccumulatorBits);
  const auto power = [](int bits) { return scaled(bits, 31 - kAccumulatorBits); };
  const int zeros = std::countl_zero(static_cast<uint32_t>(value));
  const int32_t reduced = scaled(doubling_high_multiply(scaled(value, zeros - 1), kRootHalf), 1);
  const int headroom = std::countl_zero(static_cast<uint32_t>(doubling_high_multiply(value, kRootHalf))) - 1;
  const int32_t r = std::min(reduced, scaled(value, headroom));
  const int32_t exponent =
      std::max(add(power(kIntegerBits - zeros), kQuarter), add(power(kIntegerBits - headroom), -kQuarter));
  const int32_t p = half_sum(r, kFourthRootHalf), distance = r - kFourthRootHalf, q = add(distance, distance);
  const int32_t square = doubling_high_multiply(q, q);
  const int32_t numerator =
      add(doubling_high_multiply(q, r), doubling_high_multiply(doubling_high_multiply(q, square), kNumerator));
  const int32_t sum = add(add(kConstant, q), doubling_high_multiply(kSquare, square));
  const int32_t denominator = add(doubling_high_multiply(p, sum), doubling_high_multiply(kLinear, q));
  const int32_t quotient =
      doubling_high_multiply(divide_by_power_of_two(numerator, kAccumulatorBits), fixed_one_over_one_plus(denominator));
  return scaled(add(doubling_high_multiply(exponent, kLog2), quotient), 1);
}

// Newton's method with 3 integer bits, from 1.
FixedPoint reciprocal_root(int32_t value) {
  constexpr int32_t kOne = 1 << 28, kThreeHalves = kOne + kOne / 2, kRootHalf = 1518500250;
  if (value <= 1) return {kMost, 0};
  int32_t shift = 11;
  for (; value >= 1 << 29; ++shift) value /= 4;
  const int pairs = (std::countl_zero(static_cast<uint32_t>(value)) - 1) / 2 - 1;
  const int32_t half = divide_by_power_of_two((value << (2 * pairs)) >> 1, 1);
  shift -= pairs;
  int32_t x = kOne;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = scaled(doubling_high_multiply(doubling_high_multiply(x, x), x), 6);
    x = scaled(wrapped(int64_t{doubling_high_multiply(kThreeHalves, x)} - doubling_high_multiply(half, cube)), 3);
  }
  x = doubling_high_multiply(x, kRootHalf);
  return shift < 0 ? FixedPoint{x << -shift, 0} : FixedPoint{x, -shift};
}

int32_t scaled_quotient(int32_t a, int32_t b, FixedPoint factor) {
  if (b == 0) return 0;
  if (b < 0) {
    a = -a;
    b = -b;
  }
  const int zeros = std::countl_zero(static_cast<uint32_t>(b));
  const int32_t reciprocal = fixed_one_over_one_plus(wrapped((int64_t{b} << zeros) - (int64_t{1} << 31)));
  const int headroom = a == 0 ? 31 : std::countl_zero(static_cast<uint32_t>(a < 0 ? -2 * a - 1 : 2 * a));
  const int32_t whole = doubling_high_multiply(wrapped(int64_t{a} << headroom), reciprocal);
  return multiply(whole, {factor.multiplier, std::clamp(factor.shift - (31 - zeros) - headroom, -31, 30)});
}

}  // namespace linnet::ops
