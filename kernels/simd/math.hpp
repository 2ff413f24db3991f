// Elementary functions on F32<Isa>: one body for every instruction set, no libc. Errors are given in ULP of the result,
// measured over every exponent (tests/kernels/math_test.cpp). Common to all: NaN gives NaN, results that overflow are
// infinite, results below the normal range are denormal where the instruction set has denormals and zero on armv7 NEON,
// which also reads denormal arguments as zero. Polynomials are minimax fits; products that must be exact are of factors
// of at most 12 bits, so that it does not matter whether a multiplication and an addition are fused.
#pragma once

#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

constexpr int32_t kSignBit = INT32_MIN;
constexpr float kInfinity = __builtin_inff();

// ---- building blocks -----------------------------------------------------------------------------------------------

template <class Isa>
LINNET_INLINE F32<Isa> abs(F32<Isa> x) {
  return from_bits(bits(x) & I32<Isa>::set(~kSignBit));
}

template <class Isa>
LINNET_INLINE F32<Isa> negate(F32<Isa> x) {
  return from_bits(bits(x) ^ I32<Isa>::set(kSignBit));
}

// The magnitude of `magnitude`, whose sign bit is clear, with the sign of `sign`.
template <class Isa>
LINNET_INLINE F32<Isa> with_sign(F32<Isa> magnitude, F32<Isa> sign) {
  return from_bits(bits(magnitude) | (bits(sign) & I32<Isa>::set(kSignBit)));
}

// min(max(x, low), high); a NaN of x comes through.
template <class Isa>
LINNET_INLINE F32<Isa> clamp(F32<Isa> x, F32<Isa> low, F32<Isa> high) {
  return min(high, max(low, x));
}

// x min(max(x + 3, 0), 6) / 6
template <class Isa>
LINNET_INLINE F32<Isa> hard_swish(F32<Isa> x) {
  const F32<Isa> gate = clamp(x + F32<Isa>::set(3.0f), F32<Isa>::set(0.0f), F32<Isa>::set(6.0f));
  return x * (gate * F32<Isa>::set(1.0f / 6.0f));
}

// Maximum and minimum that are NaN where either argument is.
template <class Isa>
LINNET_INLINE F32<Isa> max_or_nan(F32<Isa> a, F32<Isa> b) {
  return select(b == b, select(a < b, b, a), b);
}
template <class Isa>
LINNET_INLINE F32<Isa> min_or_nan(F32<Isa> a, F32<Isa> b) {
  return select(b == b, select(b < a, b, a), b);
}

// c0 + x (c1 + x (c2 + ...))
template <class Isa>
LINNET_INLINE F32<Isa> polynomial(F32<Isa>, float c0) {
  return F32<Isa>::set(c0);
}
template <class Isa, class... Coefficients>
LINNET_INLINE F32<Isa> polynomial(F32<Isa> x, float c0, Coefficients... others) {
  return fma(polynomial(x, others...), x, F32<Isa>::set(c0));
}

// x without the lower half of its significand: 12 bits remain, x - upper_half(x) is exact and fits in 12 bits.
template <class Isa>
LINNET_INLINE F32<Isa> upper_half(F32<Isa> x) {
  return from_bits(bits(x) & I32<Isa>::set(~0xfff));
}

// upper + lower
template <class Isa>
struct SplitFloat {
  F32<Isa> upper, lower;
};

// -x^2 / 2, exact but for the rounding of `lower`.
template <class Isa>
LINNET_INLINE SplitFloat<Isa> minus_half_square(F32<Isa> x) {
  const F32<Isa> minus_half = F32<Isa>::set(-0.5f);
  if constexpr (kFusedFma<Isa>) {
    const F32<Isa> upper = x * (minus_half * x);
    return {upper, fma(x, minus_half * x, negate(upper))};
  } else {
    const F32<Isa> head = upper_half(x);
    return {minus_half * head * head, minus_half * (x - head) * (x + head)};
  }
}

