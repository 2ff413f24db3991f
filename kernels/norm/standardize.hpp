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

// From the sums over `count` values of d = x - mean and d^2, `mean` being near the true one.
template <class Isa>
LINNET_INLINE Standardization<Isa> standardize(F32<Isa> mean, F32<Isa> differences, F32<Isa> squares, F32<Isa> count,
                                               float epsilon) {
  const F32<Isa> correction = differences / count;
  const F32<Isa> variance = max(F32<Isa>::set(0.0f), squares / count - correction * correction);
  const F32<Isa> factor = F32<Isa>::set(1.0f) / sqrt(variance + F32<Isa>::set(epsilon));
  return {mean, factor, negate(correction * factor)};
}

}  // namespace linnet::kernels
