// Softmax: exp(x - max) / sum of exp(x - max); its logarithm: x - max - log(sum). A row with NaN or +inf, or of -inf
// alone, is NaN throughout.
#pragma once

#include "kernels/contract.hpp"
#include "kernels/simd/math.hpp"

namespace linnet::kernels {

template <class Isa>
void softmax_row(const float* x, float* y, int32_t n, bool log_result) {
  const F32<Isa> lowest = F32<Isa>::set(-kInfinity);
  F32<Isa> maxima = lowest;
  float maximum = -kInfinity;
  for_each_vector<Isa>(n, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    if (count == F32<Isa>::width) {
      maxima = max(maxima, F32<Isa>::load(x + i));
    } else {
      for (int lane = 0; lane < count; ++lane) maximum = maximum < x[i + lane] ? x[i + lane] : maximum;
    }
  });
  const float vector_maximum = reduce_max(maxima);
  const F32<Isa> shift = F32<Isa>::set(maximum < vector_maximum ? vector_maximum : maximum);

  CascadeSum<Isa> sum;
  float tail_sum = 0.0f;
  for_each_vector<Isa>(n, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    const F32<Isa> e = exp(F32<Isa>::load_n(x + i, count) - shift);
    if (count == F32<Isa>::width) {
      sum.add(e);
    } else {
      alignas(64) float lanes[F32<Isa>::width];
      e.store(lanes);
      for (int lane = 0; lane < count; ++lane) tail_sum += lanes[lane];
    }
    if (!log_result) e.store_n(y + i, count);
  });
  const F32<Isa> total = F32<Isa>::set(reduce_add(sum.total()) + tail_sum);

  const F32<Isa> factor = F32<Isa>::set(1.0f) / total;
  const F32<Isa> log_total = log(total);
  for_each_vector<Isa>(n, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    const F32<Isa> result =
        log_result ? (F32<Isa>::load_n(x + i, count) - shift) - log_total : F32<Isa>::load_n(y + i, count) * factor;
    result.store_n(y + i, count);
  });
}

// One vector of columns of x [axis, inner].
template <class Isa>
LINNET_INLINE void softmax_columns(const float* x, float* y, int32_t axis, ptrdiff_t inner, int count,
                                   bool log_result) {
  F32<Isa> maximum = F32<Isa>::set(-kInfinity);
  for (int32_t s = 0; s < axis; ++s) maximum = max(maximum, F32<Isa>::load_n(x + s * inner, count));
  CascadeSum<Isa> sum;
  for (int32_t s = 0; s < axis; ++s) {
    const F32<Isa> e = exp(F32<Isa>::load_n(x + s * inner, count) - maximum);
    sum.add(e);
    if (!log_result) e.store_n(y + s * inner, count);
  }
  const F32<Isa> factor = F32<Isa>::set(1.0f) / sum.total();
  const F32<Isa> log_total = log(sum.total());
  for (int32_t s = 0; s < axis; ++s) {
    const F32<Isa> result = log_result ? (F32<Isa>::load_n(x + s * inner, count) - maximum) - log_total
                                       : F32<Isa>::load_n(y + s * inner, count) * factor;
    result.store_n(y + s * inner, count);
  }
}

template <class Isa>
void softmax_f32_impl(const SoftmaxArgs& args) {
  const ptrdiff_t size = static_cast<ptrdiff_t>(args.axis) * args.inner;
  for (int32_t o = 0; o < args.outer; ++o) {
    const float* x = args.x + o * size;
    float* y = args.y + o * size;
    if (args.inner == 1) {
      softmax_row<Isa>(x, y, args.axis, args.log);
    } else {
      for_each_vector<Isa>(args.inner, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
        softmax_columns<Isa>(x + i, y + i, args.axis, args.inner, count, args.log);
      });
    }
  }
}

}  // namespace linnet::kernels
