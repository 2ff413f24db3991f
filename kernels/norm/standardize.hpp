// Mean and variance of float32 values whose mean may exceed their deviation by far. With m the rounded mean of a first
// pass, a second one sums the differences d = x - m and their squares; then mean = m + E[d] and variance = E[d^2] -
// E[d]^2 (Chan, Golub, LeVeque: Algorithms for Computing the Sample Variance, 1983), where E[d] is no larger than m's
// rounding error.
#pragma once

#include "kernels/simd/math.hpp"

namespace linnet::kernels {

// (x - mean) * factor + offset is x standardized.
template <class Isa>
struct Standardization {
  F32<Isa> mean, factor, offset;
};

// 1 / sqrt(variance + epsilon), or 1 / (sqrt(variance) + epsilon).
template <class Isa>
LINNET_INLINE F32<Isa> reciprocal_deviation(F32<Isa> variance, float epsilon, bool epsilon_outside) {
  const F32<Isa> one = F32<Isa>::set(1.0f), added = F32<Isa>::set(epsilon);
  return epsilon_outside ? one / (sqrt(variance) + added) : one / sqrt(variance + added);
}

// From the sums over `count` values of d = x - mean and d^2, `mean` being near the true one.
template <class Isa>
LINNET_INLINE Standardization<Isa> standardize(F32<Isa> mean, F32<Isa> differences, F32<Isa> squares, F32<Isa> count,
                                               float epsilon, bool epsilon_outside) {
  const F32<Isa> correction = differences / count;
  const F32<Isa> variance = max(F32<Isa>::set(0.0f), squares / count - correction * correction);
  const F32<Isa> factor = reciprocal_deviation(variance, epsilon, epsilon_outside);
  return {mean, factor, negate(correction * factor)};
}

}  // namespace linnet::kernels
