// Sums are cascades (CascadeSum). Max and Min are NaN where a value is. L2 is sqrt(sum of squares); where that sum
// leaves the range in which float squares are accurate, it is computed again of values scaled by a power of two, so
// that the result overflows only where the norm itself does.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"
#include "schema/features.hpp"

namespace linnet::kernels {

// How values of one kind are gathered: vectors by add(), the lanes of a total by combine().
template <class Isa, ReduceKind kKind>
struct Reduction {
  static constexpr bool kIsSum = kKind != ReduceKind::Max && kKind != ReduceKind::Min && kKind != ReduceKind::Prod;
  static constexpr float kIdentity = kKind == ReduceKind::Max    ? -kInfinity
                                     : kKind == ReduceKind::Min  ? kInfinity
                                     : kKind == ReduceKind::Prod ? 1.0f
                                                                 : 0.0f;
  F32<Isa> scale = F32<Isa>::set(1.0f);  // of L2
  F32<Isa> extreme = F32<Isa>::set(kIdentity);
  CascadeSum<Isa> sum;

  LINNET_INLINE void add(F32<Isa> x) {
    if constexpr (kKind == ReduceKind::Sum || kKind == ReduceKind::Mean) sum.add(x);
    if constexpr (kKind == ReduceKind::L1) sum.add(abs(x));
    if constexpr (kKind == ReduceKind::SumSquare) sum.add_square(x);
    if constexpr (kKind == ReduceKind::L2) sum.add_square(x * scale);
    if constexpr (kKind == ReduceKind::Max) extreme = max_or_nan(extreme, x);
    if constexpr (kKind == ReduceKind::Min) extreme = min_or_nan(extreme, x);
    if constexpr (kKind == ReduceKind::Prod) extreme = extreme * x;
  }
  LINNET_INLINE F32<Isa> total() const {
    if constexpr (kIsSum) return sum.total();
    return extreme;
  }
  static LINNET_INLINE F32<Isa> combine(F32<Isa> a, F32<Isa> b) {
    if constexpr (kKind == ReduceKind::Max) return max_or_nan(a, b);
    if constexpr (kKind == ReduceKind::Min) return min_or_nan(a, b);
    if constexpr (kKind == ReduceKind::Prod) return a * b;
    return a + b;
  }
};

// One contiguous row, its total in every lane.
template <class Isa>
struct RowSource {
  static constexpr int kWidth = F32<Isa>::width;
  const float* x;
  int32_t size;
  int count = 1;  // lanes that are results

  template <ReduceKind kKind>
  LINNET_INLINE F32<Isa> reduce(Reduction<Isa, kKind> reduction) const {
    alignas(64) float lanes[kWidth];
    for_each_vector<Isa>(size, [&](ptrdiff_t i, int lane_count) LINNET_INLINE_LAMBDA {
      if (lane_count == kWidth) {
        reduction.add(F32<Isa>::load(x + i));
      } else {
        for (int lane = 0; lane < kWidth; ++lane) lanes[lane] = lane < lane_count ? x[i + lane] : reduction.kIdentity;
        reduction.add(F32<Isa>::load(lanes));
      }
    });
    reduction.total().store(lanes);
    F32<Isa> total = F32<Isa>::set(lanes[0]);
    for (int lane = 1; lane < kWidth; ++lane) total = reduction.combine(total, F32<Isa>::set(lanes[lane]));
    return total;
  }
};

// `count` columns next to each other, a total in each lane.
template <class Isa>
struct ColumnSource {
  const float* x;
  ptrdiff_t stride;
  int32_t size;
  int count;

  template <ReduceKind kKind>
  LINNET_INLINE F32<Isa> reduce(Reduction<Isa, kKind> reduction) const {
    for (int32_t s = 0; s < size; ++s) reduction.add(F32<Isa>::load_n(x + s * stride, count));
    return reduction.total();
  }
};

template <class Isa>
struct LargestMagnitude {
  template <class Source>
  static LINNET_INLINE F32<Isa> of(const Source& source) {
    const F32<Isa> largest = source.reduce(Reduction<Isa, ReduceKind::Max>{});
    const F32<Isa> smallest = source.reduce(Reduction<Isa, ReduceKind::Min>{});
    return max_or_nan(abs(largest), abs(smallest));
  }
};

template <class Isa>
LINNET_INLINE bool squares_are_accurate(F32<Isa> sum, int count) {
  alignas(64) float lanes[F32<Isa>::width];
  sum.store(lanes);
  for (int lane = 0; lane < count; ++lane) {
    if (!(lanes[lane] > 1e-25f && lanes[lane] < kInfinity)) return false;
  }
  return true;
}

template <class Isa, class Source>
LINNET_INLINE F32<Isa> l2_norm(const Source& source) {
  const F32<Isa> sum = source.reduce(Reduction<Isa, ReduceKind::L2>{});
  if (squares_are_accurate(sum, source.count)) return sqrt(sum);
  const F32<Isa> largest = clamp(LargestMagnitude<Isa>::of(source), F32<Isa>::set(0x1p-126f), F32<Isa>::set(0x1p126f));
  const F32<Isa> power = from_bits(bits(largest) & I32<Isa>::set(0x7f800000));
  Reduction<Isa, ReduceKind::L2> scaled;
  scaled.scale = F32<Isa>::set(1.0f) / power;
  return sqrt(source.reduce(scaled)) * power;
}

template <class Isa, ReduceKind kKind, class Source>
LINNET_INLINE F32<Isa> reduce_source(const Source& source) {
  if constexpr (kKind == ReduceKind::L2) {
    return l2_norm<Isa>(source);
  } else {
    const F32<Isa> total = source.reduce(Reduction<Isa, kKind>{});
    if constexpr (kKind == ReduceKind::Mean) return total / F32<Isa>::set(static_cast<float>(source.size));
    return total;
  }
}

template <class Isa, ReduceKind kKind>
void reduce_kind(const ReduceArgs& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const float* x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.x_stride;
    float* y = args.y + static_cast<ptrdiff_t>(o) * args.inner;
    if (args.inner == 1 && args.x_stride == 1) {
      reduce_source<Isa, kKind>(RowSource<Isa>{x, args.size}).store_n(y, 1);
    } else {
      for_each_vector<Isa>(args.inner, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
        reduce_source<Isa, kKind>(ColumnSource<Isa>{x + i, args.x_stride, args.size, count}).store_n(y + i, count);
      });
    }
  }
}

template <class Isa>
void reduce_f32_impl(const ReduceArgs& args) {
  switch (args.kind) {
#define LINNET_REDUCE(name)                                             \
  case ReduceKind::name:                                                \
    if constexpr (kHasReduceKind[static_cast<int>(ReduceKind::name)]) { \
      reduce_kind<Isa, ReduceKind::name>(args);                         \
    }                                                                   \
    break;
    LINNET_REDUCE(Sum)
    LINNET_REDUCE(Mean)
    LINNET_REDUCE(Max)
    LINNET_REDUCE(Min)
    LINNET_REDUCE(Prod)
    LINNET_REDUCE(L1)
    LINNET_REDUCE(L2)
    LINNET_REDUCE(SumSquare)
#undef LINNET_REDUCE
  }
  if (args.activation.function == Function::Identity) return;
  activate_rows<Isa>(args.activation, args.outer, args.inner, args.y, args.inner, args.y, args.inner);
}

}  // namespace linnet::kernels
