// The loop behind each peak_<isa>.cpp, which are compiled with the flags of their instruction set. Everything here has
// internal linkage, so that no two of them share a function.
#pragma once

#include "targets/desktop/lib/peak.hpp"

namespace linnet::tools {
namespace {

template <int kLanes>
struct VectorOf {
  typedef float type __attribute__((vector_size(kLanes * sizeof(float))));
};
template <>
struct VectorOf<1> {
  typedef float type;
};

// accumulator = accumulator * factor + term stays finite for ever: it converges to 1.
template <int kLanes>
[[gnu::always_inline]] inline float peak_loop(long iterations, int* macs) {
  using Vector = typename VectorOf<kLanes>::type;
  *macs = kLanes;
  const Vector zero = {};
  const Vector factor = zero + 0.5f, term = zero + 0.5f;
  Vector a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
  Vector a6 = zero, a7 = zero, a8 = zero, a9 = zero, a10 = zero, a11 = zero;
  for (long i = 0; i < iterations; ++i) {
    a0 = a0 * factor + term, a1 = a1 * factor + term, a2 = a2 * factor + term, a3 = a3 * factor + term;
    a4 = a4 * factor + term, a5 = a5 * factor + term, a6 = a6 * factor + term, a7 = a7 * factor + term;
    a8 = a8 * factor + term, a9 = a9 * factor + term, a10 = a10 * factor + term, a11 = a11 * factor + term;
    // Keeps every accumulator in its own register: identical chains are not merged.
#if defined(__x86_64__)
    asm volatile("" : "+x"(a0), "+x"(a1), "+x"(a2), "+x"(a3), "+x"(a4), "+x"(a5));
    asm volatile("" : "+x"(a6), "+x"(a7), "+x"(a8), "+x"(a9), "+x"(a10), "+x"(a11));
#else
    asm volatile("" : "+w"(a0), "+w"(a1), "+w"(a2), "+w"(a3), "+w"(a4), "+w"(a5));
    asm volatile("" : "+w"(a6), "+w"(a7), "+w"(a8), "+w"(a9), "+w"(a10), "+w"(a11));
#endif
  }
  const Vector sum = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + ((a8 + a9) + (a10 + a11));
  float first;
  __builtin_memcpy(&first, &sum, sizeof(first));
  return first;
}

}  // namespace
}  // namespace linnet::tools
