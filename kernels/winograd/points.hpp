// The transforms of Winograd's convolution F(m x m, 3x3) for m = 2, 4 and 6: m x m outputs of a 3x3 convolution from
// n x n inputs, n = m + 2, with n^2 multiplications instead of 9 m^2:
//   Y = A^T ((G g G^T) . (B^T d B)) A
// (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2016, section 4). The matrices are the Cook-Toom
// ones of the points 0, p, -p for each p of winograd_points(), and infinity, in this order. With P the product of all
// (x^2 - p^2), rows of B^T are coefficients of P (point 0), x (x + p) P / (x^2 - p^2) (point p) and x P (infinity); row
// p of G is (1, p, p^2) divided by the product of (p - q) over the other finite points q; column p of A^T is (1, p,
// ..., p^(m-1)).
#pragma once

#include "kernels/isa.hpp"

namespace linnet::kernels {

// F(4x4) takes 5/8 and 3/2 where Lavin & Gray take 1 and 2: the error in float32 is half as large (winograd_error_test
// measures it). All coefficients are exact in float32.
struct WinogradPoints {
  int count;
  double point[3];
};
LINNET_INLINE constexpr WinogradPoints winograd_points(int tile) {
  return tile == 2   ? WinogradPoints{1, {1, 0, 0}}
         : tile == 4 ? WinogradPoints{2, {0.625, 1.5, 0}}
                     : WinogradPoints{3, {0.5, 1, 2}};
}

// Points of a tile: rows of the transformed weights and inputs.
LINNET_INLINE constexpr int32_t winograd_multiplications(int32_t tile) {
  return (tile + 2) * (tile + 2);
}

// Coefficients in x^2 of the product of (x^2 - p^2) over all p but number `skipped`; the leading one is 1.
struct WinogradPolynomial {
  double coefficient[4];
};
LINNET_INLINE constexpr WinogradPolynomial winograd_polynomial(const WinogradPoints& points, int skipped) {
  WinogradPolynomial result{{1, 0, 0, 0}};
  for (int k = 0; k < points.count; ++k) {
    if (k == skipped) continue;
    const double square = points.point[k] * points.point[k];
    for (int i = 3; i > 0; --i) result.coefficient[i] = result.coefficient[i - 1] - square * result.coefficient[i];
    result.coefficient[0] *= -square;
  }
  return result;
}

// A row of G.
struct WinogradTaps {
  double tap[3];
};
LINNET_INLINE constexpr WinogradTaps winograd_taps(int tile, int row) {
  if (row == tile + 1) return {{0, 0, 1}};
  const WinogradPoints points = winograd_points(tile);
  const auto point = [&](int i) { return i == 0 ? 0.0 : i % 2 == 1 ? points.point[i / 2] : -points.point[i / 2 - 1]; };
  double product = 1;
  for (int i = 0; i <= tile; ++i) product *= i == row ? 1 : point(row) - point(i);
  return {{1 / product, point(row) / product, point(row) * point(row) / product}};
}

}  // namespace linnet::kernels
