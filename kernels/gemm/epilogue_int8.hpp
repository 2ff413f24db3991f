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

// kFlipped: inputs were 128 too large, so that sums are 128 weight sums too large.
template <class Isa, Rounding kRounding, bool kFlipped, class Then>
LINNET_INLINE void store_sums(const SumsInt8& s, const EpilogueInt8& e, Then then) {
  using I = Int<Isa>;
  constexpr int kWidth = I32<Isa>::width;
  const Range<Isa> range(e.requantize);
  const int32_t* const header = reinterpret_cast<const int32_t*>(s.panel) + s.column;
  for (int32_t c = 0; c < s.columns; c += kWidth) {
    const int n = s.columns - c;
    I32<Isa> bias = I::load(header + c);
    if (kFlipped) bias = bias - I::load(header + s.width + c).template shl<7>();
    const SumScale<Isa, kRounding> scale(I::load(header + 2 * s.width + c), I::load(header + 3 * s.width + c));
    for (int32_t r = 0; r < s.rows; ++r) {
      const I32<Isa> q = scale(I::load(s.sums + r * s.stride + c) + bias, range);
      int8_t* const y = s.y + r * s.y_stride + c;
      const I32<Isa> result = s.residual ? then(q, I::load_s8(s.residual + r * e.residual_stride + c, n)) : q;
      I::store_s8(result, y, n);
    }
  }
}

template <class Isa, bool kFlipped>
__attribute__((noinline)) void finish_sums(const SumsInt8& s, const EpilogueInt8& e) {
  with_pair<Isa>(e.add, [&](const auto& pair) LINNET_INLINE_LAMBDA {
    const auto add = [&](I32<Isa> q, I32<Isa> residual) LINNET_INLINE_LAMBDA { return pair.add(q, residual); };
    if (e.requantize.rounding == Rounding::FixedPoint) {
      store_sums<Isa, Rounding::FixedPoint, kFlipped>(s, e, add);
    } else {
      store_sums<Isa, Rounding::Float, kFlipped>(s, e, add);
    }
  });
}

}  // namespace linnet::kernels
