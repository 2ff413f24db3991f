// What happens to int32 sums before they are stored as int8.
#pragma once

#include "kernels/gemm/residual_int8.hpp"
#include "kernels/quant/sum_neon.hpp"

namespace linnet::kernels {

// Sums of some rows of a panel's outputs, or of one row of several wide panels', and where they go.
struct SumsInt8 {
  const int32_t* sums;  // [rows][stride], readable whole panels from a row's begin on: bias and products
  int32_t stride;
  int32_t rows, columns;         // valid ones
  Scale scale;                   // see scale_of_sums
  const int8_t* panel;           // of whose columns from `column` on they are
  ptrdiff_t panel_distance = 0;  // of several
  int32_t width, column;
  int8_t* y;
  ptrdiff_t y_stride;
  const int8_t* residual;  // or null
};

// What decides how sums of `products` at most and a bias are scaled, gathered over outputs a vector at a time. Headers
// hold biases, sums of weights, factors and shifts, `width` of each.
template <class Isa>
struct FixedSums {
  using V = I32<Isa>;
  V small = V::set(-1), right = V::set(-1);  // -1 while all are bounded; below 0 while all have RightFactors

  LINNET_INLINE void add(const int32_t* header, int32_t width, int32_t products) {
    using I = Int<Isa>;
    const V zero = V::set(0), all = V::set(-1);
    const V bias = I::load(header), multiplier = I::load(header + 2 * width), shift = I::load(header + 3 * width);
    const V size = I::min(I::max(bias, all - bias), V::set(1 << kBoundedBits));  // less 1 of numbers below 0
    const V limit = I::shift_left(V::set(1), V::set(kBoundedBits) - I::max(shift, zero));
    const V any_sum = (I::less(multiplier, zero) | I::less(zero, multiplier)) ^ all;  // times 0
    small = small & (any_sum | I::less(size + V::set(products + 1), limit));
    right = right & (any_sum | (shift & (multiplier ^ all)));
  }
};

template <class Isa>
struct FloatSums {
  using V = I32<Isa>;
  V small = V::set(-1);  // -1 while all sums times their factors are below 2^31

  LINNET_INLINE void add(const int32_t* header, int32_t width, int32_t) {
    using I = Int<Isa>;
    constexpr int32_t kMostBias = 1 << 29, kOne = 0x3f800000;  // 1.0f; smaller floats have smaller bits
    const V all = V::set(-1), bias = I::load(header), factor = I::load(header + 2 * width);
    small = small & I::less(I::max(bias, all - bias), V::set(kMostBias)) & I::less(all, factor) &
            I::less(factor, V::set(kOne + 1));
  }
};

// Adds the first `columns` outputs of a panel, those of a part panel one by one.
template <class Isa, template <class> class Sums>
LINNET_INLINE void add_header(const int8_t* panel, int32_t width, int32_t columns, int32_t products, Sums<Isa>& sums,
                              Sums<isa::scalar>& tail) {
  const int32_t* const header = reinterpret_cast<const int32_t*>(panel);
  for (int32_t i = 0; columns >= kPanel && i < kPanel; i += I32<Isa>::width) sums.add(header + i, width, products);
  for (int32_t i = 0; columns < kPanel && i < columns; ++i) tail.add(header + i, width, products);
}

// As all sums can be scaled.
LINNET_INLINE Scale general_scale(Rounding rounding) {
  return rounding == Rounding::Float ? Scale::Float : Scale::Fixed;
}

// How the outputs of all panels are scaled, whose sums have `terms` products: for_each_panel(body) calls body(panel,
// width, columns).
template <class Isa, class ForEachPanel>
LINNET_INLINE Scale scale_of_panels(Rounding rounding, int64_t terms, ForEachPanel for_each_panel) {
  using I = Int<Isa>;
  using T = Int<isa::scalar>;
  constexpr int64_t kMostTerms = int64_t{1} << (kBoundedBits - 15);
  const bool fixed = rounding != Rounding::Float;
  const Scale general = general_scale(rounding);
  if constexpr (I32<Isa>::width > 1) {
    if (terms > kMostTerms || (!fixed && !kHasBoundedFloats)) return general;
    const auto add_to = [&](auto& sums, auto& tail) LINNET_INLINE_LAMBDA {
      for_each_panel([&](const int8_t* panel, int32_t width, int32_t columns) LINNET_INLINE_LAMBDA {
        add_header<Isa>(panel, width, columns, static_cast<int32_t>(terms) << 14, sums, tail);
      });
    };
    if (fixed) {
      FixedSums<Isa> sums;
      FixedSums<isa::scalar> tail;
      add_to(sums, tail);
      if (!I::all_negative(sums.small) || !T::all_negative(tail.small)) return general;
      const bool right = kHasRightFactors && I::all_negative(sums.right) && T::all_negative(tail.right);
      return right ? Scale::RightFixed : Scale::BoundedFixed;
    }
    FloatSums<Isa> sums;
    FloatSums<isa::scalar> tail;
    add_to(sums, tail);
    return I::all_negative(sums.small) && T::all_negative(tail.small) ? Scale::BoundedFloat : general;
  }
  return general;
}

// The same of `sections` of packed weights, whose panels have panel_bytes(width).
template <class Isa, class PanelBytes>
LINNET_INLINE Scale scale_of_sums(Rounding rounding, const int8_t* packed, int32_t sections, int32_t columns,
                                  int64_t terms, PanelBytes panel_bytes) {
  return scale_of_panels<Isa>(rounding, terms, [&](auto body) LINNET_INLINE_LAMBDA {
    const int8_t* panel = packed;
    for (int32_t section = 0; section < sections; ++section) {
      for (int32_t column = 0, width; column < columns; column += width) {
        width = columns - column > kTailPanel ? kPanel : kTailPanel;
        body(panel, width, columns - column);
        panel += panel_bytes(width);
      }
    }
  });
}

template <class Isa>
LINNET_INLINE Scale scale_of_sums(Rounding rounding, const int8_t* packed, int32_t sections, int32_t columns,
                                  int64_t terms) {
  return scale_of_sums<Isa>(rounding, packed, sections, columns, terms,
                            [&](int64_t width) LINNET_INLINE_LAMBDA { return width * (kPanelHeader + terms); });
}

// Sums of a vector of columns, scaled.
template <class Isa, Scale kScale>
struct SumScale {
  using Bounded = std::conditional_t<kScale == Scale::RightFixed, RightFactor<Isa>, BoundedFactor<Isa>>;
  std::conditional_t<kScale == Scale::Fixed, FixedPointFactor<Isa>, Bounded> factor;
  SumScale() = default;
  LINNET_INLINE SumScale(I32<Isa> multiplier, I32<Isa> shift) : factor(multiplier, shift) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> sum) const { return factor(sum); }
};