// 2^n for integers -126 <= n <= 127
template <class Isa>
LINNET_INLINE F32<Isa> power_of_two(I32<Isa> n) {
  return from_bits((n + I32<Isa>::set(127)).template shl<23>());
}

// The integer nearest to x, |x| < 2^21, as a float and as an int.
template <class Isa>
struct Nearest {
  F32<Isa> value;
  I32<Isa> integer;
};
template <class Isa>
LINNET_INLINE Nearest<Isa> nearest(F32<Isa> x) {
  const F32<Isa> magic = F32<Isa>::set(12582912.0f);  // 1.5 * 2^23: the sum's last bit is worth 1
  const F32<Isa> sum = x + magic;
  return {sum - magic, bits(sum) - bits(magic)};
}

// ---- rounding, exact -----------------------------------------------------------------------------------------------

// Half to even.
template <class Isa>
LINNET_INLINE F32<Isa> round(F32<Isa> x) {
  const F32<Isa> magnitude = abs(x);
  const F32<Isa> integers_only = F32<Isa>::set(8388608.0f);  // 2^23
  const F32<Isa> rounded = (magnitude + integers_only) - integers_only;
  return select(magnitude < integers_only, with_sign(rounded, x), x);
}

template <class Isa>
LINNET_INLINE F32<Isa> floor(F32<Isa> x) {
  const F32<Isa> rounded = round(x);
  return select(x < rounded, rounded - F32<Isa>::set(1.0f), rounded);
}

template <class Isa>
LINNET_INLINE F32<Isa> ceil(F32<Isa> x) {
  const F32<Isa> rounded = round(x);
  return select(rounded < x, rounded + F32<Isa>::set(1.0f), rounded);
}

// ---- exponentials --------------------------------------------------------------------------------------------------

// y 2^n in two steps, for -252 <= n <= 254: a result in the denormal range is rounded once.
template <class Isa>
LINNET_INLINE F32<Isa> scale_by_power(F32<Isa> y, I32<Isa> n) {
#ifdef __AVX512F__
  if constexpr (F32<Isa>::width == 16) return {_mm512_scalef_ps(y.v, _mm512_cvtepi32_ps(n.v))};
#endif
  const I32<Isa> half = n.template sar<1>();
  return y * power_of_two(half) * power_of_two(n - half);
}

// exp(r) - 1 for |r| <= 0.3475
template <class Isa>
LINNET_INLINE F32<Isa> expm1_core(F32<Isa> r) {
  const F32<Isa> p = polynomial(r, 0.49999997f, 0.16666545f, 0.0416674465f, 0.00836644694f, 0.00138698414f);
  return fma(p * r, r, r);
}

// exp(r), by the same polynomial
template <class Isa>
LINNET_INLINE F32<Isa> exp_core(F32<Isa> r) {
  return polynomial(r, 1.0f, 1.0f, 0.49999997f, 0.16666545f, 0.0416674465f, 0.00836644694f, 0.00138698414f);
}

// An integer n, |n| < 2^21, as the bits of the float 1.5 * 2^23 + 127 + n: those of 2^n are one shift away.
template <class Isa>
struct BinaryExponent {
  static constexpr float kOffset = 12582912.0f + 127.0f;
  static constexpr int32_t kOffsetBits = 0x4b40007f;
  I32<Isa> biased;
  LINNET_INLINE I32<Isa> value() const { return biased - I32<Isa>::set(kOffsetBits); }
  LINNET_INLINE F32<Isa> power() const { return from_bits(biased.template shl<23>()); }  // -126 <= n <= 127
};

// exp(x) = fraction * 2^exponent with fraction in [0.7, 1.42], so that a caller can multiply before it scales.
template <class Isa>
struct ScaledExp {
  F32<Isa> fraction;
  BinaryExponent<Isa> exponent;
  LINNET_INLINE F32<Isa> value() const { return scale_by_power(fraction, exponent.value()); }
  // Where exponent >= -126: the same in fewer operations.
  LINNET_INLINE F32<Isa> normal_value() const { return fraction * exponent.power(); }
};

