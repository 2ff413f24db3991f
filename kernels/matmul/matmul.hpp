#pragma once

#include "kernels/gemm/tile.hpp"
#include "kernels/matmul/plan.hpp"

namespace linnet::kernels {

// Packs columns [column, column + columns) of scale * b as one panel of the given width, without a bias.
template <class Isa>
void pack_columns(const MatMulArgs& args, int32_t column, int32_t columns, int32_t width, float* panel) {
  using V = F32<Isa>;
  const V scale = V::set(args.scale);
  std::memset(panel, 0, static_cast<size_t>(width) * sizeof(float));
  for (ptrdiff_t k = 0; k < args.k; ++k) {
    panel += width;
    const float* b = args.b + k * args.b_stride_k + column * args.b_stride_n;
    if (args.b_stride_n == 1 && columns == width && width % V::width == 0) {
      for (int32_t i = 0; i < width; i += V::width) (V::load(b + i) * scale).store(panel + i);
    } else {
      for (int32_t i = 0; i < columns; ++i) panel[i] = b[i * args.b_stride_n] * args.scale;
      for (int32_t i = columns; i < width; ++i) panel[i] = 0.0f;
    }
  }
}

template <class Isa>
void multiply_span(const MatMulArgs& args, const PanelSpan& span, float* a_tile) {
  const bool dense = args.a_stride_k == 1;
  const float* const a = dense ? args.a : a_tile;
  TileArgs t{};
  t.lines = &a;
  t.row_stride = dense ? args.a_stride_m : args.k;
  t.taps = 1;
  t.k = args.k;
  t.c_stride = args.c_stride_m;
  if (dense) {
    t.c = args.c;
    run_rows<Isa>(span, args.m, args.activation, t);
    return;
  }
  for (int32_t row = 0, rows; row < args.m; row += rows) {
    rows = next_tile_rows<Isa>(args.m - row);
    for (int32_t r = 0; r < rows; ++r) {
      const float* from = args.a + (row + r) * args.a_stride_m;
      float* to = a_tile + static_cast<ptrdiff_t>(r) * args.k;
      for (ptrdiff_t k = 0; k < args.k; ++k) to[k] = from[k * args.a_stride_k];
    }
    t.c = args.c + row * args.c_stride_m;
    TileArgs part = t;
    run_rows<Isa>(span, rows, args.activation, part);
  }
}

template <class Isa>
void matmul_f32_impl(const MatMulArgs& args) {
  const MatMulPlan plan = plan_matmul(args.m, args.n, args.k, traits(isa_id<Isa>));
  float* panels = static_cast<float*>(args.scratch);
  float* a_tile = reinterpret_cast<float*>(static_cast<char*>(args.scratch) + plan.a_offset);
  for_each_span<Isa>(panels, args.n_end - args.n_begin, args.k, [&](PanelSpan span) LINNET_INLINE_LAMBDA {
    span.column += args.n_begin;
    span.packed = panels;
    span.next = nullptr;  // packed at the same place, later
    const int32_t width = span.wide ? kPanel : kTailPanel;
    for (int32_t p = 0; p < span.panels; ++p) {
      const int32_t left = span.columns - p * width;
      pack_columns<Isa>(args, span.column + p * width, left < width ? left : width, width,
                        panels + p * span.panel_distance);
    }
    multiply_span<Isa>(args, span, a_tile);
  });
}

}  // namespace linnet::kernels