template <class Isa>
struct SumScale<Isa, Scale::Float> {
  F32<Isa> factor;
  SumScale() = default;
  LINNET_INLINE SumScale(I32<Isa> multiplier, I32<Isa>) : factor(from_bits(multiplier)) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> sum) const { return round_saturated(to_float(sum) * factor); }
};

template <class Isa>
struct SumScale<Isa, Scale::BoundedFloat> : SumScale<Isa, Scale::Float> {
  using SumScale<Isa, Scale::Float>::SumScale;
  LINNET_INLINE I32<Isa> operator()(I32<Isa> sum) const { return round_bounded(to_float(sum) * this->factor); }
};

// What the sums of a panel's n columns from `column` on begin with. kFlipped: inputs are 128 too large, so that sums of
// products are 128 weight sums too large.
template <class Isa, bool kFlipped>
LINNET_INLINE void start_sums(const int8_t* panel, int32_t width, int32_t column, int32_t n, int32_t* start) {
  using I = Int<Isa>;
  const int32_t* const bias = reinterpret_cast<const int32_t*>(panel) + column;
  for (int32_t c = 0; c < n; c += I32<Isa>::width) {
    const I32<Isa> b = I::load(bias + c);
    I::store(kFlipped ? b - I::load(bias + width + c).template shl<7>() : b, start + c);
  }
}

