// The loop behind each read_<isa>.cpp, which are compiled with the flags of their instruction set. Everything here has
// internal linkage, so that no two of them share a function.
#pragma once

#include "tests/bench/read.hpp"

namespace linnet::bench {
namespace {

template <int kLanes>
struct VectorOf {
  typedef float type __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
};

template <int kLanes>
[[gnu::always_inline]] inline float read_loop(const float* data, size_t floats) {
  using Vector = typename VectorOf<kLanes>::type;
  constexpr size_t kStep = 4 * kLanes;
  Vector a = {}, b = {}, c = {}, d = {};
  for (size_t i = 0; i + kStep <= floats; i += kStep) {
    a += *reinterpret_cast<const Vector*>(data + i);
    b += *reinterpret_cast<const Vector*>(data + i + kLanes);
    c += *reinterpret_cast<const Vector*>(data + i + 2 * kLanes);
    d += *reinterpret_cast<const Vector*>(data + i + 3 * kLanes);
  }
  const Vector sum = (a + b) + (c + d);
  float result = 0;
  for (int lane = 0; lane < kLanes; ++lane) result += sum[lane];
  return result;
}

}  // namespace
}  // namespace linnet::bench
