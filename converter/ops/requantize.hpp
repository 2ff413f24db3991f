// Fixed-point arithmetic as TensorFlow Lite's reference kernels (and gemmlowp, on which they are built) define it.
#pragma once

#include <cstdint>

namespace linnet::ops {

// multiplier * 2^(shift - 31)
struct FixedPoint {
  int32_t multiplier = 0;
  int32_t shift = 0;
};

// A factor of Rounding::nearest. Throws ir::Error where it is not finite in 32 bits.
float float_factor(double factor);

// The nearest of a number that is not negative; 0 below 2^-32.
FixedPoint quantize_multiplier(double factor);

// value * factor, rounded twice: the product to an integer (halves up), then the division by a power of two (halves
// away from zero). Integers wrap around at 32 bits.
int32_t multiply(int32_t value, FixedPoint factor);

// Of sums of int16 products, |value| < 2^47: the multiplier is reduced to 16 bits and the result rounded once.
int32_t multiply_wide(int64_t value, FixedPoint factor);

// round(a * b / 2^31), halves away from zero; saturates where both are the least number.
int32_t doubling_high_multiply(int32_t a, int32_t b);
int32_t divide_by_power_of_two(int32_t value, int32_t exponent);  // rounded, halves away from zero

// With 5 integer bits, of numbers that are not positive: exp with 0 integer bits.
int32_t fixed_exp(int32_t value);
// 1 / (1 + x) of 0 <= x <= 1; argument and result with 0 integer bits.
int32_t fixed_one_over_one_plus(int32_t value);
// The natural logarithm of numbers of at least 1 with 12 integer bits, with 5 of them.
int32_t fixed_log(int32_t value);
// 1 / sqrt(value); of 0, that of 1.
FixedPoint reciprocal_root(int32_t value);
// a / b times the factor; 0 where b is.
int32_t scaled_quotient(int32_t a, int32_t b, FixedPoint factor);

}  // namespace linnet::ops
