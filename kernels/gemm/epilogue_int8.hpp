// What happens to int32 sums before they are stored as int8.
#pragma once

#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

// Sums of some rows of a panel's outputs and where they go.
struct SumsInt8 {
  const int32_t* sums;  // [rows][stride]: sums of products
  int32_t stride;
  int32_t rows, columns;  // valid ones
  const int8_t* panel;    // its rows of biases, weight sums, multipliers and shifts, and what lies before `column`
  int32_t width, column;
  int8_t* y;
  ptrdiff_t y_stride;
  const int8_t* residual;  // or null
};

// Requantized sums of one vector of columns.
template <class Isa, Rounding kRounding>
struct SumScale;

template <class Isa>
struct SumScale<Isa, Rounding::FixedPoint> {
  FixedPointFactor<Isa> factor;
  LINNET_INLINE SumScale(I32<Isa> multiplier, I32<Isa> shift) : factor(FixedPointFactor<Isa>::of(multiplier, shift)) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> sum, const Range<Isa>& range) const { return range.finish(factor(sum)); }
};

template <class Isa>
struct SumScale<Isa, Rounding::Float> {
  F32<Isa> factor;
  LINNET_INLINE SumScale(I32<Isa> multiplier, I32<Isa>) : factor(from_bits(multiplier)) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> sum, const Range<Isa>& range) const {
    return range.finish(to_float(sum) * factor);
  }
};

// kFlipped: inputs were 128 too large, so that sums are 128 weight sums too large. then(q, r, c, n): what becomes of
// the n results of row r from column c on.
template <class Isa, Rounding kRounding, bool kFlipped, class Then>
LINNET_INLINE void store_sums(const SumsInt8& s, const Requantize& requantize, Then then) {
  using I = Int<Isa>;
  constexpr int kWidth = I32<Isa>::width;
  const Range<Isa> range(requantize);
  const int32_t* const header = reinterpret_cast<const int32_t*>(s.panel) + s.column;
  for (int32_t c = 0; c < s.columns; c += kWidth) {
    const int n = s.columns - c;
    I32<Isa> bias = I::load(header + c);
    if (kFlipped) bias = bias - I::load(header + s.width + c).template shl<7>();
    const SumScale<Isa, kRounding> scale(I::load(header + 2 * s.width + c), I::load(header + 3 * s.width + c));
    for (int32_t r = 0; r < s.rows; ++r) {
      const I32<Isa> q = scale(I::load(s.sums + r * s.stride + c) + bias, range);
      I::store_s8(then(q, r, c, n), s.y + r * s.y_stride + c, n);
    }
  }
}

template <class Isa, bool kFlipped, class Then>
LINNET_INLINE void store_sums_by_rule(const SumsInt8& s, const Requantize& requantize, Then then) {
  if (requantize.rounding == Rounding::FixedPoint) {
    store_sums<Isa, Rounding::FixedPoint, kFlipped>(s, requantize, then);
  } else {
    store_sums<Isa, Rounding::Float, kFlipped>(s, requantize, then);
  }
}

template <class Isa, bool kFlipped>
__attribute__((noinline)) void finish_sums(const SumsInt8& s, const EpilogueInt8& e) {
  if (s.residual == nullptr) {
    store_sums_by_rule<Isa, kFlipped>(s, e.requantize,
                                      [](I32<Isa> q, int32_t, int32_t, int) LINNET_INLINE_LAMBDA { return q; });
    return;
  }
  with_pair<Isa>(e.add, [&](const auto& pair) LINNET_INLINE_LAMBDA {
    store_sums_by_rule<Isa, kFlipped>(
        s, e.requantize, [&](I32<Isa> q, int32_t r, int32_t c, int n) LINNET_INLINE_LAMBDA {
          return pair.add(q, Int<Isa>::load_s8(s.residual + r * e.residual_stride + c, n));
        });
  });
}

}  // namespace linnet::kernels
