// As lanes.hpp, of int8: blocks are the weights of one output and four consecutive inputs, words of four bytes.
#pragma once

#include "kernels/gemm/epilogue_int8.hpp"
#include "kernels/sparse/dot.hpp"
#include "kernels/sparse/lanes.hpp"

namespace linnet::kernels {

template <class Isa>
struct SparseLanesInt8 {
  const SparseConv2DInt8Args& args;
  SparsePlan plan;
  const int8_t* const* pointers;  // [taps][plan.pixels]
  int32_t* inputs;                // [groups of four][words][pixels of the tile's vectors]
  int32_t* sums;
  Scale scale;  // of all outputs, see scale_of_panels
};

// Groups begin .. begin + count of the tile's windows.
template <class Isa, int kVectors>
LINNET_INLINE void transpose_run(const SparseLanesInt8<Isa>& s, int32_t begin, int32_t count) {
  using V = F32<Isa>;
  using D = SparseDot<Isa>;
  constexpr ptrdiff_t kPixels = kVectors * V::width, kStep = D::words * kPixels;
  const int32_t groups = s.args.in_channels / kDot;
  int32_t tap = begin / groups, group = begin % groups;
  for (int32_t* y = s.inputs; count > 0; ++tap, group = 0) {
    const int32_t n = groups - group < count ? groups - group : count;
    const int8_t* const* const rows = s.pointers + static_cast<ptrdiff_t>(tap) * s.plan.pixels;
    for (int v = 0; v < kVectors; ++v) {
      if constexpr (V::width == 1) {
        const int8_t* const row = rows[v] + group * kDot;
        for (int32_t i = 0; i < n; ++i) y[i * kStep + v] = load_as<Isa, int32_t>(row + i * kDot);
      } else {
        const float* words[V::width];
        for (int r = 0; r < V::width; ++r) words[r] = reinterpret_cast<const float*>(rows[v * V::width + r]);
        transpose_inputs<Isa>(words, group, n, reinterpret_cast<float*>(y) + v * V::width, kStep);
      }
      if constexpr (D::words > 1 || D::flips_inputs) {
        for (int32_t i = 0; i < n; ++i) D::spread(y + i * kStep + v * V::width, kPixels);
      }
    }
    y += n * kStep;
    count -= n;
  }
}

// As multiply_panel() of floats; sums start from `start` where it is given.
template <class Isa, int kVectors>
LINNET_INLINE void multiply_panel_int8(const SparseBlocks& blocks, const int32_t* start, const int32_t* inputs,
                                       int32_t* sums) {
  using D = SparseDot<Isa>;
  constexpr int kWidth = F32<Isa>::width, kTogether = isa_id<Isa> == IsaId::neon32 ? 1 : 2;
  constexpr ptrdiff_t kPixels = kVectors * kWidth;
  const uint8_t* index = blocks.indices;
  const uint8_t* value = blocks.values;
  for (int32_t row = 0; row < kPanel; row += kTogether, sums += kTogether * kPixels) {
    typename D::Sum acc[kTogether][kVectors];
    const uint8_t *at[kTogether], *from[kTogether];
    int32_t left[kTogether], common = blocks.counts[row];
#pragma GCC unroll 2
    for (int t = 0; t < kTogether; ++t) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        acc[t][v] = start ? D::set(start[row + t]) : D::restart(sums + t * kPixels + v * kWidth);
      left[t] = blocks.counts[row + t];
      common = left[t] < common ? left[t] : common;
      at[t] = index;
      from[t] = value;
      index += left[t];
      value += left[t] * kDot;
    }
    const auto add = [&](typename D::Sum(&sum)[kVectors], int t, int32_t i) LINNET_INLINE_LAMBDA {
      const int32_t* const x = inputs + at[t][i] * (D::words * kPixels);
      const typename D::Weights w = D::weights(from[t] + i * kDot);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) D::add(&sum[v], w, x + v * kWidth, kPixels);
    };
    for (int32_t i = 0; i < common; ++i) {
#pragma GCC unroll 2
      for (int t = 0; t < kTogether; ++t) add(acc[t], t, i);
    }
    if constexpr (kTogether > 1) {
#pragma GCC unroll 2
      for (int t = 0; t < kTogether; ++t) {
        for (int32_t i = common; i < left[t]; ++i) add(acc[t], t, i);
      }
    }
#pragma GCC unroll 2
    for (int t = 0; t < kTogether; ++t) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) D::store(acc[t][v], sums + t * kPixels + v * kWidth);
    }
  }
}