template <class Isa>
struct ReducedExp {
  F32<Isa> r;  // x - exponent * ln 2
  BinaryExponent<Isa> exponent;
};
template <class Isa>
LINNET_INLINE ReducedExp<Isa> reduce_exp(F32<Isa> x) {
  const F32<Isa> offset = F32<Isa>::set(BinaryExponent<Isa>::kOffset);
  const F32<Isa> sum = fma(x, F32<Isa>::set(1.44269504f), offset);
  const F32<Isa> n = sum - offset;
  const F32<Isa> r = fma(n, F32<Isa>::set(-0.693359375f), x);  // exact: 9 bits of ln 2
  return {fma(n, F32<Isa>::set(2.12194440e-4f), r), {bits(sum)}};
}

// exp(x + correction), |x| <= 170, |correction| <= 0.01
template <class Isa>
LINNET_INLINE ScaledExp<Isa> scaled_exp(F32<Isa> x, F32<Isa> correction) {
  const ReducedExp<Isa> reduced = reduce_exp(x);
  return {exp_core(reduced.r + correction), reduced.exponent};
}
template <class Isa>
LINNET_INLINE ScaledExp<Isa> scaled_exp(F32<Isa> x) {
  const ReducedExp<Isa> reduced = reduce_exp(x);
  return {exp_core(reduced.r), reduced.exponent};
}

template <class Isa>
LINNET_INLINE F32<Isa> exp(F32<Isa> x) {
  return scaled_exp(clamp(x, F32<Isa>::set(-105.0f), F32<Isa>::set(89.0f))).value();
}

template <class Isa>
LINNET_INLINE F32<Isa> expm1(F32<Isa> x) {
  const ReducedExp<Isa> reduced = reduce_exp(clamp(x, F32<Isa>::set(-20.0f), F32<Isa>::set(89.0f)));
  const F32<Isa> half_scale = power_of_two(reduced.exponent.value() - I32<Isa>::set(1));  // 2^128 is no float
  const F32<Isa> half_result = fma(half_scale, expm1_core(reduced.r), half_scale - F32<Isa>::set(0.5f));
  return select(abs(x) < F32<Isa>::set(1e-8f), x, half_result + half_result);
}

// factor * sigmoid(v) for v >= kSigmoidNormal, below which the powers of e are denormal.
constexpr float kSigmoidNormal = -87.0f;
template <class Isa>
LINNET_INLINE F32<Isa> normal_sigmoid_times(F32<Isa> v, F32<Isa> factor) {
  const ScaledExp<Isa> z = scaled_exp(max(F32<Isa>::set(kSigmoidNormal), negate(v)));
  return factor / fma(z.fraction, z.exponent.power(), F32<Isa>::set(1.0f));
}

// The shorter result for all lanes but the rare ones: a lane does not depend on its neighbours.
template <class Isa, class Result>
LINNET_INLINE F32<Isa> unless_rare(Mask<Isa> rare, F32<Isa> common, const Result& result) {
  return any(rare) ? select(rare, result(), common) : common;
}

// factor * sigmoid(v), accurate down to denormals, which sigmoid(v) alone would have lost; factor >= v below zero.
template <class Isa>
LINNET_INLINE F32<Isa> denormal_sigmoid_times(F32<Isa> v, F32<Isa> factor) {
  const F32<Isa> zero_below = F32<Isa>::set(-110.0f);
  const Mask<Isa> is_negative = v < F32<Isa>::set(0.0f);
  const ScaledExp<Isa> z = scaled_exp(max(zero_below, negate(abs(v))));
  const F32<Isa> numerator = select(is_negative, max(zero_below, factor) * z.fraction, factor);
  const F32<Isa> quotient = numerator / (F32<Isa>::set(1.0f) + z.value());
  return select(is_negative, scale_by_power(quotient, z.exponent.value()), quotient);
}

