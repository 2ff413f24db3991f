// Scaling of 32-bit integers by the two rules of rounding (schema/README.md, Integer arithmetic).
#pragma once

#include <type_traits>

#include "kernels/quant/sum_estimate.hpp"

namespace linnet::kernels {

// Half to even, |x| < 2^22.
template <class Isa>
LINNET_INLINE I32<Isa> round_even(F32<Isa> x) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: behind it the sum has no bits for fractions
  return bits(x + F32<Isa>::set(kShift)) - bits(F32<Isa>::set(kShift));
}

// The range of a result, one a step.
template <class Isa>
struct Range {
  I32<Isa> zero_point, low, high;
  F32<Isa> float_low, float_high;  // before the zero point is added

  explicit LINNET_INLINE Range(const Requantize& r)
      : zero_point(I32<Isa>::set(r.zero_point)),
        low(I32<Isa>::set(r.low)),
        high(I32<Isa>::set(r.high)),
        float_low(F32<Isa>::set(static_cast<float>(r.low - r.zero_point))),
        float_high(F32<Isa>::set(static_cast<float>(r.high - r.zero_point))) {}

  LINNET_INLINE I32<Isa> finish(I32<Isa> x) const { return clamp(x + zero_point, low, high); }
  LINNET_INLINE I32<Isa> finish(F32<Isa> x) const {
    return round_even(min(float_high, max(float_low, x))) + zero_point;
  }
};

// One factor for all lanes, by either rule.
template <class Isa>
struct Scaling {
  bool fixed_point;
  FixedPointFactor<Isa> fixed;
  F32<Isa> floating;
  Range<Isa> range;

  LINNET_INLINE Scaling(const Factor& f, const Requantize& r)
      : fixed_point(r.rounding == Rounding::FixedPoint),
        fixed(FixedPointFactor<Isa>::of(f)),
        floating(from_bits(I32<Isa>::set(f.multiplier))),
        range(r) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    return fixed_point ? range.finish(fixed(x)) : range.finish(to_float(x) * floating);
  }
};

// TensorFlow Lite's MultiplyByQuantizedMultiplier of 64-bit numbers; wraps around.
LINNET_INLINE int32_t multiply_wide(int64_t x, const Factor& f) {
  const int64_t multiplier = f.multiplier < 0x7fff0000 ? (f.multiplier + (1 << 15)) >> 16 : 0x7fff;
  const uint64_t product = static_cast<uint64_t>(x) * static_cast<uint64_t>(multiplier);
  const int64_t rounded = static_cast<int64_t>(product + (uint64_t{1} << (14 - f.shift)));
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(rounded >> (15 - f.shift))));
}

// x / divisor, halves rounded away from zero. A quotient in float is exact after truncation below 2^24.
template <class Isa>
LINNET_INLINE I32<Isa> divide_rounding(I32<Isa> x, int32_t divisor, bool is_small) {
  const I32<Isa> half = I32<Isa>::set(divisor / 2), zero = I32<Isa>::set(0);
  const I32<Isa> dividend = x + select(Int<Isa>::less(x, zero), zero - half, half);
  if (I32<Isa>::width > 1 && is_small) return truncate(to_float(dividend) / F32<Isa>::set(static_cast<float>(divisor)));
  alignas(64) int32_t lanes[I32<Isa>::width];
  Int<Isa>::store(dividend, lanes);
  for (int32_t& lane : lanes) lane /= divisor;
  return Int<Isa>::load(lanes);
}

// How numbers are scaled: by FixedPoint, general, bounded, or bounded and shifted to the right, or by Float, general or
// bounded.
enum class Scale : uint8_t { Fixed, BoundedFixed, RightFixed, Float, BoundedFloat };

struct NoEstimate {
  LINNET_INLINE NoEstimate(const QuantizedBinary&, int) {}
};

// Functions of two integer operands of so many bits.
template <class Isa, Scale kScale>
struct QuantizedPair {
  // With vqrdmulh the steps are as fast as the estimate.
  static constexpr bool kEstimates = kScale == Scale::BoundedFixed && I32<Isa>::width > 4;
  using Factors = std::conditional_t<kScale == Scale::Fixed, FixedPointFactor<Isa>, BoundedFactor<Isa>>;
  I32<Isa> a_zero_point, b_zero_point, left;
  Factors a_factor, b_factor, y_factor;
  Range<Isa> range;
  std::conditional_t<kEstimates, SumEstimate<Isa>, NoEstimate> estimate;

  LINNET_INLINE QuantizedPair(const QuantizedBinary& q, int bits)
      : a_zero_point(I32<Isa>::set(q.a_zero_point)),
        b_zero_point(I32<Isa>::set(q.b_zero_point)),
        left(I32<Isa>::set(q.left_shift)),
        a_factor(I32<Isa>::set(q.a.multiplier), I32<Isa>::set(q.a.shift)),
        b_factor(I32<Isa>::set(q.b.multiplier), I32<Isa>::set(q.b.shift)),
        y_factor(I32<Isa>::set(q.y.multiplier), I32<Isa>::set(q.y.shift)),
        range(q.requantize),
        estimate(q, bits) {}