template <class Isa, Scale kScale, class Residual>
__attribute__((noinline)) void store_sums(const SumsInt8& caller_sums, const Requantize& requantize,
                                          const Residual& residual) {
  using I = Int<Isa>;
  constexpr int kWidth = I32<Isa>::width, kVectors = Narrow<Isa>::vectors, kTogether = Narrow<Isa>::rows;
  constexpr int kHalf = kVectors / 2;
  constexpr bool kFinishes = Residual::adds || (kScale == Scale::Fixed && kWidth > 1);  // which Narrow is not made for
  const SumsInt8 s = caller_sums;  // a copy that no store can change
  const Range<Isa> range(requantize);
  const I32<Isa> low = range.low - range.zero_point, high = range.high - range.zero_point;
  const Narrow<Isa> narrow = [&]() LINNET_INLINE_LAMBDA {
    if constexpr (Residual::adds) return Narrow<Isa>(residual.q.requantize);
    return Narrow<Isa>(kFinishes ? Requantize{requantize.rounding, 0, -128, 127} : requantize);
  }();
  const auto finish = [&](I32<Isa> x) LINNET_INLINE_LAMBDA {
    if constexpr (Residual::adds) return clamp<Isa>(x, low, high);
    return range.finish(x);
  };
  for (int32_t c = 0; c < s.columns; c += kVectors * kWidth) {
    const int8_t* const panel = s.panel + c / kPanel * s.panel_distance;
    const int32_t* const header = reinterpret_cast<const int32_t*>(panel) + s.column + c % kPanel;
    SumScale<Isa, kScale> scale[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int32_t* const column = header + v * kWidth;
      scale[v] = {I::load(column + 2 * s.width), I::load(column + 3 * s.width)};
    }
    const auto scaled = [&](const int32_t* sums, I32<Isa>(&q)[kVectors]) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        q[v] = scale[v](I::load(sums + v * kWidth));
        if (kFinishes) q[v] = finish(q[v]);
      }
    };
    const int32_t* sums = s.sums + c;
    int8_t* y = s.y + c;
    const int8_t* b = Residual::adds ? s.residual + c : nullptr;
    int32_t r = 0;
    I32<Isa> q[kTogether][kVectors];
    if (s.columns - c >= kVectors * kWidth) {
      for (; r + kTogether <= s.rows; r += kTogether) {
#pragma GCC unroll 4
        for (int i = 0; i < kTogether; ++i, sums += s.stride) scaled(sums, q[i]);
        if constexpr (Residual::adds) {
          residual.add(q, b, kPanel);
          b += kTogether * residual.stride;
        }
        narrow.store_rows(q, y, s.y_stride);
        y += kTogether * s.y_stride;
      }
    }
    if (!Residual::adds && kVectors % 2 == 0 &&
        s.columns - c <= kHalf * kWidth) {  // two rows' halves are as many as one row
      for (; r + 2 <= s.rows; r += 2, sums += 2 * s.stride, y += 2 * s.y_stride) {
        int8_t both[kPanel];
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
          for (int v = 0; v < kHalf; ++v) {
            I32<Isa>& row = q[0][i * kHalf + v];
            row = scale[v](I::load(sums + i * s.stride + v * kWidth));
            if (kFinishes) row = finish(row);
          }
        }
        narrow.store(q[0], both, kPanel);
        copy_bytes<Isa>(both, y, s.columns - c);
        copy_bytes<Isa>(both + kHalf * kWidth, y + s.y_stride, s.columns - c);
      }
    }
    for (; r < s.rows; ++r, sums += s.stride, y += s.y_stride) {
      I32<Isa> row[1][kVectors];
      scaled(sums, row[0]);
      if constexpr (Residual::adds) {
        residual.add(row, b, s.columns - c);
        b += residual.stride;
      }
      narrow.store(row[0], y, s.columns - c);
    }
  }
}

template <class Isa>
LINNET_INLINE void store_sums_by_scale(const SumsInt8& s, const Requantize& requantize) {
  const NoResidual none;
  if constexpr (kHasBoundedFloats) {
    if (s.scale == Scale::BoundedFloat) return store_sums<Isa, Scale::BoundedFloat>(s, requantize, none);
  }
  if (s.scale == Scale::Float) return store_sums<Isa, Scale::Float>(s, requantize, none);
  if constexpr (I32<Isa>::width > 1) {
    if constexpr (kHasRightFactors) {
      if (s.scale == Scale::RightFixed) return store_sums<Isa, Scale::RightFixed>(s, requantize, none);
    }
    if (s.scale == Scale::BoundedFixed) return store_sums<Isa, Scale::BoundedFixed>(s, requantize, none);
  }
  store_sums<Isa, Scale::Fixed>(s, requantize, none);
}

// Stores sums with their residuals, where that can be done in registers.
template <class Isa>
LINNET_INLINE bool store_residual_sums(const SumsInt8& s, const EpilogueInt8& e) {
  if constexpr (QuantizedPair<Isa, Scale::BoundedFixed>::kEstimates) {
    using FloatSum = ResidualSum<Isa, Rounding::Float>;
    using FixedSum = ResidualSum<Isa, Rounding::FixedPoint>;
    if (e.add.requantize.rounding == Rounding::Float) {
      if (!FloatSum::serves(e.add)) return false;
      const FloatSum residual(e);
      if (s.scale == Scale::BoundedFloat) {
        store_sums<Isa, Scale::BoundedFloat>(s, e.requantize, residual);
        return true;
      }
      if (s.scale == Scale::Float) {
        store_sums<Isa, Scale::Float>(s, e.requantize, residual);
        return true;
      }
    } else if (FixedSum::serves(e.add)) {
      const FixedSum residual(e);
      if constexpr (kHasRightFactors) {
        if (s.scale == Scale::RightFixed) {
          store_sums<Isa, Scale::RightFixed>(s, e.requantize, residual);
          return true;
        }
      }
      if (s.scale == Scale::BoundedFixed) {
        store_sums<Isa, Scale::BoundedFixed>(s, e.requantize, residual);
        return true;
      }
    }
  }
  return false;
}