template <class Isa>
LINNET_INLINE F32<Isa> sigmoid_times(F32<Isa> v, F32<Isa> factor) {
  if (F32<Isa>::width == 1) return denormal_sigmoid_times(v, factor);
  return unless_rare(v < F32<Isa>::set(kSigmoidNormal), normal_sigmoid_times(v, factor),
                     [&]() LINNET_INLINE_LAMBDA { return denormal_sigmoid_times(v, factor); });
}

template <class Isa>
LINNET_INLINE F32<Isa> sigmoid(F32<Isa> x) {
  return sigmoid_times(x, F32<Isa>::set(1.0f));
}

// x sigmoid(x); the limit 0 at -inf
template <class Isa>
LINNET_INLINE F32<Isa> silu(F32<Isa> x) {
  return sigmoid_times(x, x);
}

template <class Isa>
LINNET_INLINE F32<Isa> tanh(F32<Isa> x) {
  const F32<Isa> one = F32<Isa>::set(1.0f), two = F32<Isa>::set(2.0f);
  const F32<Isa> magnitude = abs(x);
  const F32<Isa> z = x * x;
  const F32<Isa> p = polynomial(z, -0.333332717f, 0.133311436f, -0.0537133515f, 0.020549342f, -0.00560137816f);
  const F32<Isa> small = fma(p * z, x, x);
  const F32<Isa> large = one - two / (one + scaled_exp(two * min(F32<Isa>::set(10.0f), magnitude)).normal_value());
  return select(magnitude < F32<Isa>::set(0.625f), small, with_sign(large, x));
}

// x tanh(log(1 + exp(x))), with n = e^x (e^x + 2): x n / (n + 2); for x >= 0 both multiplied by exp(-2x). The limit 0
// at -inf.
template <class Isa>
LINNET_INLINE F32<Isa> mish(F32<Isa> x) {
  const F32<Isa> one = F32<Isa>::set(1.0f), two = F32<Isa>::set(2.0f), limit = F32<Isa>::set(-110.0f);
  const ScaledExp<Isa> scaled = scaled_exp(max(limit, negate(abs(x))));
  const F32<Isa> z = scaled.value();
  const Mask<Isa> is_negative = x < F32<Isa>::set(0.0f);
  const F32<Isa> negative_numerator = max(limit, x) * scaled.fraction * (z + two);
  const F32<Isa> positive_part = fma(two, z, one);
  const F32<Isa> numerator = select(is_negative, negative_numerator, x * positive_part);
  const F32<Isa> denominator = select(is_negative, fma(z, z + two, two), fma(two * z, z, positive_part));
  const F32<Isa> quotient = numerator / denominator;
  return select(is_negative, scale_by_power(quotient, scaled.exponent.value()), quotient);
}

// ---- logarithms ----------------------------------------------------------------------------------------------------

// x = m 2^exponent with m in [sqrt(1/2), sqrt(2)), for finite x > 0.
template <class Isa>
struct Significand {
  F32<Isa> m, exponent;
};
template <class Isa>
LINNET_INLINE Significand<Isa> split_exponent(F32<Isa> x) {
  const Mask<Isa> is_denormal = x < F32<Isa>::set(1.17549435e-38f);
  const F32<Isa> normal = select(is_denormal, x * F32<Isa>::set(8388608.0f), x);
  const I32<Isa> root_half = I32<Isa>::set(0x3f3504f3);
  const I32<Isa> offset = bits(normal) - root_half;
  const F32<Isa> exponent = to_float(offset.template sar<23>());
  return {from_bits((offset & I32<Isa>::set(0x7fffff)) + root_half),
          select(is_denormal, exponent - F32<Isa>::set(23.0f), exponent)};
}

