// Sparse weights of blocks of 1 or 4 outputs times pixels in the lanes of vectors. The inputs of a tile of pixels are
// transposed, a run of positions at a time; then each block of the weights is one broadcast for each of its outputs,
// and a multiply-add for every vector of pixels. Sums start from the biases and run in the order of the inputs, as the
// dense kernels'.
#pragma once

#include "kernels/sparse/tile.hpp"

namespace linnet::kernels {

template <class Isa>
struct SparseLanes {
  const SparseConv2DArgs& args;
  SparsePlan plan;
  const float* const* pointers;  // [taps][plan.pixels]
  float* inputs;                 // as in the plan, of the pixels that the tile's vectors hold
  float* sums;
};

// multiply_add() that may take a factor from memory.
template <class Isa>
LINNET_INLINE F32<Isa> add_product(F32<Isa> acc, F32<Isa> w, F32<Isa> x) {
  return F32<Isa>::width >= 8 ? fma(w, x, acc) : multiply_add(acc, w, x);
}

// y[i * y_stride + r] = rows[r][channel + i] for i < count and r of one vector.
template <class Isa>
LINNET_INLINE void transpose_inputs(const float* const* rows, int32_t channel, int32_t count, float* y,
                                    ptrdiff_t y_stride) {
  using V = F32<Isa>;
  const float* row[V::width];
#pragma GCC unroll 16
  for (int r = 0; r < V::width; ++r) row[r] = rows[r] + channel;
  for (int32_t i = 0; i < count; i += V::width) {
    const int32_t n = count - i;
    V block[V::width];
    if (n >= V::width) {
#pragma GCC unroll 16
      for (int r = 0; r < V::width; ++r) block[r] = V::load(row[r] + i);
    } else {
#pragma GCC unroll 16
      for (int r = 0; r < V::width; ++r) block[r] = V::load_n(row[r] + i, n);
    }
    if constexpr (V::width > 1) transpose(block);
#pragma GCC unroll 16
    for (int r = 0; r < V::width; ++r, y += y_stride) {
      if (r < n) block[r].store(y);
    }
  }
}

// acc[o][v] += the blocks from `index` and `value` on, of an output or of kOutputs.
template <class Isa, int kOutputs, int kVectors>
LINNET_INLINE void add_block(F32<Isa> (&acc)[kOutputs][kVectors], const uint8_t* index, const float* value,
                             const float* inputs) {
  using V = F32<Isa>;
  const float* const x = inputs + *index * (kVectors * V::width);
  V w[kOutputs];
#pragma GCC unroll 4
  for (int o = 0; o < kOutputs; ++o) w[o] = V::set(value[o]);
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    const V pixels = V::load(x + v * V::width);
#pragma GCC unroll 4
    for (int o = 0; o < kOutputs; ++o) acc[o][v] = add_product(acc[o][v], w[o], pixels);
  }
}

template <class Isa, int kOutputs, int kVectors>
LINNET_INLINE void load_sums(F32<Isa> (&acc)[kOutputs][kVectors], const float* bias, const float* sums) {
  using V = F32<Isa>;
#pragma GCC unroll 4
  for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      acc[o][v] = bias ? V::set(bias[o]) : V::load(sums + (o * kVectors + v) * V::width);
    }
  }
}

template <class Isa, int kOutputs, int kVectors>
LINNET_INLINE void store_sums(const F32<Isa> (&acc)[kOutputs][kVectors], float* sums) {
  using V = F32<Isa>;
#pragma GCC unroll 4
  for (int o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) acc[o][v].store(sums + (o * kVectors + v) * V::width);
  }
}

// Adds the run's blocks of a panel to the sums [kPanel][pixels], which start from the biases where these are given.
// Rows of single outputs are taken two at a time, as long as both have blocks.
template <class Isa, int kOutputs, int kVectors>
LINNET_INLINE void multiply_panel(const SparseBlocks& blocks, const float* bias, const float* inputs, float* sums) {
  using V = F32<Isa>;
  constexpr int kTogether = kOutputs == 1 ? 2 : 1;
  constexpr ptrdiff_t kStep = kOutputs * kVectors * V::width;
  const uint8_t* index = blocks.indices;
  const float* value = reinterpret_cast<const float*>(blocks.values);
  for (int32_t row = 0; row < kPanel / kOutputs; row += kTogether, sums += kTogether * kStep) {
    V acc[kTogether][kOutputs][kVectors];
    const uint8_t* at[kTogether];
    const float* from[kTogether];
    int32_t left[kTogether], common = blocks.counts[row];
#pragma GCC unroll 2
    for (int t = 0; t < kTogether; ++t) {
      load_sums<Isa>(acc[t], bias ? bias + (row + t) * kOutputs : nullptr, sums + t * kStep);
      left[t] = blocks.counts[row + t];
      common = left[t] < common ? left[t] : common;
      at[t] = index;
      from[t] = value;
      index += left[t];
      value += left[t] * kOutputs;
    }
    for (int32_t i = 0; i < common; ++i) {
#pragma GCC unroll 2
      for (int t = 0; t < kTogether; ++t) add_block<Isa>(acc[t], at[t] + i, from[t] + i * kOutputs, inputs);
    }
    if constexpr (kTogether > 1) {
#pragma GCC unroll 2
      for (int t = 0; t < kTogether; ++t) {
        for (int32_t i = common; i < left[t]; ++i) add_block<Isa>(acc[t], at[t] + i, from[t] + i * kOutputs, inputs);
      }
    }
#pragma GCC unroll 2
    for (int t = 0; t < kTogether; ++t) store_sums<Isa>(acc[t], sums + t * kStep);
  }
}