#if defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)
template <class Isa>
__attribute__((noinline)) void add_residuals_right(const int8_t* q, const SumsInt8& caller_sums,
                                                   const EpilogueInt8& e) {
  const SumsInt8 s = caller_sums;
  const RightSum<Isa> sum(e.add);
  for (int32_t c = 0; c < s.columns; c += 8) {
    const int32_t n = s.columns - c;
    const int8_t *own = q + c, *residual = s.residual + c;
    int8_t* y = s.y + c;
    for (int32_t r = 0; r < s.rows; ++r, own += kPanel, residual += e.residual_stride, y += s.y_stride) {
      if (n >= 8) {
        vst1_s8(y, sum(vld1_s8(own), vld1_s8(residual)));
      } else {
        int8_t last[8];
        copy_bytes<Isa>(residual, last, n);
        vst1_s8(last, sum(vld1_s8(own), vld1_s8(last)));
        copy_bytes<Isa>(last, y, n);
      }
    }
  }
}
#endif

// y = add(q, residual) of rows of up to kPanel numbers each, before `narrow`; q is readable beyond them.
template <class Isa, class Add>
LINNET_INLINE void add_residual_rows(const int8_t* q, const SumsInt8& s, ptrdiff_t residual_stride,
                                     const Narrow<Isa>& narrow, Add add) {
  using I = Int<Isa>;
  constexpr int kWidth = I32<Isa>::width, kVectors = Narrow<Isa>::vectors, kTogether = Narrow<Isa>::rows;
  const auto add_row = [&](const int8_t* a, const int8_t* b, int n, I32<Isa>(&sum)[kVectors]) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v, n -= kWidth) {
      if (n > 0) sum[v] = add(I::load_s8(a + v * kWidth), I::load_s8(b + v * kWidth, n));
    }
  };
  for (int32_t c = 0; c < s.columns; c += kVectors * kWidth) {
    const int n = s.columns - c;
    const int8_t *own = q + c, *residual = s.residual + c;
    int8_t* y = s.y + c;
    int32_t r = 0;
    I32<Isa> sum[kTogether][kVectors] = {};
    for (; n >= kVectors * kWidth && r + kTogether <= s.rows; r += kTogether, y += kTogether * s.y_stride) {
#pragma GCC unroll 4
      for (int i = 0; i < kTogether; ++i, own += kPanel, residual += residual_stride)
        add_row(own, residual, kPanel, sum[i]);
      narrow.store_rows(sum, y, s.y_stride);
    }
    for (; r < s.rows; ++r, own += kPanel, residual += residual_stride, y += s.y_stride) {
      add_row(own, residual, n, sum[0]);
      narrow.store(sum[0], y, n);
    }
  }
}

template <class Isa>
__attribute__((noinline)) void add_residuals(const int8_t* q, const SumsInt8& caller_sums, const EpilogueInt8& e) {
  using V = I32<Isa>;
  const SumsInt8 s = caller_sums;  // a copy that no store can change
  const Requantize& requantize = e.add.requantize;
  if constexpr (V::width > 1) {
    if (requantize.rounding == Rounding::Float) {
      const QuantizedPair<Isa, Scale::Float> pair(e.add, 8);
      add_residual_rows(q, s, e.residual_stride, Narrow<Isa>(requantize),
                        [&](V a, V b) LINNET_INLINE_LAMBDA { return round_saturated(pair.sum(a, b)); });
      return;
    }
  }
  with_pair<Isa>(e.add, 8, false, [&](const auto& pair) LINNET_INLINE_LAMBDA {
    add_residual_rows(q, s, e.residual_stride, Narrow<Isa>({requantize.rounding, 0, -128, 127}),
                      [&](V a, V b) LINNET_INLINE_LAMBDA { return pair.add(a, b); });
  });
}

template <class Isa>
LINNET_INLINE void finish_sums(const SumsInt8& s, const EpilogueInt8& e) {
  if (s.residual == nullptr) return store_sums_by_scale<Isa>(s, e.requantize);
  if (store_residual_sums<Isa>(s, e)) return;
  constexpr int32_t kTogether = I32<Isa>::width == 1 ? 16 : 64;
  int8_t numbers[kTogether * kPanel];
  SumsInt8 part = s;
  for (int32_t row = 0; row < s.rows; row += kTogether) {
    part.rows = s.rows - row < kTogether ? s.rows - row : kTogether;
    part.sums = s.sums + row * s.stride;
    part.y = numbers;
    part.y_stride = kPanel;
    store_sums_by_scale<Isa>(part, e.requantize);
    part.y = s.y + row * s.y_stride;
    part.y_stride = s.y_stride;
    part.residual = s.residual + row * e.residual_stride;
#if defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)
    if (RightSum<Isa>::serves(e.add)) {
      add_residuals_right<Isa>(numbers, part, e);
      continue;
    }
#endif
    add_residuals<Isa>(numbers, part, e);
  }
}

}  // namespace linnet::kernels
