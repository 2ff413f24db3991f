// Residuals that are added to the results of int8 layers while these are in registers.
#pragma once

#include "kernels/quant/narrow.hpp"

namespace linnet::kernels {

struct NoResidual {
  static constexpr bool adds = false;
};

// By Float or, where estimates serve, FixedPoint. Results are numbers without their zero point, which is the first
// operand's.
template <class Isa, Rounding kRounding>
struct ResidualSum {
  using V = I32<Isa>;
  static constexpr bool adds = true, kFixed = kRounding == Rounding::FixedPoint;
  static constexpr int kVectors = Narrow<Isa>::vectors;
  const QuantizedBinary q;
  const ptrdiff_t stride;
  std::conditional_t<kFixed, SumEstimate<Isa>, QuantizedPair<Isa, Scale::Float>> pair;

  explicit LINNET_INLINE ResidualSum(const EpilogueInt8& e)
      : q(with_zero(e.add)), stride(e.residual_stride), pair(q, 8) {}

  static LINNET_INLINE QuantizedBinary with_zero(QuantizedBinary add) {
    add.a_zero_point = 0;
    return add;
  }
  // Whether sums are such that they can be added so.
  static LINNET_INLINE bool serves(const QuantizedBinary& add) {
    if constexpr (kFixed) return pair_is_bounded(add, 8, false);
    constexpr float kLimit = 1 << 21;  // of factors: a sum has 9 bits more
    const auto is_small = [](const Factor& f) LINNET_INLINE_LAMBDA {
      const float factor = load_as<isa::scalar, float>(&f.multiplier);
      return factor < kLimit && factor > -kLimit;
    };
    return is_small(add.a) && is_small(add.b);
  }
  static LINNET_INLINE V load(const int8_t* residual, int v, int n) {
    return Int<Isa>::load_s8(residual + v * V::width, n - v * V::width);
  }
  // Replaces kRows rows of a panel's n results by their sums, before the zero point is added.
  template <int kRows>
  LINNET_INLINE void add(V (&rows)[kRows][kVectors], const int8_t* residual, int n) const {
    V sums[kRows][kVectors];
    [[maybe_unused]] F32<Isa> distance = F32<Isa>::set(0.0f);
    const auto for_each = [&](auto body) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          if (n > v * V::width) body(r, v);
        }
      }
    };
    for_each([&](int r, int v) LINNET_INLINE_LAMBDA {
      const V b = load(residual + r * stride, v, n);
      if constexpr (kFixed) {
        sums[r][v] = pair.sum(rows[r][v], b, distance);
      } else {
        sums[r][v] = round_bounded(pair.sum(rows[r][v], b));
      }
    });
    if constexpr (kFixed) {
      if (__builtin_expect(!pair.is_certain(distance), 0)) {
        for_each([&](int r, int v)
                     LINNET_INLINE_LAMBDA { sums[r][v] = exact(rows[r][v], load(residual + r * stride, v, n)); });
      }
    }
    for_each([&](int r, int v) LINNET_INLINE_LAMBDA { rows[r][v] = sums[r][v]; });
  }
  __attribute__((noinline)) V exact(V a, V b) const {
    return QuantizedPair<Isa, Scale::BoundedFixed>(q, 8).exact_sum(a, b);
  }
};

}  // namespace linnet::kernels
