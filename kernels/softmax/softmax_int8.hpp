// Softmax of int8 in fixed point: TensorFlow Lite's, with gemmlowp's exponential and reciprocal
// (gemmlowp/fixedpoint/fixedpoint.h). A number with i integer bits has 31 - i bits of fraction.
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

  // 1 / (1 + a) for 0 <= a < 1, without integer bits: Newton's iteration.
  static LINNET_INLINE int32_t reciprocal_of_one_plus(int32_t a) {
    constexpr int32_t k48Over17 = 1515870810, kMinus32Over17 = -1010580540, kOne = 1 << 29;  // two integer bits
    const int32_t half_denominator = static_cast<int32_t>((int64_t{a} + INT32_MAX + 1) / 2);
    int32_t x = k48Over17 + multiply(half_denominator, kMinus32Over17);
    for (int i = 0; i < 3; ++i) {
      x += saturating_shift_left(multiply(x, kOne - multiply(half_denominator, x)), 2);
    }
    return saturating_shift_left(x, 1);
  }
};

// One row of elements `stride` apart.
template <class Isa>
void softmax_row_int8(const SoftmaxInt8Args& args, const int8_t* x, int8_t* y, ptrdiff_t stride) {
  using M = FixedPointMath<Isa>;
  constexpr int32_t kSumBits = 12;  // integer bits of the sum
  const FixedPointFactor<isa::scalar> factor({args.factor.multiplier}, {args.factor.shift});
  int32_t largest = x[0];
  for (int32_t i = 1; i < args.axis; ++i) largest = x[i * stride] > largest ? x[i * stride] : largest;
  const auto exp_of = [&](int32_t difference) { return M::exp_of_negative(factor({difference}).v); };
  uint32_t sum = 0;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t difference = x[i * stride] - largest;
    if (difference < args.lowest_difference) continue;
    const uint32_t term = static_cast<uint32_t>(M::shift_right(exp_of(difference), kSumBits));
    sum = sum + term < sum ? UINT32_MAX : sum + term;
  }
  const int32_t zeros = __builtin_clz(sum | 1u);
  const uint32_t normalized = (sum << zeros) - (1u << 31);
  const int32_t scale = M::reciprocal_of_one_plus(static_cast<int32_t>(normalized));
  const int32_t shift = kSumBits - zeros + 31 - 8;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t difference = x[i * stride] - largest;
    int32_t result = -128;
    if (difference >= args.lowest_difference && shift <= 31) {  // otherwise it is below half a unit
      result += M::shift_right(M::multiply(scale, exp_of(difference)), shift);
      result = result > 127 ? 127 : result;
    }
    y[i * stride] = static_cast<int8_t>(result);
  }
}

template <class Isa>
void softmax_s8_impl(const SoftmaxInt8Args& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(o) * args.axis * args.inner;
    for (int32_t i = 0; i < args.inner; ++i)
      softmax_row_int8<Isa>(args, args.x + first + i, args.y + first + i, args.inner);
  }
}

}  // namespace linnet::kernels