// Stores the tile's sums of a panel as the outputs from `column` on.
template <class Isa, int kVectors>
LINNET_INLINE void store_panel(const SparseConv2DArgs& args, SparseTile tile, int32_t column,
                               const ClampVectors<Isa>& clamp, const float* sums) {
  using V = F32<Isa>;
  constexpr ptrdiff_t kPixels = kVectors * V::width;
  const int32_t columns = args.output_end - column < kPanel ? args.output_end - column : kPanel;
  for (int32_t p = 0; p < tile.count; p += V::width) {
    const int32_t rows = tile.count - p < V::width ? tile.count - p : V::width;
    for (int32_t o = 0; o < columns; o += V::width) {
      V block[V::width];
#pragma GCC unroll 16
      for (int i = 0; i < V::width; ++i) block[i] = V::load(sums + (o + i) * kPixels + p);
      if constexpr (V::width > 1) transpose(block);
      float* c = args.y + (tile.begin + p) * args.y_stride + column + o;
      const float* residual = args.epilogue.residual;
      if (residual) residual += (tile.begin + p) * args.epilogue.residual_stride + column + o;
#pragma GCC unroll 16
      for (int r = 0; r < V::width; ++r, c += args.y_stride) {
        if (r >= rows) break;
        store_outputs<Isa>(block[r], clamp, columns - o, c, residual);
        if (residual) residual += args.epilogue.residual_stride;
      }
    }
  }
}

// Positions begin .. begin + count of the tile's windows, [count][pixels].
template <class Isa, int kVectors>
LINNET_INLINE void transpose_run(const SparseLanes<Isa>& s, int32_t begin, int32_t count) {
  using V = F32<Isa>;
  constexpr ptrdiff_t kPixels = kVectors * V::width;
  const int32_t channels = s.args.in_channels;
  int32_t tap = begin / channels, channel = begin % channels;
  for (float* y = s.inputs; count > 0; ++tap, channel = 0) {
    const int32_t n = channels - channel < count ? channels - channel : count;
    for (int v = 0; v < kVectors; ++v) {
      transpose_inputs<Isa>(s.pointers + static_cast<ptrdiff_t>(tap) * s.plan.pixels + v * V::width, channel, n,
                            y + v * V::width, kPixels);
    }
    y += n * kPixels;
    count -= n;
  }
}

template <class Isa, int kOutputs, int kVectors>
__attribute__((noinline)) void sparse_lanes_tile(const SparseLanes<Isa>& s, SparseTile tile) {
  constexpr ptrdiff_t kPixels = kVectors * F32<Isa>::width;
  const SparseConv2DArgs& args = s.args;
  const int32_t k = s.plan.taps * args.in_channels, runs = sparse_runs(k);
  const Clamp bounds = make_clamp<Isa>(args.epilogue.activation);
  const ClampVectors<Isa> clamp(bounds);
  for (int32_t run = 0; run < runs; ++run) {
    const int32_t begin = run * kSparseRun;
    transpose_run<Isa, kVectors>(s, begin, k - begin < kSparseRun ? k - begin : kSparseRun);
    for (int32_t column = args.output_begin; column < args.output_end; column += kPanel) {
      const SparsePanel panel(args.packed, SparseLayout{kOutputs, kSparseFloatHeader}, args.out_channels, k,
                              column / kPanel);
      float* const sums = s.sums + (runs > 1 ? (column - args.output_begin) * kPixels : 0);
      multiply_panel<Isa, kOutputs, kVectors>(
          panel.run(run), run == 0 ? reinterpret_cast<const float*>(panel.header) : nullptr, s.inputs, sums);
      if (run + 1 == runs) store_panel<Isa, kVectors>(args, tile, column, clamp, sums);
    }
  }
  finish_tile(args, bounds, tile);
}

// Tiles of as many vectors as their pixels fill, at most kVectors.
template <class Isa, int kOutputs, int kVectors>
LINNET_INLINE void run_lanes_tile(const SparseLanes<Isa>& s, SparseTile tile) {
  if constexpr (kVectors > 1) {
    if (tile.count <= (kVectors - 1) * F32<Isa>::width) return run_lanes_tile<Isa, kOutputs, kVectors - 1>(s, tile);
  }
  sparse_lanes_tile<Isa, kOutputs, kVectors>(s, tile);
}

}  // namespace linnet::kernels
