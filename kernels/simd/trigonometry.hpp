// Sine and cosine of every float, within 2.5 ULP. Arguments are taken modulo pi/2: up to kDirectLimit by subtraction of
// multiples in three parts (W. J. Cody, W. Waite, Software Manual for the Elementary Functions, 1980), beyond it, where
// few arguments lie, by a product with the bits of 2/pi (M. Payne, R. Hanek, SIGNUM Newsletter 18, 1983).
#pragma once

#include "kernels/simd/math.hpp"

namespace linnet::kernels {

constexpr float kDirectLimit = 400.0f;  // 255 multiples, whose products with 16 bits of pi/2 are exact

// x = r + quadrant pi/2, |r| <= 0.786
template <class Isa>
struct QuarterTurns {
  F32<Isa> r;
  I32<Isa> quadrant;  // the lowest two bits count
};

// For kDirectLimit <= |x| < infinity. 2/pi times x is an integer of 24 bits times 2^exponent times the fraction
// 0.w1w2..., whose bits above the weight 2 give multiples of 4 quadrants, and whose bits behind the 96 that are taken
// are too small.
template <class Isa>
LINNET_INLINE QuarterTurns<isa::scalar> reduce_large(float x) {
  constexpr uint32_t kTwoOverPi[] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                     0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};
  uint32_t word = 0;
  std::memcpy(&word, &x, sizeof(word));
  const int32_t first = static_cast<int32_t>(word >> 23 & 0xff) - 120;  // bit of the table with the weight 2
  const uint32_t significand = (word & 0x7fffff) | 0x800000;
  const auto bits_at = [&](int32_t position) LINNET_INLINE_LAMBDA {
    const uint64_t pair = static_cast<uint64_t>(kTwoOverPi[position / 32]) << 32 | kTwoOverPi[position / 32 + 1];
    return static_cast<uint32_t>(pair >> (32 - position % 32));
  };
  const uint64_t low = static_cast<uint64_t>(bits_at(first + 64)) * significand;
  const uint64_t turns = static_cast<uint64_t>(bits_at(first) * significand) << 32;
  const uint64_t product = turns + static_cast<uint64_t>(bits_at(first + 32)) * significand + (low >> 32);
  const uint32_t quadrant = static_cast<uint32_t>((product + (uint64_t{1} << 61)) >> 62);
  const uint64_t rest = product - (static_cast<uint64_t>(quadrant) << 62);
  const bool below = rest >> 63 != 0;
  const uint64_t magnitude = (below ? 0 - rest : rest) | 1;
  const int zeros = __builtin_clzll(magnitude);
  const float leading = static_cast<float>(static_cast<int32_t>(magnitude << zeros >> 33));  // of 2^31
  const float r = leading * power_of_two(I32<isa::scalar>{-29 - zeros}).v * 1.57079637f;
  const bool negative = below != (word >> 31 != 0);
  const int32_t signed_quadrant = static_cast<int32_t>(quadrant);
  return {{negative ? -r : r}, {word >> 31 != 0 ? -signed_quadrant : signed_quadrant}};
}

template <class Isa>
LINNET_INLINE QuarterTurns<Isa> reduce_turns(F32<Isa> x) {
  const Nearest<Isa> n = nearest(x * F32<Isa>::set(0.636619747f));
  F32<Isa> r = fma(n.value, F32<Isa>::set(-1.570770263671875f), x);
  r = fma(n.value, F32<Isa>::set(-2.6063062250614166e-05f), r);
  return {fma(n.value, F32<Isa>::set(-6.07710062827671e-11f), r), n.integer};
}

// sin(x + turns pi/2)
template <class Isa>
LINNET_INLINE F32<Isa> sine_of(QuarterTurns<Isa> x, int32_t turns) {
  const I32<Isa> one = I32<Isa>::set(1), quadrant = x.quadrant + I32<Isa>::set(turns);
  const F32<Isa> z = x.r * x.r;
  const F32<Isa> sine = fma(polynomial(z, -0.16666655f, 0.008332156f, -0.00019514632f) * z, x.r, x.r);
  const F32<Isa> cosine = fma(polynomial(z, 0.041666646f, -0.001388731f, 2.4432413e-05f) * z, z,
                              fma(F32<Isa>::set(-0.5f), z, F32<Isa>::set(1.0f)));
  const F32<Isa> result = select(F32<Isa>::set(0.0f) < to_float(quadrant & one), cosine, sine);
  return from_bits(bits(result) ^ (quadrant & I32<Isa>::set(2)).template shl<30>());
}

// Replaces the results y of what is large or infinite; away from the loops, which have no registers left for it.
template <class Isa>
__attribute__((noinline, cold)) void sine_of_large(const float* x, float* y, int32_t count, int32_t turns) {
  for (int32_t i = 0; i < count; ++i) {
    const float magnitude = abs(F32<isa::scalar>{x[i]}).v;
    if (!(magnitude > kDirectLimit)) continue;
    y[i] = magnitude < kInfinity ? sine_of(reduce_large<Isa>(x[i]), turns).v : __builtin_nanf("");
  }
}

template <class Isa>
LINNET_INLINE F32<Isa> sine_or_cosine(F32<Isa> x, int32_t turns) {
  const F32<Isa> y = sine_of(reduce_turns(x), turns);
  if (!__builtin_expect(any(F32<Isa>::set(kDirectLimit) < abs(x)), 0)) return y;
  alignas(64) float arguments[F32<Isa>::width], results[F32<Isa>::width];
  x.store(arguments);
  y.store(results);
  sine_of_large<Isa>(arguments, results, F32<Isa>::width, turns);
  return F32<Isa>::load(results);
}

template <class Isa>
LINNET_INLINE F32<Isa> sin(F32<Isa> x) {
  return sine_or_cosine(x, 0);
}

template <class Isa>
LINNET_INLINE F32<Isa> cos(F32<Isa> x) {
  return sine_or_cosine(x, 1);
}

}  // namespace linnet::kernels
