#pragma once

#include "kernels/activation/activation.hpp"

namespace linnet::kernels {

template <class Isa>
__attribute__((noinline)) void activate_lanes(const Activation& activation, float* lanes) {
  apply_activation<Isa>(activation, lanes, F32<Isa>::width);
}

// activation(x) inside of a loop: in registers where the function is the usual one of this gate, known to the compiler,
// else by way of memory and the functions that every kernel shares.
template <class Isa, bool kUsual, Function kFunction>
LINNET_INLINE F32<Isa> gate(const Activation& activation, F32<Isa> x) {
  if constexpr (kUsual) return ActivationFunction<Isa, kFunction>(activation)(x);
  alignas(64) float lanes[F32<Isa>::width];
  x.store(lanes);
  activate_lanes<Isa>(activation, lanes);
  return F32<Isa>::load(lanes);
}

}  // namespace linnet::kernels