// -inf at 0, NaN below.
template <class Isa>
LINNET_INLINE F32<Isa> log(F32<Isa> x) {
  const Significand<Isa> s = split_exponent(x);
  const F32<Isa> f = s.m - F32<Isa>::set(1.0f);
  const F32<Isa> z = f * f;
  const F32<Isa> p = polynomial(f, 0.333333135f, -0.250000089f, 0.20002073f, -0.166679919f, 0.142203107f, -0.124061152f,
                                0.11883875f, -0.116711661f, 0.0674983487f);
  F32<Isa> y = fma(s.exponent, F32<Isa>::set(-2.12194440e-4f), p * f * z);
  y = f + fma(F32<Isa>::set(-0.5f), z, y);
  y = fma(s.exponent, F32<Isa>::set(0.693359375f), y);
  const F32<Isa> zero = F32<Isa>::set(0.0f);
  y = select(x < F32<Isa>::set(kInfinity), y, x);
  y = select(x < zero, F32<Isa>::set(__builtin_nanf("")), y);
  return select(x == zero, F32<Isa>::set(-kInfinity), y);
}

// log(1 + x) for 0 <= x <= 1
template <class Isa>
LINNET_INLINE F32<Isa> log1p(F32<Isa> x) {
  const F32<Isa> one = F32<Isa>::set(1.0f);
  const F32<Isa> sum = one + x;
  return log(sum) + (x - (sum - one)) / sum;
}

// log(1 + exp(x))
template <class Isa>
LINNET_INLINE F32<Isa> softplus(F32<Isa> x) {
  return max(F32<Isa>::set(0.0f), x) + log1p(exp(negate(abs(x))));
}

// ---- error function ------------------------------------------------------------------------------------------------

template <class Isa>
LINNET_INLINE F32<Isa> erf(F32<Isa> x) {
  const F32<Isa> magnitude = abs(x);
  const F32<Isa> p = polynomial(x * x, 0.128379166f, -0.376126289f, 0.112836257f, -0.0268557314f, 0.00519240508f,
                                -0.000804976968f, 7.99664995e-05f);
  const F32<Isa> small = fma(p, x, x);
  const F32<Isa> q = polynomial(min(F32<Isa>::set(4.0f), magnitude), 0.000195674933f, 1.12767565f, 0.637182176f,
                                0.103931665f, -0.0222269446f, 0.00304321782f, -0.000195936329f);
  const F32<Isa> large = F32<Isa>::set(1.0f) - scaled_exp(negate(q)).normal_value();
  return select(magnitude < F32<Isa>::set(0.925f), small, with_sign(large, x));
}

// Phi(-t) for 0 <= t <= 15, Phi the normal distribution: exp(-t^2 / 2) u P(u - 0.7), u = 1 / (1 + 0.35 t), as
// fraction * 2^exponent.
template <class Isa>
LINNET_INLINE ScaledExp<Isa> normal_tail(F32<Isa> t) {
  const F32<Isa> one = F32<Isa>::set(1.0f);
  const SplitFloat<Isa> exponent = minus_half_square(t);
  const ScaledExp<Isa> e = scaled_exp(exponent.upper, exponent.lower);
  const F32<Isa> u = one / fma(F32<Isa>::set(0.35f), t, one);
  const F32<Isa> p = polynomial(u - F32<Isa>::set(0.7f), 0.333727747f, 0.463603705f, 0.310601324f, 0.00210095779f,
                                -0.106975511f, 0.0068101557f, 0.0498671271f, -0.019257769f, -0.0291648712f);
  return {u * p * e.fraction, e.exponent};
}

// x Phi(x), which is x - |x| Phi(-|x|) for positive x and -|x| Phi(-|x|) otherwise, without cancellation. This one for
// |x| <= kGeluNormal; soon after, Phi(-|x|) is denormal.
constexpr float kGeluNormal = 12.5f;
template <class Isa>
LINNET_INLINE F32<Isa> normal_gelu(F32<Isa> x) {
  const F32<Isa> t = abs(x);
  return fma(negate(t), normal_tail(t).normal_value(), max(F32<Isa>::set(0.0f), x));
}