template <class Isa, int kVectors>
LINNET_INLINE void store_panel_int8(const SparseConv2DInt8Args& args, SparseTile tile, int32_t column,
                                    const int8_t* header, const int32_t* sums, Scale scale) {
  using V = F32<Isa>;
  constexpr ptrdiff_t kPixels = kVectors * V::width;
  alignas(64) int32_t rows[kPixels * kPanel];
  if constexpr (V::width == 1) {
    for (int p = 0; p < kPixels; ++p) {
      for (int o = 0; o < kPanel; ++o) rows[p * kPanel + o] = sums[o * kPixels + p];
    }
  } else {
    for (int p = 0; p < kPixels; p += V::width) {
      for (int o = 0; o < kPanel; o += V::width) {
        V block[V::width];
#pragma GCC unroll 16
        for (int i = 0; i < V::width; ++i)
          block[i] = V::load(reinterpret_cast<const float*>(sums + (o + i) * kPixels + p));
        transpose(block);
#pragma GCC unroll 16
        for (int i = 0; i < V::width; ++i) block[i].store(reinterpret_cast<float*>(rows + (p + i) * kPanel + o));
      }
    }
  }
  SumsInt8 s;
  s.sums = rows;
  s.stride = kPanel;
  s.rows = tile.count;
  s.columns = args.output_end - column < kPanel ? args.output_end - column : kPanel;
  s.scale = scale;
  s.panel = header;
  s.width = kPanel;
  s.column = 0;
  s.y = args.y + tile.begin * args.y_stride + column;
  s.y_stride = args.y_stride;
  const int8_t* const residual = args.epilogue.residual;
  s.residual = residual ? residual + tile.begin * args.epilogue.residual_stride + column : nullptr;
  finish_sums<Isa>(s, args.epilogue);
}

// That of output `column`.
LINNET_INLINE SparsePanel sparse_int8_panel(const SparseConv2DInt8Args& args, int32_t groups, int32_t column) {
  return SparsePanel(reinterpret_cast<const uint8_t*>(args.packed), SparseLayout{1, kSparseInt8Header},
                     args.out_channels, groups, column / kPanel);
}

template <class Isa, int kVectors>
__attribute__((noinline)) void sparse_lanes_tile_int8(const SparseLanesInt8<Isa>& s, SparseTile tile) {
  using D = SparseDot<Isa>;
  constexpr ptrdiff_t kPixels = kVectors * F32<Isa>::width;
  const SparseConv2DInt8Args& args = s.args;
  const int32_t groups = s.plan.taps * (args.in_channels / kDot), runs = sparse_runs(groups);
  for (int32_t run = 0; run < runs; ++run) {
    const int32_t begin = run * kSparseRun;
    transpose_run<Isa, kVectors>(s, begin, groups - begin < kSparseRun ? groups - begin : kSparseRun);
    for (int32_t column = args.output_begin; column < args.output_end; column += kPanel) {
      const SparsePanel panel = sparse_int8_panel(args, groups, column);
      const int8_t* const header = reinterpret_cast<const int8_t*>(panel.header);
      int32_t* const sums = s.sums + (runs > 1 ? (column - args.output_begin) * kPixels : 0);
      alignas(64) int32_t start[kPanel];
      if (run == 0) start_sums<Isa, D::flips_inputs>(header, kPanel, 0, kPanel, start);
      multiply_panel_int8<Isa, kVectors>(panel.run(run), run == 0 ? start : nullptr, s.inputs, sums);
      if (run + 1 < runs) continue;
      store_panel_int8<Isa, kVectors>(args, tile, column, header, sums, s.scale);
    }
  }
}

template <class Isa, int kVectors>
LINNET_INLINE void run_lanes_tile_int8(const SparseLanesInt8<Isa>& s, SparseTile tile) {
  if constexpr (kVectors > 1) {
    if (tile.count <= (kVectors - 1) * F32<Isa>::width) return run_lanes_tile_int8<Isa, kVectors - 1>(s, tile);
  }
  sparse_lanes_tile_int8<Isa, kVectors>(s, tile);
}

template <class Isa>
void sparse_conv2d_s8_impl(const SparseConv2DInt8Args& args) {
  const SparsePlan plan =
      plan_sparse_int8(args.window, args.in_channels, args.out_channels,
                       int64_t{args.row_end - args.row_begin} * args.out_w, traits(isa_id<Isa>), sizeof(void*));
  const int32_t groups = plan.taps * (args.in_channels / kDot);
  const Scale scale = scale_of_panels<Isa>(
      args.epilogue.requantize.rounding, int64_t{groups} * kDot, [&](auto body) LINNET_INLINE_LAMBDA {
        for (int32_t column = args.output_begin; column < args.output_end; column += kPanel) {
          const SparsePanel panel = sparse_int8_panel(args, groups, column);
          body(reinterpret_cast<const int8_t*>(panel.header), kPanel, args.out_channels - column);
        }
      });
  char* const scratch = static_cast<char*>(args.scratch);
  const int8_t** const pointers = reinterpret_cast<const int8_t**>(scratch);
  int8_t* const padding = reinterpret_cast<int8_t*>(scratch + plan.zero_offset);
  std::memset(padding, args.input_zero_point, static_cast<size_t>(args.in_channels));
  for_each_tile(args, plan.pixels, F32<Isa>::width, [&](SparseTile tile) LINNET_INLINE_LAMBDA {
    place_pixels(args, plan, tile, padding, pointers);
    const SparseLanesInt8<Isa> lanes{args,
                                     plan,
                                     pointers,
                                     reinterpret_cast<int32_t*>(scratch + plan.inputs_offset),
                                     reinterpret_cast<int32_t*>(scratch + plan.sums_offset),
                                     scale};
    run_lanes_tile_int8<Isa, sparse_vectors(traits(isa_id<Isa>), 1)>(lanes, tile);
  });
}

}  // namespace linnet::kernels
