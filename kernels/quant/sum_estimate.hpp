// Sums of two int8 operands by BoundedFactors, rounded once in float32 and equal to the ones that are rounded step by
// step unless they lie close to the middle between two integers.
#pragma once

#include "kernels/quant/factor.hpp"
#include "kernels/simd/math.hpp"

namespace linnet::kernels {

// With A = 2^left_shift (a - a_zero_point), B likewise, and a factor's multiplier * 2^(shift - 31) for its value, the
// sum is t = (A a + B b) y. Each operand's steps round by at most 1 together; so does, by 1/2, the first step of the
// sum, before its shift. The sum in float32 is rounded four times, of terms below `size`: factors, offset and two
// multiply-adds.
template <class Isa>
struct SumEstimate {
  static constexpr int32_t kLeastShift = 12;  // of the sum, or too many are uncertain

  F32<Isa> a_factor, b_factor, offset, limit;

  LINNET_INLINE SumEstimate(const QuantizedBinary& q, int bits) {
    const double y = value(q.y), left = value({1 << 30, q.left_shift + 1});
    const double a = value(q.a) * left * y, b = value(q.b) * left * y;
    const auto size_of = [](double x) LINNET_INLINE_LAMBDA { return x < 0 ? -x : x; };
    const double size = 256 * (size_of(a) + size_of(b)),
                 error = size / (1 << 22) + 2.5 * value({1 << 30, q.y.shift + 1});
    const bool serves = bits == 8 && q.y.shift <= -kLeastShift && size < 1 << 20;
    a_factor = F32<Isa>::set(static_cast<float>(a));
    b_factor = F32<Isa>::set(static_cast<float>(b));
    offset = F32<Isa>::set(static_cast<float>(-q.a_zero_point * a - q.b_zero_point * b));
    limit = F32<Isa>::set(serves ? static_cast<float>(0.49999 - error) : -1.0f);
  }
  static LINNET_INLINE double value(const Factor& f) {
    const uint64_t power = static_cast<uint64_t>(1023 - 31 + f.shift) << 52;
    double scale;
    std::memcpy(&scale, &power, sizeof(scale));
    return scale * f.multiplier;
  }
  // The sum before its zero point is added; `distance` becomes the largest of those from integers.
  LINNET_INLINE I32<Isa> sum(I32<Isa> a, I32<Isa> b, F32<Isa>& distance) const {
    const F32<Isa> real = fma(to_float(a), a_factor, fma(to_float(b), b_factor, offset));
    const F32<Isa> shift = F32<Isa>::set(12582912.0f), shifted = real + shift;  // as round_even's
    distance = max(abs(real - (shifted - shift)), distance);
    return bits(shifted) - bits(shift);
  }
  // Whether sums of this distance at most are the right ones.
  LINNET_INLINE bool is_certain(F32<Isa> distance) const { return !any(limit < distance); }
};

}  // namespace linnet::kernels