// The limit 0 at -inf.
template <class Isa>
LINNET_INLINE F32<Isa> denormal_gelu(F32<Isa> x) {
  const F32<Isa> t = min(F32<Isa>::set(15.0f), abs(x));
  const ScaledExp<Isa> tail = normal_tail(t);
  const F32<Isa> positive = x * (F32<Isa>::set(1.0f) - tail.value());
  const F32<Isa> negative = scale_by_power(negate(t) * tail.fraction, tail.exponent.value());
  return select(x < F32<Isa>::set(0.0f), negative, positive);
}

template <class Isa>
LINNET_INLINE F32<Isa> gelu(F32<Isa> x) {
  if (F32<Isa>::width == 1) return denormal_gelu(x);
  return unless_rare(F32<Isa>::set(kGeluNormal) < abs(x), normal_gelu(x),
                     [&]() LINNET_INLINE_LAMBDA { return denormal_gelu(x); });
}

template <class Isa>
LINNET_INLINE F32<Isa> gelu_tanh_exponent(F32<Isa> x) {
  return x * fma(x * x, F32<Isa>::set(0.0713548163f), F32<Isa>::set(1.59576912f));
}

// x/2 (1 + tanh(y)) = x sigmoid(2y), y = sqrt(2/pi) (x + 0.044715 x^3). The rounding of 2y makes the relative error
// grow with |2y| below zero, to about 1.5 |2y| 2^-23. The limit 0 at -inf.
template <class Isa>
LINNET_INLINE F32<Isa> gelu_tanh(F32<Isa> x) {
  return sigmoid_times(gelu_tanh_exponent(x), x);
}

// ---- power ---------------------------------------------------------------------------------------------------------

// log2(x) with an error near 2^-30 relative, for finite x > 0; `upper` has 12 bits. Computed as 2/ln 2 atanh(s),
// s = (m - 1) / (m + 1), as s C + s^3 Q(s^2) with s and C = 2/ln 2 in two parts each.
template <class Isa>
LINNET_INLINE SplitFloat<Isa> split_log2(F32<Isa> x) {
  const F32<Isa> one = F32<Isa>::set(1.0f);
  const F32<Isa> c_upper = F32<Isa>::set(2.884765625f), c_lower = F32<Isa>::set(6.24456778e-4f);
  const Significand<Isa> split = split_exponent(x);
  const F32<Isa> f = split.m - one;
  const F32<Isa> denominator = split.m + one;
  const F32<Isa> denominator_upper = upper_half(denominator);
  const F32<Isa> denominator_lower = split.m - (denominator_upper - one);
  const F32<Isa> s = f / denominator;
  const F32<Isa> s_upper = upper_half(s);
  const F32<Isa> remainder = (f - s_upper * denominator_upper) - s_upper * denominator_lower;
  const F32<Isa> s_lower = remainder / denominator;
  const F32<Isa> z = s * s;
  const F32<Isa> tail = s * z * polynomial(z, 0.961796701f, 0.577078879f, 0.411921471f, 0.336624682f);
  const F32<Isa> head = c_upper * s_upper;
  const F32<Isa> rest = fma(c_upper, s_lower, fma(c_lower, s, tail));
  const F32<Isa> upper = upper_half(split.exponent + (head + rest));
  return {upper, ((split.exponent - upper) + head) + rest};
}