  LINNET_INLINE I32<Isa> scaled_a(I32<Isa> a) const { return a_factor(Int<Isa>::shift_left(a - a_zero_point, left)); }
  LINNET_INLINE I32<Isa> scaled_b(I32<Isa> b) const { return b_factor(Int<Isa>::shift_left(b - b_zero_point, left)); }
  // Step by step, before the zero point is added.
  LINNET_INLINE I32<Isa> exact_sum(I32<Isa> a, I32<Isa> b) const { return y_factor(scaled_a(a) + scaled_b(b)); }
  LINNET_INLINE I32<Isa> add(I32<Isa> a, I32<Isa> b) const {
    if constexpr (kEstimates) {
      F32<Isa> distance = F32<Isa>::set(0.0f);
      const I32<Isa> sum = estimate.sum(a, b, distance);
      if (estimate.is_certain(distance)) return range.finish(sum);
    }
    return range.finish(exact_sum(a, b));
  }
  LINNET_INLINE I32<Isa> sub(I32<Isa> a, I32<Isa> b) const { return range.finish(y_factor(scaled_a(a) - scaled_b(b))); }
  LINNET_INLINE I32<Isa> mul(I32<Isa> a, I32<Isa> b) const {
    return range.finish(y_factor(Int<Isa>::multiply(a - a_zero_point, b - b_zero_point)));
  }
  LINNET_INLINE I32<Isa> prelu(I32<Isa> a, I32<Isa> b) const {
    return select(Int<Isa>::less(a, a_zero_point), mul(a, b), range.finish(a_factor(a - a_zero_point)));
  }
  LINNET_INLINE I32<Isa> squared_difference(I32<Isa> a, I32<Isa> b) const {
    const I32<Isa> difference = scaled_a(a) - scaled_b(b);
    return range.finish(y_factor(Int<Isa>::multiply(difference, difference)));
  }
};

template <class Isa>
struct QuantizedPair<Isa, Scale::Float> {
  I32<Isa> a_zero_point, b_zero_point;
  F32<Isa> a_factor, b_factor, y_factor;
  Range<Isa> range;

  LINNET_INLINE QuantizedPair(const QuantizedBinary& q, int)
      : a_zero_point(I32<Isa>::set(q.a_zero_point)),
        b_zero_point(I32<Isa>::set(q.b_zero_point)),
        a_factor(from_bits(I32<Isa>::set(q.a.multiplier))),
        b_factor(from_bits(I32<Isa>::set(q.b.multiplier))),
        y_factor(from_bits(I32<Isa>::set(q.y.multiplier))),
        range(q.requantize) {}

  LINNET_INLINE F32<Isa> scaled_a(I32<Isa> a) const { return to_float(a - a_zero_point) * a_factor; }
  LINNET_INLINE F32<Isa> scaled_b(I32<Isa> b) const { return to_float(b - b_zero_point) * b_factor; }
  LINNET_INLINE F32<Isa> sum(I32<Isa> a, I32<Isa> b) const { return scaled_a(a) + scaled_b(b); }
  LINNET_INLINE I32<Isa> add(I32<Isa> a, I32<Isa> b) const { return range.finish(sum(a, b)); }
  // Of bytes, whose product a float holds.
  LINNET_INLINE F32<Isa> product(I32<Isa> a, I32<Isa> b) const {
    return to_float(a - a_zero_point) * to_float(b - b_zero_point) * y_factor;
  }
  LINNET_INLINE I32<Isa> sub(I32<Isa> a, I32<Isa> b) const { return range.finish(scaled_a(a) - scaled_b(b)); }
  LINNET_INLINE I32<Isa> mul(I32<Isa> a, I32<Isa> b) const {
    return range.finish(to_float(Int<Isa>::multiply(a - a_zero_point, b - b_zero_point)) * y_factor);
  }
  LINNET_INLINE I32<Isa> prelu(I32<Isa> a, I32<Isa> b) const {
    return select(Int<Isa>::less(a, a_zero_point), mul(a, b), range.finish(scaled_a(a)));
  }
  LINNET_INLINE I32<Isa> squared_difference(I32<Isa> a, I32<Isa> b) const {
    const F32<Isa> difference = scaled_a(a) - scaled_b(b);
    return range.finish(difference * difference * y_factor);
  }
};

// Whether BoundedFactors do for two operands of so many bits.
LINNET_INLINE bool pair_is_bounded(const QuantizedBinary& q, int bits, bool squares) {
  const auto left = [](int32_t shift) LINNET_INLINE_LAMBDA { return shift > 0 ? shift : 0; };
  const int32_t a_left = q.left_shift + left(q.a.shift), b_left = q.left_shift + left(q.b.shift);
  if (a_left > kBoundedBits || b_left > kBoundedBits) return false;
  const auto largest = [bits](int32_t zero_point) LINNET_INLINE_LAMBDA {
    const int64_t half = int64_t{1} << (bits - 1);
    return zero_point < 0 ? half - 1 - zero_point : half + zero_point;
  };
  constexpr int64_t kLimit = int64_t{1} << kBoundedBits;
  const int64_t a = largest(q.a_zero_point), b = largest(q.b_zero_point);
  const int64_t sum = (a << a_left) + (b << b_left), product = squares ? sum * sum : a * b;
  const int64_t number = sum > product ? sum : product;
  return number < kLimit && number << left(q.y.shift) < kLimit;
}

// Calls body(pair) with a QuantizedPair of operands of so many bits; `squares`: it is for squared differences.
template <class Isa, class Body>
LINNET_INLINE void with_pair(const QuantizedBinary& q, int bits, bool squares, Body body) {
  if (q.requantize.rounding == Rounding::Float) {
    body(QuantizedPair<Isa, Scale::Float>(q, bits));
    return;
  }
  if constexpr (I32<Isa>::width > 1) {
    if (pair_is_bounded(q, bits, squares)) {
      body(QuantizedPair<Isa, Scale::BoundedFixed>(q, bits));
      return;
    }
  }
  body(QuantizedPair<Isa, Scale::Fixed>(q, bits));
}

}  // namespace linnet::kernels
