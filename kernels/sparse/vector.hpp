// Sparse weights times the inputs of one pixel. An output is the sum of several sums, of which blocks take turns, so
// that multiply-adds do not wait for each other.
#pragma once

#include <type_traits>

#include "kernels/sparse/tile.hpp"

namespace linnet::kernels {

constexpr int kSparseChains = 4;

// sums[o] += `count` blocks times x, o < kOutputs.
template <class Isa, int kOutputs>
LINNET_INLINE void multiply_vector(int32_t count, const uint8_t* index, const float* value, const float* x,
                                   float* sums) {
  using V = std::conditional_t<kOutputs % F32<Isa>::width == 0, F32<Isa>, F32<isa::scalar>>;
  constexpr int kVectors = kOutputs / V::width;
  V acc[kSparseChains][kVectors];
#pragma GCC unroll 4
  for (auto& chain : acc) {
#pragma GCC unroll 16
    for (V& sum : chain) sum = V::set(0.0f);
  }
  const auto multiply = [&](V(&chain)[kVectors], int32_t i) LINNET_INLINE_LAMBDA {
    const V input = V::set(x[index[i]]);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      chain[v] = fma(V::load(value + i * kOutputs + v * V::width), input, chain[v]);
    }
  };
  int32_t i = 0;
  for (; i + kSparseChains <= count; i += kSparseChains) {
#pragma GCC unroll 4
    for (int c = 0; c < kSparseChains; ++c) multiply(acc[c], i + c);
  }
  for (; i < count; ++i) multiply(acc[0], i);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v, sums += V::width)
    (V::load(sums) + ((acc[0][v] + acc[1][v]) + (acc[2][v] + acc[3][v]))).store(sums);
}

template <class Isa, int kOutputs>
__attribute__((noinline)) void sparse_vector(const SparseConv2DArgs& args, const SparseLayout& layout, int32_t k,
                                             ptrdiff_t pixel, const float* x) {
  using V = F32<Isa>;
  const Clamp bounds = make_clamp<Isa>(args.epilogue.activation);
  const ClampVectors<Isa> clamp(bounds);
  const int32_t runs = sparse_runs(k);
  for (int32_t column = args.output_begin; column < args.output_end; column += kPanel) {
    const SparsePanel panel(args.packed, layout, args.out_channels, k, column / kPanel);
    float sums[kPanel];
    std::memcpy(sums, panel.header, sizeof(sums));
    const SparseBlocks blocks = panel.run(0);
    const uint16_t* count = blocks.counts;
    const uint8_t* index = blocks.indices;
    const float* value = reinterpret_cast<const float*>(blocks.values);
    for (int32_t run = 0; run < runs; ++run) {
      for (int32_t row = 0; row < kPanel / kOutputs; ++row, ++count) {
        multiply_vector<Isa, kOutputs>(*count, index, value, x + run * kSparseRun, sums + row * kOutputs);
        index += *count;
        value += *count * kOutputs;
      }
    }
    const int32_t columns = args.output_end - column < kPanel ? args.output_end - column : kPanel;
    const float* const residual =
        args.epilogue.residual ? args.epilogue.residual + pixel * args.epilogue.residual_stride + column : nullptr;
    for (int32_t o = 0; o < columns; o += V::width) {
      store_outputs<Isa>(V::load(sums + o), clamp, columns - o, args.y + pixel * args.y_stride + column + o,
                         residual ? residual + o : nullptr);
    }
  }
  finish_tile(args, bounds, {pixel, 1});
}

}  // namespace linnet::kernels