// |x|^y for finite x != 0: 2^(y log2 |x|), the exponent in two parts.
template <class Isa>
LINNET_INLINE F32<Isa> power_of_magnitude(F32<Isa> magnitude, F32<Isa> y) {
  const F32<Isa> largest = F32<Isa>::set(3.40282347e38f), one = F32<Isa>::set(1.0f);
  const F32<Isa> finite_y = clamp(y, negate(largest), largest);
  const SplitFloat<Isa> logarithm = split_log2(magnitude);
  const F32<Isa> y_upper = upper_half(finite_y);
  const F32<Isa> product = y_upper * logarithm.upper;
  const F32<Isa> rest = fma(finite_y, logarithm.lower, (finite_y - y_upper) * logarithm.upper);
  const F32<Isa> e_upper = clamp(product, F32<Isa>::set(-200.0f), F32<Isa>::set(200.0f));
  const F32<Isa> e_lower = clamp(rest, negate(one), one);
  const Nearest<Isa> n = nearest(e_upper + e_lower);
  const F32<Isa> r = ((e_upper - n.value) + e_lower) * F32<Isa>::set(0.693147181f);
  return scale_by_power(one + expm1_core(r), n.integer);
}

// IEEE pow: x^0 = 1^y = 1, a negative x with an integer y gives the sign of y's parity, with any other finite y NaN.
template <class Isa>
LINNET_INLINE F32<Isa> pow(F32<Isa> x, F32<Isa> y) {
  const F32<Isa> zero = F32<Isa>::set(0.0f), one = F32<Isa>::set(1.0f), infinity = F32<Isa>::set(kInfinity);
  const F32<Isa> nan = F32<Isa>::set(__builtin_nanf("")), half = F32<Isa>::set(0.5f);
  const F32<Isa> magnitude = abs(x);
  F32<Isa> result = power_of_magnitude(magnitude, y);
  result = select(magnitude == zero, select(y < zero, infinity, zero), result);
  result = select(magnitude == infinity, select(y < zero, zero, infinity), result);
  // The parity: y/2 is an integer for even y, and for |y| >= 2^24.
  const F32<Isa> half_y = y * half;
  const Mask<Isa> is_integer = round(y) == y;
  const F32<Isa> signed_result = select(round(half_y) == half_y, result, with_sign(result, x));
  result = select(is_integer, signed_result, select(x < zero, select(magnitude < infinity, nan, result), result));
  result = select(x == x, select(y == y, result, y), x);
  return select(y == zero, one, select(x == one, one, result));
}

// ---- sums ----------------------------------------------------------------------------------------------------------

// Sums many values in three levels of 64 each: the error grows with the level's length, as in a pairwise sum, and an
// infinite value stays one (compensated sums make it NaN).
template <class Isa>
class CascadeSum {
 public:
  LINNET_INLINE void add(F32<Isa> x) {
    level0_ = level0_ + x;
    if ((++count_ & 63) == 0) carry();
  }
  LINNET_INLINE void add_square(F32<Isa> x) {
    level0_ = fma(x, x, level0_);
    if ((++count_ & 63) == 0) carry();
  }
  LINNET_INLINE F32<Isa> total() const { return level2_ + (level1_ + level0_); }

 private:
  LINNET_INLINE void carry() {
    level1_ = level1_ + level0_;
    level0_ = F32<Isa>::set(0.0f);
    if ((count_ & 4095) != 0) return;
    level2_ = level2_ + level1_;
    level1_ = F32<Isa>::set(0.0f);
  }
  F32<Isa> level0_ = F32<Isa>::set(0.0f), level1_ = F32<Isa>::set(0.0f), level2_ = F32<Isa>::set(0.0f);
  uint32_t count_ = 0;
};

// ---- loops ---------------------------------------------------------------------------------------------------------

// body(i, count) for every vector of 0..n: count is the width, and less for the last one.
template <class Isa, class Body>
LINNET_INLINE void for_each_vector(ptrdiff_t n, const Body& body) {
  constexpr int kWidth = F32<Isa>::width;
  ptrdiff_t i = 0;
  for (; i + kWidth <= n; i += kWidth) body(i, kWidth);
  if constexpr (kWidth > 1) {
    if (i < n) body(i, static_cast<int>(n - i));
  }
}

}  // namespace linnet::kernels
