// Elements of any type of 1, 2 or 4 bytes, for kernels that only move them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

template <class Isa, int kBytes>
struct ElementOf;
template <class Isa>
struct ElementOf<Isa, 1> {
  typedef uint8_t type __attribute__((may_alias));
};
template <class Isa>
struct ElementOf<Isa, 2> {
  typedef uint16_t type __attribute__((may_alias));
};
template <class Isa>
struct ElementOf<Isa, 4> {
  typedef uint32_t type __attribute__((may_alias));
};
template <class Isa, int kBytes>
using Element = typename ElementOf<Isa, kBytes>::type;

// n contiguous elements; short runs are not worth a call.
template <class Isa, int kBytes>
LINNET_INLINE void copy_run(const Element<Isa, kBytes>* x, Element<Isa, kBytes>* y, ptrdiff_t n) {
  if (n <= 16) {
    for (ptrdiff_t i = 0; i < n; ++i) y[i] = x[i];
  } else {
    std::memcpy(y, x, static_cast<size_t>(n) * kBytes);
  }
}

}  // namespace linnet::kernels
