// Sums of two int8 operands by BoundedFactors, rounded once in float32 and equal to the ones that are rounded step by
// step unless they lie close to the middle between two integers.
#pragma once

#include "kernels/quant/factor.hpp"
#include "kernels/simd/math.hpp"

namespace linnet::kernels {

// With A = 2^left_shift (a - a_zero_point), B likewise, and a factor's multiplier * 2^(shift - 31) for its value, the
// sum is t = (A a + B b) y. Each operand's steps round by at most 1 together; so does, by 1/2, the first step of the
// sum, before its shift. The sum in float32 has terms of at most `size`, each rounded fewer than 8 times.
template <class Isa>
struct SumEstimate {
  static constexpr int32_t kLeastShift = 12;  // of the sum, or too many are uncertain

  bool serves;
  F32<Isa> a_factor, b_factor, offset, limit;

  LINNET_INLINE SumEstimate(const QuantizedBinary& q, int bits) {
    const double y = value(q.y), left = value({1 << 30, q.left_shift + 1});
    const float a = static_cast<float>(value(q.a) * left * y), b = static_cast<float>(value(q.b) * left * y);
    const float zero = -static_cast<float>(q.a_zero_point) * a - static_cast<float>(q.b_zero_point) * b;
    const auto size_of = [](float x) LINNET_INLINE_LAMBDA { return x < 0 ? -x : x; };
    const float size = 256.0f * (size_of(a) + size_of(b)), error = size * (8.0f / 16777216.0f);
    serves = bits == 8 && q.y.shift <= -kLeastShift && size < 1048576.0f;
    a_factor = F32<Isa>::set(a);
    b_factor = F32<Isa>::set(b);
    offset = F32<Isa>::set(zero);
    limit = F32<Isa>::set(0.499f - error - 2.5f * static_cast<float>(value({1 << 30, q.y.shift + 1})));
  }
  static LINNET_INLINE double value(const Factor& f) {
    const uint64_t power = static_cast<uint64_t>(1023 - 31 + f.shift) << 52;
    double scale;
    std::memcpy(&scale, &power, sizeof(scale));
    return scale * f.multiplier;
  }
  // Returns whether `sum`, before its zero point is added, is certain.
  LINNET_INLINE bool add(I32<Isa> a, I32<Isa> b, I32<Isa>& sum) const {
    const F32<Isa> real = fma(to_float(a), a_factor, fma(to_float(b), b_factor, offset));
    const F32<Isa> shift = F32<Isa>::set(12582912.0f), shifted = real + shift;  // as round_even's
    sum = bits(shifted) - bits(shift);
    return serves && !any(limit < abs(real - (shifted - shift)));
  }
};

}  // namespace linnet::kernels
