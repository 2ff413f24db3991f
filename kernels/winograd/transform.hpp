// Both one-dimensional transforms, on vectors; kernels/winograd/points.hpp describes them.
#pragma once

#include "kernels/simd/vec.hpp"
#include "kernels/winograd/points.hpp"

namespace linnet::kernels {

// The constants of B^T and A^T in float.
template <int kTile>
struct WinogradConstants {
  static constexpr int pairs = kTile / 2;
  float point[pairs] = {};
  float power[pairs][kTile] = {};   // point^i
  float all[pairs + 1] = {};        // of P
  float others[pairs][pairs] = {};  // of P / (x^2 - p^2)
  LINNET_INLINE constexpr WinogradConstants() {
    const WinogradPoints points = winograd_points(kTile);
    const WinogradPolynomial product = winograd_polynomial(points, -1);
    for (int m = 0; m <= pairs; ++m) all[m] = static_cast<float>(product.coefficient[m]);
    for (int k = 0; k < pairs; ++k) {
      const WinogradPolynomial rest = winograd_polynomial(points, k);
      for (int m = 0; m < pairs; ++m) others[k][m] = static_cast<float>(rest.coefficient[m]);
      point[k] = static_cast<float>(points.point[k]);
      double value = 1;
      for (int i = 0; i < kTile; ++i, value *= points.point[k]) power[k][i] = static_cast<float>(value);
    }
  }
};

// out = B^T d
template <class Isa, int kTile>
LINNET_INLINE void winograd_input(const F32<Isa> (&d)[kTile + 2], F32<Isa> (&out)[kTile + 2]) {
  using V = F32<Isa>;
  constexpr WinogradConstants<kTile> c;
  constexpr int pairs = c.pairs;
  V zero = d[kTile], infinity = d[kTile + 1];
#pragma GCC unroll 4
  for (int m = pairs - 1; m >= 0; --m) {
    zero = fma(V::set(c.all[m]), d[2 * m], zero);
    infinity = fma(V::set(c.all[m]), d[2 * m + 1], infinity);
  }
#pragma GCC unroll 4
  for (int k = 0; k < pairs; ++k) {
    V even = d[kTile], odd = d[kTile - 1];
#pragma GCC unroll 4
    for (int m = pairs - 2; m >= 0; --m) {
      even = fma(V::set(c.others[k][m]), d[2 * m + 2], even);
      odd = fma(V::set(c.others[k][m]), d[2 * m + 1], odd);
    }
    out[2 * k + 1] = fma(V::set(c.point[k]), odd, even);
    out[2 * k + 2] = fma(V::set(-c.point[k]), odd, even);
  }
  out[0] = zero;
  out[kTile + 1] = infinity;
}

// y = A^T m
template <class Isa, int kTile>
LINNET_INLINE void winograd_output(const F32<Isa> (&m)[kTile + 2], F32<Isa> (&y)[kTile]) {
  using V = F32<Isa>;
  constexpr WinogradConstants<kTile> c;
  constexpr int pairs = c.pairs;
  V sum[pairs], difference[pairs];
#pragma GCC unroll 4
  for (int k = 0; k < pairs; ++k) {
    sum[k] = m[2 * k + 1] + m[2 * k + 2];
    difference[k] = m[2 * k + 1] - m[2 * k + 2];
  }
  y[0] = m[0] + sum[0];
#pragma GCC unroll 8
  for (int i = 1; i < kTile; ++i) {
    const V first = i % 2 == 0 ? sum[0] : difference[0];
    y[i] = i == kTile - 1 ? fma(V::set(c.power[0][i]), first, m[kTile + 1]) : V::set(c.power[0][i]) * first;
  }
#pragma GCC unroll 4
  for (int k = 1; k < pairs; ++k) {
    y[0] = y[0] + sum[k];
#pragma GCC unroll 8
    for (int i = 1; i < kTile; ++i) y[i] = fma(V::set(c.power[k][i]), i % 2 == 0 ? sum[k] : difference[k], y[i]);
  }
}

}  // namespace linnet::kernels
