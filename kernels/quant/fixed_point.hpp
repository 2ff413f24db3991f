// Functions of 32-bit numbers in fixed point, as TensorFlow Lite's reference kernels compute them: gemmlowp's
// exponential and reciprocal (gemmlowp/fixedpoint/fixedpoint.h), the logarithm, the inverse root and the quotient of
// tensorflow/lite/kernels/internal. A number with i integer bits has 31 - i bits of fraction.
#pragma once

#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

template <class Isa>
struct FixedPointMath {
  using V = I32<isa::scalar>;  // one number; every instruction set has the same arithmetic

  // The product of numbers with i and j integer bits, with i + j of them.
  static LINNET_INLINE int32_t multiply(int32_t a, int32_t b) {
    return static_cast<int32_t>((int64_t{a} * b + (int64_t{1} << 30)) >> 31);
  }
  static LINNET_INLINE int32_t shift_right(int32_t a, int32_t count) {
    return Int<isa::scalar>::rounding_shift_right(V{a}, V{count}).v;
  }
  static LINNET_INLINE int32_t saturating_shift_left(int32_t a, int32_t count) {
    const int64_t wide = int64_t{a} * (int64_t{1} << count);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : static_cast<int32_t>(wide);
  }

  // exp(a) for -1/4 <= a < 0: a Taylor series about -1/8. No integer bits.
  static LINNET_INLINE int32_t exp_of_quarter(int32_t a) {
    constexpr int32_t kExpOfMinusEighth = 1895147668, kThird = 715827883;
    const int32_t x = a + (1 << 28);
    const int32_t x2 = multiply(x, x), x3 = multiply(x2, x), x4 = multiply(x2, x2);
    const int32_t terms = shift_right(multiply(shift_right(x4, 2) + x3, kThird) + x2, 1);
    return kExpOfMinusEighth + multiply(kExpOfMinusEighth, x + terms);
  }

