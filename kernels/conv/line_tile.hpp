// The register tile of convolutions with few channels whose kernel is known at compile time. Neighbouring output pixels
// share input columns, so each column is broadcast once for all of them, and its address is a constant away from the
// tile's: one load serves up to (kernel width / stride) multiply-adds of a vector, where the tile of gemm/tile.hpp
// needs one for each. That decides with AVX-512, whose 32 registers hold the weights of a kernel line besides; with
// AVX2 the accumulators are too few to hide the latency of their chains. Products are added in the order
// (ky, channel, kx).
#pragma once

#include "kernels/gemm/tile.hpp"

namespace linnet::kernels {

template <class Isa>
constexpr bool kHasLineTiles = isa_id<Isa> == IsaId::avx512;

// Pixels of the largest tile of so many vectors.
constexpr int line_tile_pixels(int vectors) {
  return vectors == 1 ? 16 : 8;
}

template <class Isa, int kKernelW, int kStrideW, int kChannels, int kPixels, int kVectors>
__attribute__((noinline)) void line_tile(const TileArgs& t, ptrdiff_t second_width) {
  using V = F32<Isa>;
  static_assert(V::width == kPanel, "a vector is a panel");
  V acc[kPixels][kVectors];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const V bias = V::load(t.panel + v * t.panel_distance);
#pragma GCC unroll 16
    for (int p = 0; p < kPixels; ++p) acc[p][v] = bias;
  }
  const ptrdiff_t widths[2] = {t.panel_width, second_width};
  const float* w[2] = {t.panel + (1 + t.k_begin) * widths[0],
                       t.panel + t.panel_distance + (1 + t.k_begin) * second_width};
  for (int32_t tap = 0; tap < t.taps; ++tap) {
    const float* x = t.lines[tap] + t.offset;
    for (int c = 0; c < kChannels; ++c, ++x) {
      V weights[kKernelW][kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll 8
        for (int kx = 0; kx < kKernelW; ++kx) weights[kx][v] = V::load(w[v] + kx * kChannels * widths[v]);
        w[v] += widths[v];
      }
#pragma GCC unroll 64
      for (int column = 0; column < (kPixels - 1) * kStrideW + kKernelW; ++column) {
        const V input = in_register(V::set(x[column * kChannels]));
#pragma GCC unroll 16
        for (int p = 0; p < kPixels; ++p) {
          const int kx = column - p * kStrideW;
          if (kx < 0 || kx >= kKernelW) continue;
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) acc[p][v] = multiply_add(acc[p][v], weights[kx][v], input);
        }
      }
    }
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) w[v] += (kKernelW - 1) * kChannels * widths[v];
  }
  store_vectors<Isa, true>(acc, t, t.c, t.residual);
}

// Computes kPixels pixels, or half as many while fewer are left; returns how many.
template <class Isa, int kKernelW, int kStrideW, int kChannels, int kPixels, int kVectors>
LINNET_INLINE int32_t line_tile_of(int32_t left, const TileArgs& t, ptrdiff_t second_width) {
  if constexpr (kPixels > 1) {
    if (left < kPixels) {
      return line_tile_of<Isa, kKernelW, kStrideW, kChannels, kPixels / 2, kVectors>(left, t, second_width);
    }
  }
  line_tile<Isa, kKernelW, kStrideW, kChannels, kPixels, kVectors>(t, second_width);
  return kPixels;
}

// As run_rows() of gemm/tile.hpp, for the pixels of one output line.
template <class Weight>
using LineRows = void (*)(const PanelSpanOf<Weight>& span, int32_t count, const Activation& activation,
                          TileArgsOf<Weight>& t);

template <class Isa, int kKernelW, int kStrideW, int kChannels>
void line_rows(const PanelSpan& span, int32_t count, const Activation& activation, TileArgs& t) {
  constexpr int32_t kTogether = 32;  // are in the first-level cache when the activation is applied to them
  const bool two = span.panels > 1 || span.mixed;
  const ptrdiff_t second_width = span.mixed ? kTailPanel : kPanel;
  t.clamp = make_clamp<Isa>(activation);
  t.panel = span.packed;
  t.panel_distance = span.panel_distance;
  t.panel_width = span.wide ? kPanel : kTailPanel;
  t.columns = span.columns;
  t.c += span.column;
  if (t.residual) t.residual += span.column;
  while (count > 0) {
    float* const c = t.c;
    int32_t done = 0;
    while (done < count && done < kTogether) {
      const int32_t pixels =
          two ? line_tile_of<Isa, kKernelW, kStrideW, kChannels, line_tile_pixels(2), 2>(count - done, t, second_width)
              : line_tile_of<Isa, kKernelW, kStrideW, kChannels, line_tile_pixels(1), 1>(count - done, t, second_width);
      done += pixels;
      t.offset += pixels * t.row_stride;
      t.c += pixels * t.c_stride;
      if (t.residual) t.residual += pixels * t.residual_stride;
    }
    if (t.clamp.deferred) activate_rows<Isa>(activation, done, span.columns, c, t.c_stride, c, t.c_stride);
    count -= done;
  }
}

// Whichever computes the pixels of a line of this convolution: run_rows(), or the tile for its kernel.
template <class Isa, class Weight>
LINNET_INLINE LineRows<Weight> line_rows_of(const Window& w, int32_t channels) {
  if constexpr (kHasLineTiles<Isa> && !kScaledAtTheEnd<Weight>) {
    if (w.kernel_w == 3 && w.stride_w == 1 && channels == 3) return line_rows<Isa, 3, 1, 3>;
    if (w.kernel_w == 3 && w.stride_w == 2 && channels == 3) return line_rows<Isa, 3, 2, 3>;
    if (w.kernel_w == 7 && w.stride_w == 2 && channels == 3) return line_rows<Isa, 7, 2, 3>;
  }
  return run_rows<Isa, Weight>;
}

}  // namespace linnet::kernels
