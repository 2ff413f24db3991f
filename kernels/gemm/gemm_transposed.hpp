// Products with the transpose of a packed matrix: every output is a dot product along the columns of the panels, whose
// lanes are added up at the end.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// acc[r][o] += a[r] * w[output + o], lane by lane, over the `count` inputs of one panel (all of them with kFull).
template <class Isa, bool kFull, int kRows, int kOutputs>
LINNET_INLINE void add_panel(F32<Isa> (&acc)[kRows][kOutputs], const float* const (&a)[kRows], const float* w,
                             ptrdiff_t width, int32_t count) {
  using V = F32<Isa>;
#pragma GCC unroll 4
  for (int32_t v = 0; v < (kFull ? kPanel : count); v += V::width) {
    const int lanes = count - v;
    V x[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) x[r] = kFull ? V::load(a[r] + v) : V::load_n(a[r] + v, lanes);
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) {
      const float* row = w + o * width + v;
      const V weights = kFull ? V::load(row) : V::load_n(row, lanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) acc[r][o] = multiply_add(acc[r][o], weights, x[r]);
    }
  }
}

template <class Isa, int kRows, int kOutputs>
__attribute__((noinline)) void dot_block(const GemmTransposedArgs& args, int32_t row, int32_t output) {
  const ptrdiff_t section = static_cast<ptrdiff_t>(kPanel) * (args.n + 1);
  const float* panel = args.packed;
  F32<Isa> acc[kRows][kOutputs];
  const float* a[kRows];
  for (int r = 0; r < kRows; ++r) {
    a[r] = args.a + (row + r) * args.a_stride;
    for (int o = 0; o < kOutputs; ++o) acc[r][o] = F32<Isa>::set(0.0f);
  }
  int32_t k = 0;
  for (; k + kPanel <= args.k; k += kPanel, panel += section) {
    add_panel<Isa, true>(acc, a, panel + (1 + static_cast<ptrdiff_t>(output)) * kPanel, kPanel, kPanel);
    for (int r = 0; r < kRows; ++r) a[r] += kPanel;
  }
  if (k < args.k) {
    const ptrdiff_t width = args.k - k > kTailPanel ? kPanel : kTailPanel;
    add_panel<Isa, false>(acc, a, panel + (1 + static_cast<ptrdiff_t>(output)) * width, width, args.k - k);
  }
  const Epilogue& e = args.epilogue;
  for (int r = 0; r < kRows; ++r) {
    for (int o = 0; o < kOutputs; ++o) {
      float value = reduce_add(acc[r][o]);
      if (args.bias != nullptr) value += args.bias[output + o];
      if (e.residual != nullptr) value += e.residual[(row + r) * e.residual_stride + output + o];
      args.c[(row + r) * args.c_stride + output + o] = value;
    }
  }
}

template <class Isa, int kRows>
LINNET_INLINE void dot_rows(const GemmTransposedArgs& args, int32_t row) {
  constexpr int kOutputs = F32<Isa>::width > 1 ? 4 : 1;
  int32_t output = args.n_begin;
  for (; output + kOutputs <= args.n_end; output += kOutputs) dot_block<Isa, kRows, kOutputs>(args, row, output);
  for (; output < args.n_end; ++output) dot_block<Isa, kRows, 1>(args, row, output);
  if (args.epilogue.activation.function != Function::Identity) {
    float* c = args.c + row * args.c_stride + args.n_begin;
    activate_rows<Isa>(args.epilogue.activation, kRows, args.n_end - args.n_begin, c, args.c_stride, c, args.c_stride);
  }
}

// Plain C++ takes one output at a time: which products compilers fuse with a sum differs between copies of a loop.
template <class Isa>
void gemm_transposed_f32_impl(const GemmTransposedArgs& args) {
  constexpr int kRows = F32<Isa>::width > 1 ? 2 : 1;
  int32_t row = 0;
  for (; row + kRows <= args.m; row += kRows) dot_rows<Isa, kRows>(args, row);
  for (; row < args.m; ++row) dot_rows<Isa, 1>(args, row);
}

}  // namespace linnet::kernels
