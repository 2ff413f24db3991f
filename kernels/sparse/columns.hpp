// Sparse weights of blocks of 16 outputs: the dense register tile, rows of pixels times the columns of a panel, over
// the inputs that the panel has weights of.
#pragma once

#include "kernels/sparse/tile.hpp"

namespace linnet::kernels {

template <class Isa>
constexpr int kSparseRows = F32<Isa>::width == 16          ? 12
                            : F32<Isa>::width == 8         ? 6
                            : isa_id<Isa> == IsaId::scalar ? 2
                                                           : 4;
// Rows of inputs that one pointer reaches: for more pointers there are no registers.
constexpr int kSparseReach = 3;
// Columns of a tile in vectors: all of a panel, or half of one where registers do not suffice.
template <class Isa>
constexpr int kSparseColumns = F32<Isa>::width == 1           ? 4
                               : isa_id<Isa> == IsaId::neon32 ? 2
                                                              : kPanel / F32<Isa>::width;

// Rows of pixels of a tile; `panel`'s part from column `first` on.
template <class Isa, int kRows>
__attribute__((noinline)) void sparse_columns_tile(const SparseConv2DArgs& args, const SparsePanel& panel, int32_t runs,
                                                   const float* x, ptrdiff_t x_stride, ptrdiff_t pixel, int32_t column,
                                                   int32_t first, const Clamp& bounds) {
  using V = F32<Isa>;
  constexpr int kVectors = kSparseColumns<Isa>;
  const float* const bias = reinterpret_cast<const float*>(panel.header) + first;
  V acc[kRows][kVectors];
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = V::load(bias + v * V::width);
  }
  const SparseBlocks blocks = panel.run(0);
  const uint8_t* index = blocks.indices;
  const float* value = reinterpret_cast<const float*>(blocks.values) + first;
  for (int32_t run = 0; run < runs; ++run, x += kSparseRun) {
    const uint8_t* const end = index + blocks.counts[run];
    for (; index < end; ++index, value += kPanel) {
      const float* a = x + *index;
      V w[kVectors];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) w[v] = V::load(value + v * V::width);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const V input = V::set(a[r % kSparseReach * x_stride]);
        if (r % kSparseReach == kSparseReach - 1) a += kSparseReach * x_stride;
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) acc[r][v] = multiply_add(acc[r][v], w[v], input);
      }
    }
  }
  const ClampVectors<Isa> clamp(bounds);
  const int32_t n = args.output_end - column - first;
  float* c = args.y + pixel * args.y_stride + column + first;
  const float* residual = args.epilogue.residual;
  if (residual) residual += pixel * args.epilogue.residual_stride + column + first;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, c += args.y_stride) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const int at = v * V::width;
      if (at < n) store_outputs<Isa>(acc[r][v], clamp, n - at, c + at, residual ? residual + at : nullptr);
    }
    if (residual) residual += args.epilogue.residual_stride;
  }
}

// Returns how many rows it computed.
template <class Isa, int kRows, class... Arguments>
LINNET_INLINE int32_t run_columns_tile(int32_t left, const SparseConv2DArgs& args, const SparsePanel& panel,
                                       int32_t runs, Arguments... arguments) {
  if constexpr (kRows > 1) {
    if (left < kRows) return run_columns_tile<Isa, kRows / 2>(left, args, panel, runs, arguments...);
  }
  sparse_columns_tile<Isa, kRows>(args, panel, runs, arguments...);
  return kRows;
}

// The tile's pixels, whose windows are the rows of x [pixels, k].
template <class Isa>
LINNET_INLINE void run_columns(const SparseConv2DArgs& args, const SparseLayout& layout, int32_t k, SparseTile tile,
                               const float* x, ptrdiff_t x_stride) {
  const Clamp bounds = make_clamp<Isa>(args.epilogue.activation);
  for (int32_t column = args.output_begin; column < args.output_end; column += kPanel) {
    const SparsePanel panel(args.packed, layout, args.out_channels, k, column / kPanel);
    for (int32_t first = 0; first < kPanel && column + first < args.output_end;
         first += kSparseColumns<Isa> * F32<Isa>::width) {
      for (int32_t done = 0; done < tile.count;) {
        done +=
            run_columns_tile<Isa, kSparseRows<Isa>>(tile.count - done, args, panel, sparse_runs(k), x + done * x_stride,
                                                    x_stride, tile.begin + done, column, first, bounds);
      }
    }
  }
  finish_tile(args, bounds, tile);
}

}  // namespace linnet::kernels
