// Winograd convolution. A block of tiles at a time: the inputs are transformed to one matrix [tiles, channels] per
// point; then, one or two panels of outputs after the other, each matrix is multiplied by the weights of its point on
// the register tile that the other convolutions use, and the products are transformed back. Vectors run along channels
// in both transforms, so that nothing is shuffled.
#pragma once

#include "kernels/gemm/tile.hpp"
#include "kernels/winograd/plan.hpp"
#include "kernels/winograd/transform.hpp"

namespace linnet::kernels {

// A tile of outputs, counted through the rows of all images.
struct WinogradTile {
  int32_t image, y, x;
};

template <class Isa, int kTile>
struct Winograd {
  using V = F32<Isa>;
  static constexpr int kSide = kTile + 2, kPoints = kSide * kSide;
  static_assert((TileShape<Isa>::panels == 2) == (V::width == kPanel), "WinogradPlan::columns");

  const WinogradArgs& args;
  WinogradPlan plan;
  float* scratch;

  int32_t columns() const { return (args.out_w + kTile - 1) / kTile; }
  int32_t rows() const { return (args.out_h + kTile - 1) / kTile; }
  LINNET_INLINE WinogradTile next(WinogradTile t) const {
    if (++t.x < columns()) return t;
    t.x = 0;
    if (++t.y < rows()) return t;
    return {t.image + 1, 0, 0};
  }
  ptrdiff_t input_stride(int32_t tiles) const {
    return winograd_point_floats(static_cast<int64_t>(tiles) * args.in_channels);
  }
  ptrdiff_t product_stride(int32_t tiles) const {
    return winograd_point_floats(static_cast<int64_t>(tiles) * plan.columns);
  }

