// The sums that a mean or a variance is made of, over a run of rows short enough for plain sums; the sums of several
// runs are added up by CascadeSum.
#pragma once

#include "kernels/simd/math.hpp"

namespace linnet::kernels {

constexpr int32_t kRunRows = 64;

template <class Isa, int kVectors>
struct Sums {
  F32<Isa> value[kVectors], square[kVectors];
};

// Down the columns of at most kRunRows rows of kVectors vectors, of which the last holds `count` columns: the sums of
// x; with kCentred, those of x - mean and of its square.
template <class Isa, bool kCentred, int kVectors>
LINNET_INLINE Sums<Isa, kVectors> sum_run(const float* x, ptrdiff_t stride, int32_t rows, int count,
                                          const F32<Isa> (&mean)[kVectors]) {
  constexpr int kWidth = F32<Isa>::width;
  Sums<Isa, kVectors> sums;
  for (int v = 0; v < kVectors; ++v) sums.value[v] = sums.square[v] = F32<Isa>::set(0.0f);
  for (int32_t r = 0; r < rows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      F32<Isa> element = F32<Isa>::load_n(x + r * stride + v * kWidth, v == kVectors - 1 ? count : kWidth);
      if constexpr (kCentred) {
        element = element - mean[v];
        sums.square[v] = fma(element, element, sums.square[v]);
      }
      sums.value[v] = sums.value[v] + element;
    }
  }
  return sums;
}

}  // namespace linnet::kernels
