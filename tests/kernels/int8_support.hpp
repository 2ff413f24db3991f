// The arithmetic of integer steps, written from its definition in schema/README.md in 64-bit integers and single steps
// of float, and random parameters for it.
#pragma once

#include "kernels/pack_int8.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {

inline int32_t wrap(int64_t x) {
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(x)));
}

inline float float_of(int32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline int32_t bits_of(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// n / d rounded to the nearest integer, halves away from zero; d > 0.
inline int64_t divide_half_away(int64_t n, int64_t d) {
  return n >= 0 ? (2 * n + d) / (2 * d) : -((-2 * n + d) / (2 * d));
}

inline int64_t divide_half_up(int64_t n, int64_t d) {
  const int64_t doubled = 2 * n + d;
  return doubled >= 0 ? doubled / (2 * d) : -((-doubled + 2 * d - 1) / (2 * d));
}

inline int32_t fixed_point(int32_t v, const Factor& f) {
  const int64_t scaled = wrap(int64_t{v} << std::max(f.shift, 0));
  const int64_t product = scaled * f.multiplier + (int64_t{1} << 30);
  const int64_t quotient = product >= 0 ? product / (int64_t{1} << 31) : -((-product + (int64_t{1} << 31) - 1) >> 31);
  return wrap(divide_half_away(quotient, int64_t{1} << std::max(-f.shift, 0)));
}

// A product of 64 bits times a factor whose multiplier has 16 bits, rounded once, halves upwards.
inline int32_t multiply_wide(int64_t value, const Factor& f) {
  const int64_t multiplier = std::min<int64_t>((int64_t{f.multiplier} + (1 << 15)) / (1 << 16), 0x7fff);
  const int64_t divisor = int64_t{1} << (15 - f.shift);
  const int64_t sum = value * multiplier + divisor / 2;
  return wrap(sum >= 0 ? sum / divisor : -((-sum + divisor - 1) / divisor));
}

inline int32_t clamped(int64_t v, const Requantize& r) {
  return static_cast<int32_t>(std::clamp<int64_t>(v, r.low, r.high));
}

// The number that a float result stands for.
inline int32_t finish_float(float x, const Requantize& r) {
  return clamped(static_cast<int64_t>(std::nearbyint(std::clamp(static_cast<double>(x), -1e15, 1e15))) + r.zero_point,
                 r);
}

inline int32_t requantized(int32_t acc, const Factor& f, const Requantize& r) {
  if (r.rounding == Rounding::FixedPoint) return clamped(wrap(int64_t{fixed_point(acc, f)} + r.zero_point), r);
  const volatile float product = static_cast<float>(acc) * float_of(f.multiplier);
  return finish_float(product, r);
}

inline int32_t quantized_add(int32_t a, int32_t b, const QuantizedBinary& q, bool subtract = false) {
  const int32_t da = a - q.a_zero_point, db = b - q.b_zero_point;
  if (q.requantize.rounding == Rounding::FixedPoint) {
    const int64_t left = fixed_point(wrap(int64_t{da} << q.left_shift), q.a);
    const int64_t right = fixed_point(wrap(int64_t{db} << q.left_shift), q.b);
    return requantized(wrap(subtract ? left - right : left + right), q.y, q.requantize);
  }
  const volatile float left = static_cast<float>(da) * float_of(q.a.multiplier);
  const volatile float right = static_cast<float>(db) * float_of(q.b.multiplier);
  const volatile float sum = subtract ? left - right : left + right;
  return finish_float(sum, q.requantize);
}

inline int32_t quantized_squared_difference(int32_t a, int32_t b, const QuantizedBinary& q) {
  const int32_t da = a - q.a_zero_point, db = b - q.b_zero_point;
  if (q.requantize.rounding == Rounding::FixedPoint) {
    const int64_t difference = wrap(int64_t{fixed_point(wrap(int64_t{da} << q.left_shift), q.a)} -
                                    fixed_point(wrap(int64_t{db} << q.left_shift), q.b));
    return requantized(wrap(difference * difference), q.y, q.requantize);
  }
  const volatile float left = static_cast<float>(da) * float_of(q.a.multiplier);
  const volatile float right = static_cast<float>(db) * float_of(q.b.multiplier);
  const volatile float difference = left - right;
  const volatile float square = difference * difference;
  const volatile float scaled = square * float_of(q.y.multiplier);
  return finish_float(scaled, q.requantize);
}

// Random parameters: ordinary ones, and every extreme.
struct Int8Random {
  Random random;

  explicit Int8Random(uint64_t seed) : random(seed) {}

  int32_t integer(int64_t low, int64_t high) {  // both included
    return static_cast<int32_t>(low + random.next() % (high - low + 1));
  }
  bool one_in(int32_t n) { return integer(1, n) == 1; }

  // A factor that brings numbers of so many bits to about 8 of them, as quantizers give.
  Factor ordinary_factor(Rounding rounding, int32_t bits) {
    if (rounding == Rounding::Float) return {bits_of(std::ldexp(random.uniform(0.5f, 1.0f), 8 - bits)), 0};
    if (one_in(8)) return {1 << 30, 8 - bits + integer(-1, 1)};  // a power of two, with many halves
    return {integer(1 << 30, INT32_MAX), 8 - bits};
  }
  // The same, or any other.
  Factor factor(Rounding rounding, int32_t bits) {
    if (rounding == Rounding::Float) {
      const float extremes[] = {1e-38f, 3e38f, 1.0f, 0.5f};
      return one_in(16) ? Factor{bits_of(extremes[integer(0, 3)]), 0} : ordinary_factor(rounding, bits);
    }
    if (one_in(16)) return {0, integer(-31, 30)};
    if (one_in(16)) return {integer(-INT32_MAX, INT32_MAX), integer(-31, 30)};
    return ordinary_factor(rounding, bits);
  }
  Requantize requantize(Rounding rounding) {
    const int32_t zero_point = one_in(4) ? (one_in(2) ? -128 : 127) : integer(-128, 127);
    if (one_in(2)) return {rounding, zero_point, -128, 127};
    const int32_t low = integer(-128, 127);
    return {rounding, zero_point, low, integer(low, 127)};
  }
  QuantizedBinary binary(Rounding rounding, int32_t left_shift = 20) {
    const int32_t bits = rounding == Rounding::Float ? 8 : 8 + left_shift;
    return {integer(-128, 127),  integer(-128, 127),     left_shift,          factor(rounding, 8),
            factor(rounding, 8), factor(rounding, bits), requantize(rounding)};
  }
  std::vector<int8_t> bytes(size_t count, int32_t low = -128) {
    std::vector<int8_t> values(count);
    for (int8_t& value : values) value = static_cast<int8_t>(integer(low, 127));
    return values;
  }
};

}  // namespace linnet::kernels::test
