// The epilogue of a single row. To look at its sums takes less than to look at all that a layer's could be.
#pragma once

#include "kernels/gemm/epilogue_int8.hpp"

namespace linnet::kernels {

// Scaling of a row's sums by a RightFactor or, where there is none, a BoundedFactor; by Float by factors of at most 1.
template <class Isa, Rounding kRounding>
struct RowScale {
  using V = I32<Isa>;
  static constexpr Scale kBounded = kHasRightFactors ? Scale::RightFixed : Scale::BoundedFixed;
  static constexpr Scale kScale = kRounding == Rounding::Float ? Scale::BoundedFloat : kBounded;

  // Lanes are negative where it serves.
  static LINNET_INLINE V serves(V sum, V multiplier, V shift) {
    constexpr int32_t kOne = 0x3f800000;  // 1.0f; smaller floats have smaller bits
    const V all = V::set(-1), size = Int<Isa>::max(sum, all - sum);
    const V scaled = kRounding == Rounding::Float ? multiplier - V::set(kOne + 1) : shift;
    return (size - V::set(1 << kBoundedBits)) & (multiplier ^ all) & scaled;
  }
};

// Stores the first columns of a row without a residual, in wide panels, and returns how many: whole groups of panels,
// up to the first that a RowScale does not serve.
template <class Isa, Rounding kRounding>
__attribute__((noinline)) int32_t store_row(const SumsInt8& caller_sums, const Requantize& requantize) {
  using I = Int<Isa>;
  using V = I32<Isa>;
  using Row = RowScale<Isa, kRounding>;
  constexpr int kVectors = Narrow<Isa>::vectors, kPanels = Narrow<Isa>::rows, kColumns = kPanels * kPanel;
  const SumsInt8 s = caller_sums;  // a copy that no store can change
  const Narrow<Isa> narrow(requantize);
  int32_t c = 0;
  for (; c + kColumns <= s.columns; c += kColumns) {
    // body(sums, multipliers, shifts, panel, vector)
    const auto for_each = [&](auto body) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const int32_t* const header = reinterpret_cast<const int32_t*>(s.panel + (c / kPanel + p) * s.panel_distance);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const int32_t* const factors = header + 2 * kPanel + v * V::width;
          body(I::load(s.sums + c + p * kPanel + v * V::width), I::load(factors), I::load(factors + kPanel), p, v);
        }
      }
    };
    V good = V::set(-1);
    for_each([&](V sum, V multiplier, V shift, int, int)
                 LINNET_INLINE_LAMBDA { good = good & Row::serves(sum, multiplier, shift); });
    if (!I::all_negative(good)) break;
    V q[kPanels][kVectors];
    for_each([&](V sum, V multiplier, V shift, int p, int v)
                 LINNET_INLINE_LAMBDA { q[p][v] = SumScale<Isa, Row::kScale>(multiplier, shift)(sum); });
    narrow.store_rows(q, s.y + c, kPanel);
  }
  return c;
}

// The same for either rounding, where vectors hold several sums.
template <class Isa>
LINNET_INLINE int32_t store_row(const SumsInt8& s, const Requantize& requantize) {
  if constexpr (I32<Isa>::width > 1) {
    if (s.residual != nullptr || s.width != kPanel || s.column != 0) return 0;
    if (requantize.rounding != Rounding::Float) return store_row<Isa, Rounding::FixedPoint>(s, requantize);
    if constexpr (kHasBoundedFloats) return store_row<Isa, Rounding::Float>(s, requantize);
  }
  return 0;
}

}  // namespace linnet::kernels
