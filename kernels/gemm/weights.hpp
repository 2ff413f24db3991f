// Weights as float kernels take them: floats (Panel16, Depthwise16), or int8 that become floats when they are
// multiplied (Panel16Float32x8, Depthwise16Float32x8). Sums of the latter start from zero and are scaled at their end,
// before the bias is added.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Weight>
constexpr bool kScaledAtTheEnd = sizeof(Weight) == 1;

template <class Isa>
LINNET_INLINE F32<Isa> load_weights(const float* p) {
  return F32<Isa>::load(p);
}
template <class Isa>
LINNET_INLINE F32<Isa> load_weights(const int8_t* p) {
  return to_float(Int<Isa>::load_s8(p));
}

// What sums start from, given where their biases are.
template <class Isa, class Weight>
LINNET_INLINE F32<Isa> load_start(const float* biases) {
  if constexpr (kScaledAtTheEnd<Weight>) {
    return (void)biases, F32<Isa>::set(0.0f);
  } else {
    return F32<Isa>::load(biases);
  }
}

}  // namespace linnet::kernels
