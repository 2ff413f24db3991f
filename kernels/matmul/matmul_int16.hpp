// int16 products of two activations, whose sums have 64 bits.
#pragma once

#include "kernels/contract_int16.hpp"
#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

template <class Isa>
void matmul_s16_impl(const MatMulInt16Args& args) {
  const Requantize& r = args.requantize;
  for (int32_t m = 0; m < args.m; ++m) {
    const int16_t* const a = args.a + m * args.a_stride_m;
    int16_t* const c = args.c + m * args.c_stride_m;
    for (int32_t n = args.n_begin; n < args.n_end; ++n) {
      const int16_t* const b = args.b + n * args.b_stride_n;
      int64_t sum = 0;
      for (ptrdiff_t k = 0; k < args.k; ++k) sum += a[k * args.a_stride_k] * b[k * args.b_stride_k];
      const int32_t value = multiply_wide(sum, args.factor);
      c[n] = static_cast<int16_t>(value < r.low ? r.low : value > r.high ? r.high : value);
    }
  }
}

}  // namespace linnet::kernels
