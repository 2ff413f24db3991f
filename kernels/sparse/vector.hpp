// Sparse weights times the inputs of one pixel. An output is the sum of several sums, of which blocks take turns, so
// that multiply-adds do not wait for each other; of single outputs they are the lanes of a vector where inputs can be
// gathered.
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

#if defined(__AVX2__)
// x[index[i]] in lane i < n; other lanes are zero. Without AVX-512 it reads 8 bytes at `index`, which the panel has:
// behind its indices are four bytes for each, from a multiple of four on.
template <class Isa>
LINNET_INLINE F32<Isa> gather_inputs(const float* x, const uint8_t* index, int n) {
  using Batch = typename F32<Isa>::Batch;
#if defined(__AVX512F__)
  const __mmask16 lanes = static_cast<__mmask16>((1u << n) - 1u);
  const __m512i at = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, index));
  return {Batch(_mm512_mask_i32gather_ps(_mm512_setzero_ps(), lanes, at, x, sizeof(float)))};
#else
  const __m256i at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(index)));
  const __m256i lanes = _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  return {Batch(_mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, at, _mm256_castsi256_ps(lanes), sizeof(float)))};
#endif
}

// Returns sum, lane by lane, plus `count` weights times x.
template <class Isa>
LINNET_INLINE F32<Isa> multiply_gathered(F32<Isa> sum, int32_t count, const uint8_t* index, const float* value,
                                         const float* x) {
  using V = F32<Isa>;
  const auto multiply = [&](V acc, int32_t i, int n) LINNET_INLINE_LAMBDA {
    return fma(V::load_n(value + i, n), gather_inputs<Isa>(x, index + i, n), acc);
  };
  V other = V::set(0.0f);
  int32_t i = 0;
  for (; i + 2 * V::width <= count; i += 2 * V::width) {
    sum = multiply(sum, i, V::width);
    other = multiply(other, i + V::width, V::width);
  }
  for (; i + V::width <= count; i += V::width) sum = multiply(sum, i, V::width);
  if (i < count) other = multiply(other, i, count - i);
  return sum + other;
}

// sums[o] += the blocks, of single outputs, of a panel times x, o < kPanel.
template <class Isa>
LINNET_INLINE void multiply_rows(const SparseBlocks& blocks, int32_t runs, const float* x, float* sums) {
  const uint16_t* count = blocks.counts;
  const uint8_t* index = blocks.indices;
  const float* value = reinterpret_cast<const float*>(blocks.values);
  F32<Isa> acc[kPanel];
  for (F32<Isa>& sum : acc) sum = F32<Isa>::set(0.0f);
  for (int32_t run = 0; run < runs; ++run, x += kSparseRun) {
    for (F32<Isa>& sum : acc) {
      sum = multiply_gathered<Isa>(sum, *count, index, value, x);
      index += *count;
      value += *count++;
    }
  }
  for (int32_t row = 0; row < kPanel; ++row) sums[row] += reduce_add(acc[row]);
}
#endif

// sums[o] += the blocks of a panel times x, o < kPanel; `blocks` are those of the first of so many runs.
template <class Isa, int kOutputs>
LINNET_INLINE void multiply_blocks(const SparseBlocks& blocks, int32_t runs, const float* x, float* sums) {
#if defined(__AVX2__)
  if constexpr (kOutputs == 1) return multiply_rows<Isa>(blocks, runs, x, sums);
#endif
  const uint16_t* count = blocks.counts;
  const uint8_t* index = blocks.indices;
  const float* value = reinterpret_cast<const float*>(blocks.values);
  for (int32_t run = 0; run < runs; ++run, x += kSparseRun) {
    for (int32_t row = 0; row < kPanel / kOutputs; ++row, ++count) {
      multiply_vector<Isa, kOutputs>(*count, index, value, x, sums + row * kOutputs);
      index += *count;
      value += *count * kOutputs;
    }
  }
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
    multiply_blocks<Isa, kOutputs>(panel.run(0), runs, x, sums);
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