  // exp(a) for a <= 0 with 5 integer bits; the result has none.
  static LINNET_INLINE int32_t exp_of_negative(int32_t a) {
    constexpr int32_t kQuarter = 1 << 24;
    // exp(-2^e) for e = -2 .. 4.
    constexpr int32_t kPowers[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    if (a == 0) return INT32_MAX;
    const int32_t part = (a & (kQuarter - 1)) - kQuarter;
    const int32_t remainder = part - a;
    int32_t result = exp_of_quarter(saturating_shift_left(part, 5));
    for (int i = 0; i < 7; ++i) {
      if ((remainder & (kQuarter << i)) != 0) result = multiply(result, kPowers[i]);
    }
    return result;
  }

  // log(a) for a >= 1 with 12 integer bits; the result has 5. The argument is 2^n r with r nearest to sqrt(1/2) of two
  // choices, one of which takes sqrt(1/2) out; log(r) is a quotient of polynomials.
  static LINNET_INLINE int32_t log_of(int32_t a) {
    constexpr int32_t kLog2 = 1488522236, kRootOfHalf = 1518500250, kFourthRootOfHalf = 1805811301, kQuarter = 1 << 23;
    constexpr int32_t kAlphaN = 117049297, kAlphaD = 127690142, kAlphaI = 1057819769, kAlphaF = 638450708;
    const int32_t zeros = __builtin_clz(static_cast<uint32_t>(a)), b = multiply(a, kRootOfHalf);
    const int32_t b_headroom = __builtin_clz(static_cast<uint32_t>(b)) - 1;
    const int32_t a_rest = saturating_shift_left(multiply(saturating_shift_left(a, zeros - 1), kRootOfHalf), 1);
    const int32_t b_rest = saturating_shift_left(a, b_headroom);
    const int32_t a_power = saturating_shift_left(12 - zeros, 25) + kQuarter;
    const int32_t b_power = saturating_shift_left(12 - b_headroom, 25) - kQuarter;
    const int32_t r = a_rest < b_rest ? a_rest : b_rest, power = a_power > b_power ? a_power : b_power;
    const int32_t p = half_sum(r, kFourthRootOfHalf), q = 2 * (r - kFourthRootOfHalf), square = multiply(q, q);
    const int32_t numerator = multiply(q, r) + multiply(multiply(q, square), kAlphaN);
    const int32_t denominator = multiply(p, kAlphaI + q + multiply(kAlphaD, square)) + multiply(kAlphaF, q);
    const int32_t quotient = multiply(shift_right(numerator, 6), reciprocal_of_one_plus(denominator));
    return saturating_shift_left(multiply(power, kLog2) + quotient, 1);
  }

  // 1 / sqrt(a) as a Factor with FixedPoint; of 0, that of 1. Newton's iteration with 3 integer bits.
  static LINNET_INLINE Factor reciprocal_root(int32_t a) {
    constexpr int32_t kOne = 1 << 28, kThreeHalves = kOne + kOne / 2, kRootOfHalf = 1518500250;
    if (a <= 1) return {INT32_MAX, 0};
    int32_t shift = -11;
    for (; a >= 1 << 29; --shift) a /= 4;
    const int32_t pairs = (__builtin_clz(static_cast<uint32_t>(a)) - 1) / 2 - 1;
    shift += pairs;
    const int32_t half = shift_right((a << (2 * pairs)) >> 1, 1);
    int32_t x = kOne;
    for (int i = 0; i < 5; ++i) {
      const int32_t cube = saturating_shift_left(multiply(multiply(x, x), x), 6);
      x = saturating_shift_left(multiply(kThreeHalves, x) - multiply(half, cube), 3);
    }
    x = multiply(x, kRootOfHalf);
    return shift > 0 ? Factor{x << shift, 0} : Factor{x, shift};
  }

  // a / b times the factor, b not 0.
  static LINNET_INLINE int32_t quotient(int32_t a, int32_t b, const Factor& factor) {
    const int32_t numerator = b < 0 ? -a : a;
    const uint32_t divisor = static_cast<uint32_t>(b < 0 ? -b : b);
    const int32_t zeros = __builtin_clz(divisor);
    const int32_t reciprocal = reciprocal_of_one_plus(static_cast<int32_t>((divisor << zeros) - (1u << 31)));
    const uint32_t significant = static_cast<uint32_t>(numerator < 0 ? -2 * numerator - 1 : 2 * numerator);
    const int32_t headroom = __builtin_clz(significant | 1u);
    const int32_t whole = multiply(static_cast<int32_t>(static_cast<uint32_t>(numerator) << headroom), reciprocal);
    const int32_t shift = factor.shift - (31 - zeros) - headroom;
    const Factor last = {factor.multiplier, shift < -31 ? -31 : shift > 30 ? 30 : shift};
    return FixedPointFactor<isa::scalar>::of(last)({whole}).v;
  }

  // (a + b) / 2, halves away from zero.
  static LINNET_INLINE int32_t half_sum(int32_t a, int32_t b) {
    const int64_t sum = int64_t{a} + b;
    return static_cast<int32_t>((sum + (sum < 0 ? -1 : 1)) / 2);
  }

  // 1 / (1 + a) for 0 <= a < 1, without integer bits: Newton's iteration.
  static LINNET_INLINE int32_t reciprocal_of_one_plus(int32_t a) {
    constexpr int32_t k48Over17 = 1515870810, kMinus32Over17 = -1010580540, kOne = 1 << 29;  // two integer bits
    const int32_t half_denominator = half_sum(a, INT32_MAX);
    int32_t x = k48Over17 + multiply(half_denominator, kMinus32Over17);
    for (int i = 0; i < 3; ++i) {
      x += saturating_shift_left(multiply(x, kOne - multiply(half_denominator, x)), 2);
    }
    return saturating_shift_left(x, 1);
  }
};

}  // namespace linnet::kernels
