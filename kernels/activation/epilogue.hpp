// What happens to an accumulator before it is stored. Identity, Relu and Clip are a clamp in registers, and with
// vectors HardSwish is done there as well; every other activation runs over a row segment that has just been stored, so
// that its code exists once per instruction set.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

struct Clamp {
  float low, high;
  bool hard_swish;
  bool deferred;  // neither of them is the activation: apply_activation() after the store
};

template <class Isa>
LINNET_INLINE Clamp make_clamp(const Activation& activation) {
  const float infinity = __builtin_inff();
  switch (activation.function) {
    case Function::Identity:
      return {-infinity, infinity, false, false};
    case Function::Relu:
      return {0.0f, infinity, false, false};
    case Function::Clip:
      return {activation.alpha, activation.beta, false, false};
    default:
      const bool in_registers = F32<Isa>::width > 1 && activation.function == Function::HardSwish;
      return {-infinity, infinity, in_registers, !in_registers};
  }
}

// The vectors of Clamp; a NaN passes through.
template <class Isa>
struct ClampVectors {
  F32<Isa> low, high;
  bool swish;
  explicit LINNET_INLINE ClampVectors(const Clamp& clamp)
      : low(F32<Isa>::set(clamp.low)),
        high(F32<Isa>::set(clamp.high)),
        swish(F32<Isa>::width > 1 && clamp.hard_swish) {}
  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const { return swish ? hard_swish(x) : min(high, max(low, x)); }
};

// Calls each(function) with the functions of a vector that Clamp stands for.
template <class Isa, class Each>
LINNET_INLINE void clamp_each(const Clamp& clamp, Each each) {
  using V = F32<Isa>;
  if constexpr (V::width > 1) {
    if (clamp.hard_swish) each([](V x) LINNET_INLINE_LAMBDA { return hard_swish(x); });
  }
  if (clamp.low > -__builtin_inff()) {
    each([low = V::set(clamp.low)](V x) LINNET_INLINE_LAMBDA { return max(low, x); });
  }
  if (clamp.high < __builtin_inff()) {
    each([high = V::set(clamp.high)](V x) LINNET_INLINE_LAMBDA { return min(high, x); });
  }
}

}  // namespace linnet::kernels
