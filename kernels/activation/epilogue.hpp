// What happens to an accumulator before it is stored. Identity, Relu and Clip are a clamp in registers; every other
// activation runs over a row segment that has just been stored, so that its code exists once per instruction set.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

struct Clamp {
  float low, high;
  bool deferred;  // the activation is not a clamp: apply_activation() after the store
};

LINNET_INLINE Clamp make_clamp(const Activation& activation) {
  const float infinity = __builtin_inff();
  switch (activation.function) {
    case Function::Identity:
      return {-infinity, infinity, false};
    case Function::Relu:
      return {0.0f, infinity, false};
    case Function::Clip:
      return {activation.alpha, activation.beta, false};
    default:
      return {-infinity, infinity, true};
  }
}

// The vectors of Clamp; a NaN passes through.
template <class Isa>
struct ClampVectors {
  F32<Isa> low, high;
  explicit LINNET_INLINE ClampVectors(const Clamp& clamp)
      : low(F32<Isa>::set(clamp.low)), high(F32<Isa>::set(clamp.high)) {}
  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const { return min(high, max(low, x)); }
};

// Calls each(bound) with the bounds that Clamp has, functions of a vector.
template <class Isa, class Each>
LINNET_INLINE void clamp_each(const Clamp& clamp, Each each) {
  using V = F32<Isa>;
  if (clamp.low > -__builtin_inff()) {
    each([low = V::set(clamp.low)](V x) LINNET_INLINE_LAMBDA { return max(low, x); });
  }
  if (clamp.high < __builtin_inff()) {
    each([high = V::set(clamp.high)](V x) LINNET_INLINE_LAMBDA { return min(high, x); });
  }
}

}  // namespace linnet::kernels
