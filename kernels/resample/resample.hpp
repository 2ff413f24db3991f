#pragma once

#include "kernels/contract.hpp"
#include "kernels/simd/math.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// One output per index: inner == 1.
template <class Isa>
void resample_line(const ResampleArgs& args, const float* x, float* y) {
  for (int32_t i = 0; i < args.out_size; ++i) {
    const int32_t* indices = args.indices + static_cast<ptrdiff_t>(i) * args.taps;
    const float* weights = args.weights + static_cast<ptrdiff_t>(i) * args.taps;
    float sum = args.bias[i];
    for (int32_t t = 0; t < args.taps; ++t) sum += weights[t] * x[indices[t]];
    y[i] = sum;
  }
}

template <class Isa>
void resample_rows(const ResampleArgs& args, const float* x, float* y) {
  const ptrdiff_t inner = args.inner;
  for (int32_t i = 0; i < args.out_size; ++i) {
    const int32_t* indices = args.indices + static_cast<ptrdiff_t>(i) * args.taps;
    const float* weights = args.weights + static_cast<ptrdiff_t>(i) * args.taps;
    for_each_vector<Isa>(inner, [&](ptrdiff_t c, int count) LINNET_INLINE_LAMBDA {
      F32<Isa> sum = F32<Isa>::set(args.bias[i]);
      for (int32_t t = 0; t < args.taps; ++t) {
        sum = fma(F32<Isa>::set(weights[t]), F32<Isa>::load_n(x + indices[t] * inner + c, count), sum);
      }
      sum.store_n(y + i * inner + c, count);
    });
  }
}

template <class Isa>
void resample_f32_impl(const ResampleArgs& args) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const float* x = args.x + static_cast<ptrdiff_t>(o) * args.in_size * args.inner;
    float* y = args.y + static_cast<ptrdiff_t>(o) * args.out_size * args.inner;
    if (args.inner == 1) {
      resample_line<Isa>(args, x, y);
    } else {
      resample_rows<Isa>(args, x, y);
    }
  }
}

}  // namespace linnet::kernels