  void place(WinogradTile tile, const float** pixels) const;
  template <bool kFull>
  void transform_input(const float* const* pixels, int32_t channel, float* out, ptrdiff_t stride) const;
  void transform_inputs(WinogradTile first, int32_t tiles) const;
  void multiply(const PanelSpan& span, int32_t tiles) const;
  template <bool kFull>
  void transform_output(WinogradTile tile, int32_t column, int32_t lanes, const float* product, ptrdiff_t stride,
                        V bias, const ClampVectors<Isa>& clamp) const;
  void prefetch_output(WinogradTile tile, const PanelSpan& span) const;
  void transform_outputs(const PanelSpan& span, WinogradTile first, int32_t tiles) const;
  void run() const;
};

// The pixels under a tile; outside the image one of zeros.
template <class Isa, int kTile>
void Winograd<Isa, kTile>::place(WinogradTile tile, const float** pixels) const {
  const int32_t top = tile.y * kTile - args.window.pad_top, left = tile.x * kTile - args.window.pad_left;
  const uint32_t height = static_cast<uint32_t>(args.in_h), width = static_cast<uint32_t>(args.in_w);
  for (int32_t iy = top; iy < top + kSide; ++iy) {
    const bool line_inside = static_cast<uint32_t>(iy) < height;
    const ptrdiff_t line = line_inside ? (static_cast<ptrdiff_t>(tile.image) * args.in_h + iy) * args.in_w : 0;
    for (int32_t ix = left; ix < left + kSide; ++ix)
      *pixels++ = line_inside && static_cast<uint32_t>(ix) < width ? args.x + (line + ix) * args.x_stride : scratch;
  }
}

template <class Isa, int kTile>
template <bool kFull>
LINNET_INLINE void Winograd<Isa, kTile>::transform_input(const float* const* pixels, int32_t channel, float* out,
                                                         ptrdiff_t stride) const {
  const int32_t lanes = args.in_channels - channel;
  V half[kSide][kSide];
#pragma GCC unroll 1
  for (int x = 0; x < kSide; ++x) {
    V d[kSide], t[kSide];
#pragma GCC unroll 8
    for (int y = 0; y < kSide; ++y) {
      const float* p = pixels[y * kSide + x] + channel;
      d[y] = kFull ? V::load(p) : V::load_n(p, lanes);
    }
    winograd_input<Isa, kTile>(d, t);
#pragma GCC unroll 8
    for (int y = 0; y < kSide; ++y) half[y][x] = t[y];
  }
  out += channel;
#pragma GCC unroll 1
  for (int y = 0; y < kSide; ++y) {
    V t[kSide];
    winograd_input<Isa, kTile>(half[y], t);
#pragma GCC unroll 8
    for (int x = 0; x < kSide; ++x, out += stride) {
      if constexpr (kFull) {
        t[x].store(out);
      } else {
        t[x].store_n(out, lanes);
      }
    }
  }
}

template <class Isa, int kTile>
void Winograd<Isa, kTile>::transform_inputs(WinogradTile first, int32_t tiles) const {
  const ptrdiff_t stride = input_stride(tiles);
  float* out = scratch + plan.input_offset;
  for (int32_t i = 0; i < tiles; ++i, first = next(first), out += args.in_channels) {
    const float* pixels[kPoints];
    place(first, pixels);
    int32_t channel = 0;
    for (; channel + V::width <= args.in_channels; channel += V::width)
      transform_input<true>(pixels, channel, out, stride);
    if (channel < args.in_channels) transform_input<false>(pixels, channel, out, stride);
  }
}

template <class Isa, int kTile>
void Winograd<Isa, kTile>::multiply(const PanelSpan& span, int32_t tiles) const {
  const ptrdiff_t width = span.wide ? kPanel : kTailPanel, distance = width * (args.in_channels + 1);
  PanelSpan product = span;  // of one point: the panels' first columns of its rows, all of them, from zero
  product.packed += width;
  product.column = 0;
  product.columns = (span.columns + tile_columns<Isa>(span) - 1) / tile_columns<Isa>(span) * tile_columns<Isa>(span);
  const float* inputs = scratch + plan.input_offset;
  TileArgs t{};
  t.lines = &inputs;
  t.row_stride = args.in_channels;
  t.taps = 1;
  t.k = args.in_channels;
  t.c = scratch + plan.product_offset;
  t.c_stride = plan.columns;
  for (int i = 0; i < kPoints; ++i, product.packed += distance) {
    product.next = product.packed + distance;
    TileArgs point = t;
    run_rows<Isa>(product, tiles, Activation{}, point);
    inputs += input_stride(tiles);
    t.c += product_stride(tiles);
  }
}

template <class Isa, int kTile>
template <bool kFull>
LINNET_INLINE void Winograd<Isa, kTile>::transform_output(WinogradTile tile, int32_t column, int32_t lanes,
                                                          const float* product, ptrdiff_t stride, V bias,
                                                          const ClampVectors<Isa>& clamp) const {
  V half[kTile][kSide];
#pragma GCC unroll 1
  for (int x = 0; x < kSide; ++x) {
    V m[kSide], t[kTile];
#pragma GCC unroll 8
    for (int y = 0; y < kSide; ++y) m[y] = V::load(product + (y * kSide + x) * stride);
    winograd_output<Isa, kTile>(m, t);
#pragma GCC unroll 8
    for (int y = 0; y < kTile; ++y) half[y][x] = t[y];
  }
  const int32_t oy = tile.y * kTile, ox = tile.x * kTile;
  const int32_t height = args.out_h - oy < kTile ? args.out_h - oy : kTile;
  const int32_t width = args.out_w - ox < kTile ? args.out_w - ox : kTile;
  ptrdiff_t pixel = (static_cast<ptrdiff_t>(tile.image) * args.out_h + oy) * args.out_w + ox;
  const Epilogue& e = args.epilogue;
#pragma GCC unroll 1
  for (int y = 0; y < height; ++y, pixel += args.out_w) {
    V t[kTile];
    winograd_output<Isa, kTile>(half[y], t);
    float* out = args.y + pixel * args.y_stride + column;
    const float* residual = e.residual ? e.residual + pixel * e.residual_stride + column : nullptr;
#pragma GCC unroll 8
    for (int x = 0; x < kTile; ++x) {
      if (x == width) break;
      V value = t[x] + bias;
      if (residual) {
        const float* r = residual + x * e.residual_stride;
        value = value + (kFull ? V::load(r) : V::load_n(r, lanes));
      }
      if constexpr (kFull) {
        clamp(value).store(out + x * args.y_stride);
      } else {
        clamp(value).store_n(out + x * args.y_stride, lanes);
      }
    }
  }
}

// As prefetch_output() of tile.hpp, of a whole tile inside the image.
template <class Isa, int kTile>
LINNET_INLINE void Winograd<Isa, kTile>::prefetch_output(WinogradTile tile, const PanelSpan& span) const {
  const ptrdiff_t pixel =
      (static_cast<ptrdiff_t>(tile.image) * args.out_h + tile.y * kTile) * args.out_w + tile.x * kTile;
  const float* line = args.y + pixel * args.y_stride + args.column_begin + span.column;
  for (int y = 0; y < kTile; ++y, line += args.out_w * args.y_stride) {
#pragma GCC unroll 8
    for (int x = 0; x < kTile; ++x) {
      __builtin_prefetch(line + x * args.y_stride, 1, 3);
      if constexpr (TileShape<Isa>::panels > 1) __builtin_prefetch(line + x * args.y_stride + kPanel, 1, 3);
    }
  }
}

template <class Isa, int kTile>
void Winograd<Isa, kTile>::transform_outputs(const PanelSpan& span, WinogradTile first, int32_t tiles) const {
  const Clamp limits = make_clamp<Isa>(args.epilogue.activation);
  const ClampVectors<Isa> clamp(limits);
  const ptrdiff_t stride = product_stride(tiles);
  const float* product = scratch + plan.product_offset;
  const int32_t first_column = args.column_begin + span.column;
  const bool large = output_ahead(static_cast<int64_t>(args.out_h) * args.out_w * args.y_stride * 4, 1) > 0;
  for (int32_t i = 0; i < tiles; ++i, first = next(first), product += plan.columns) {
    if (kPrefetches<Isa> && large) prefetch_output(next(next(first)), span);
    for (int32_t column = 0; column < span.columns; column += V::width) {
      const V bias = V::load(span.packed + (column / kPanel) * span.panel_distance + column % kPanel);
      const int32_t lanes = span.columns - column;
      if (lanes >= V::width) {
        transform_output<true>(first, first_column + column, lanes, product + column, stride, bias, clamp);
      } else {
        transform_output<false>(first, first_column + column, lanes, product + column, stride, bias, clamp);
      }
    }
    if (!limits.deferred) continue;
    for (int32_t oy = first.y * kTile; oy < first.y * kTile + kTile && oy < args.out_h; ++oy) {
      for (int32_t ox = first.x * kTile; ox < first.x * kTile + kTile && ox < args.out_w; ++ox) {
        const ptrdiff_t pixel = (static_cast<ptrdiff_t>(first.image) * args.out_h + oy) * args.out_w + ox;
        apply_activation<Isa>(args.epilogue.activation, args.y + pixel * args.y_stride + first_column, span.columns);
      }
    }
  }
}

template <class Isa, int kTile>
void Winograd<Isa, kTile>::run() const {
  constexpr int32_t step = TileShape<Isa>::rows;
  const int32_t k = kPoints * (args.in_channels + 1);
  const float* packed = args.packed + static_cast<ptrdiff_t>(args.column_begin) * (k + 1);
  const int32_t row_tiles = (args.row_end - args.row_begin) * columns();
  const int32_t blocks = (row_tiles - 1) / plan.tiles + 1;
  const int32_t even = ((row_tiles - 1) / blocks + step) / step * step;
  const int32_t block = even < plan.tiles ? even : plan.tiles;
  WinogradTile first{args.row_begin / rows(), args.row_begin % rows(), 0};
  for (int32_t done = 0, tiles; done < row_tiles; done += tiles) {
    tiles = row_tiles - done < block ? row_tiles - done : block;
    transform_inputs(first, tiles);
    for_each_span<Isa>(packed, args.column_end - args.column_begin, k, [&](const PanelSpan& span) {
      multiply(span, tiles);
      transform_outputs(span, first, tiles);
    });
    for (int32_t i = 0; i < tiles; ++i) first = next(first);
  }
}

template <class Isa, int kTile>
void winograd2d_tiles(const WinogradArgs& args) {
  const int64_t columns = (args.out_w + kTile - 1) / kTile;
  const WinogradPlan plan =
      plan_winograd2d(kTile, args.in_channels, columns * (args.row_end - args.row_begin), traits(isa_id<Isa>));
  float* scratch = static_cast<float*>(args.scratch);
  std::memset(scratch, 0, static_cast<size_t>(args.in_channels) * sizeof(float));
  Winograd<Isa, kTile>{args, plan, scratch}.run();
}

template <class Isa>
void winograd2d_f32_impl(const WinogradArgs& args) {
  switch (args.tile) {
    case 2:
      winograd2d_tiles<Isa, 2>(args);
      break;
    case 4:
      winograd2d_tiles<Isa, 4>(args);
      break;
    default:
      winograd2d_tiles<Isa, 6>(args);
  }
}

}  // namespace linnet::kernels
