// The register tile that GEMM, convolution, transposed convolution and matrix product share: `rows` output rows times
// the columns of one panel (or two adjacent ones), accumulated over taps and over the k inputs of each tap, starting
// from the bias. Each output element is one chain of multiply-adds in the packed order, whatever tile it falls into.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/contract.hpp"
#include "kernels/gemm/multiply_neon.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// Vectors of a tile in a wide (kPanel) and a narrow (kTailPanel) panel, and how many wide panels make one tile.
template <class Isa>
struct TileShape {
  static constexpr int width = F32<Isa>::width;
  static constexpr int rows = traits(isa_id<Isa>).tile_rows;
  static constexpr int max_columns = isa_id<Isa> == IsaId::scalar ? 4 : isa_id<Isa> == IsaId::neon32 ? 8 : kPanel;
  static constexpr int panels = width == kPanel ? 2 : 1;
  // Of a product with one row only: more, since one panel has too few vectors to hide the latency of multiply-adds.
  static constexpr int single_row_panels = max_columns == kPanel ? 4 : 1;
  static constexpr int wide_vectors = max_columns / width;
  static constexpr int narrow_vectors =
      (max_columns < kTailPanel ? max_columns : kTailPanel) / (width < kTailPanel ? width : kTailPanel);
};

struct TileArgs {
  const float* const* rows;  // [taps][TileShape::rows]: the k inputs of each output row at each tap
  int32_t taps, k;
  bool resume;               // c holds what the inputs before k_begin have given; otherwise starts from the biases
  ptrdiff_t k_begin;         // rows of the panels' weights to skip
  const float* panel;        // biases of the tile's first column
  ptrdiff_t panel_distance;  // floats from a panel to the next
  float* c;
  ptrdiff_t c_stride;
  const float* residual;
  ptrdiff_t residual_stride;
  Clamp clamp;
};

// One panel or several adjacent wide ones, of a Panel16 section.
struct PanelSpan {
  const float* packed;
  ptrdiff_t panel_distance;
  int32_t column, columns;  // valid ones
  int32_t panels;
  bool wide;
};

// acc[r][v] += sum over k of a[r][k] * w[k][v]; returns the weights behind those used.
template <class Isa, int kRows, int kVectors, int kWidth>
LINNET_INLINE const float* multiply_run(F32<Isa> (&acc)[kRows][kVectors], const float* const (&a)[kRows],
                                        const float* w, ptrdiff_t panel_distance, int32_t k) {
  using V = F32<Isa>;
  const auto weight = [&](const float* p, int v) LINNET_INLINE_LAMBDA {
    const int column = v * V::width;
    return V::load(p + (column / kWidth) * panel_distance + column % kWidth);
  };
  ptrdiff_t i = 0;
  if constexpr (kLaneFma<Isa> && kRows > 1) {
    i = k / 2 * 2;
    if (i > 0) multiply_pairs<Isa, kWidth>(acc, a, w, i);
    w += i * kWidth;
  } else if constexpr (kLaneFma<Isa>) {
    for (; i + 4 <= k; i += 4, w += 4 * kWidth) {
      V lanes[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) lanes[r] = V::load(a[r] + i);
#pragma GCC unroll 16
      for (int lane = 0; lane < 4; ++lane) {
        V b[kVectors];
#pragma GCC unroll 16
        for (int v = 0; v < kVectors; ++v) b[v] = weight(w + lane * kWidth, v);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
          for (int v = 0; v < kVectors; ++v) acc[r][v] = multiply_add_lane(acc[r][v], b[v], lanes[r], lane);
        }
      }
    }
  }
  for (; i < k; ++i, w += kWidth) {
    V b[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) b[v] = weight(w, v);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V x = V::set(a[r][i]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = multiply_add(acc[r][v], b[v], x);
    }
  }
  return w;
}

template <class Isa, int kRows, int kVectors>
LINNET_INLINE void store_tile(F32<Isa> (&acc)[kRows][kVectors], const TileArgs& t) {
  using V = F32<Isa>;
  const ClampVectors<Isa> clamp(t.clamp);
  const ptrdiff_t c_stride = t.c_stride, residual_stride = t.residual_stride;
  if (const float* residual = t.residual) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, residual += residual_stride) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = acc[r][v] + V::load(residual + v * V::width);
    }
  }
  float* c = t.c;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, c += c_stride) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) clamp(acc[r][v]).store(c + v * V::width);
  }
}

template <class Isa, int kRows, int kVectors, int kWidth>
__attribute__((noinline)) void tile(const TileArgs& t) {
  using V = F32<Isa>;
  V acc[kRows][kVectors];
  if (t.resume) {
    const float* c = t.c;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, c += t.c_stride) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = V::load(c + v * V::width);
    }
  } else {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const int column = v * V::width;
      const V bias = V::load(t.panel + (column / kWidth) * t.panel_distance + column % kWidth);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
    }
  }
  const float* w = t.panel + (1 + t.k_begin) * kWidth;
  const float* const* rows = t.rows;
  for (int32_t tap = 0; tap < t.taps; ++tap, rows += TileShape<Isa>::rows) {
    const float* a[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows[r];
    w = multiply_run<Isa, kRows, kVectors, kWidth>(acc, a, w, t.panel_distance, t.k);
  }
  store_tile<Isa>(acc, t);
}

template <class Isa, int kRows, int kVectors, int kWidth>
LINNET_INLINE void tile_of_rows(int32_t rows, const TileArgs& t) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      tile_of_rows<Isa, kRows - 1, kVectors, kWidth>(rows, t);
      return;
    }
  }
  constexpr int kBlock = tile_vectors<Isa>(kRows, kVectors);
  tile<Isa, kRows, kBlock, kWidth>(t);
  if constexpr (kBlock < kVectors) {
    static_assert(2 * kBlock == kVectors);
    constexpr ptrdiff_t kColumns = kBlock * F32<Isa>::width;
    TileArgs rest = t;
    rest.panel += kColumns;
    rest.c += kColumns;
    if (rest.residual) rest.residual += kColumns;
    tile<Isa, kRows, kBlock, kWidth>(rest);
  }
}

// Columns that a tile of the span computes; more than the span has where its last vector is not full.
template <class Isa>
LINNET_INLINE int32_t tile_columns(const PanelSpan& span) {
  using Shape = TileShape<Isa>;
  return Shape::width * (span.wide ? span.panels * Shape::wide_vectors : Shape::narrow_vectors);
}

template <class Isa>
LINNET_INLINE void whole_tile(const PanelSpan& span, int32_t rows, const TileArgs& t) {
  using Shape = TileShape<Isa>;
  if constexpr (Shape::single_row_panels > 1) {
    if (span.panels == Shape::single_row_panels) {
      tile<Isa, 1, Shape::single_row_panels * Shape::wide_vectors, kPanel>(t);
      return;
    }
  }
  if constexpr (Shape::panels > 1) {
    if (span.panels == Shape::panels) {
      tile_of_rows<Isa, Shape::rows, Shape::panels * Shape::wide_vectors, kPanel>(rows, t);
      return;
    }
  }
  if (span.wide) {
    tile_of_rows<Isa, Shape::rows, Shape::wide_vectors, kPanel>(rows, t);
  } else {
    tile_of_rows<Isa, Shape::rows, Shape::narrow_vectors, kTailPanel>(rows, t);
  }
}

// The first `columns` columns of a tile, by way of a buffer for all of them.
template <class Isa>
__attribute__((noinline)) void partial_tile(const PanelSpan& span, int32_t rows, int32_t columns, const TileArgs& t) {
  using V = F32<Isa>;
  using Shape = TileShape<Isa>;
  constexpr int32_t stride = Shape::panels > 1 ? Shape::panels * kPanel : Shape::max_columns;
  static_assert(Shape::rows * stride >= Shape::single_row_panels * kPanel);
  float lanes[Shape::rows * stride];
  TileArgs whole = t;
  whole.c = lanes;
  whole.c_stride = stride;
  whole.residual = nullptr;
  whole.clamp = make_clamp(Activation{});
  for (int32_t r = 0; t.resume && r < rows; ++r) {
    std::memcpy(lanes + r * stride, t.c + r * t.c_stride, static_cast<size_t>(columns) * sizeof(float));
  }
  whole_tile<Isa>(span, rows, whole);
  const ClampVectors<Isa> clamp(t.clamp);
  for (int32_t r = 0; r < rows; ++r) {
#pragma GCC unroll 1
    for (int32_t column = 0; column < columns; column += V::width) {
      const int32_t n = columns - column;
      V x = V::load(lanes + r * stride + column);
      if (t.residual) x = x + V::load_n(t.residual + r * t.residual_stride + column, n);
      clamp(x).store_n(t.c + r * t.c_stride + column, n);
    }
  }
}

// Computes `rows` (at most TileShape::rows) output rows of a span. `t` has c and residual at column 0 of the first row;
// its panel, panel_distance and clamp are filled in here.
template <class Isa>
void run_tile(const PanelSpan& span, int32_t rows, const Activation& activation, TileArgs t) {
  const int32_t step = tile_columns<Isa>(span);
  t.clamp = make_clamp(activation);
  t.panel_distance = span.panel_distance;
  t.panel = span.packed;
  t.c += span.column;
  if (t.residual) t.residual += span.column;
  float* const c = t.c;
  for (int32_t left = span.columns; left > 0; left -= step) {
    if (left >= step) {
      whole_tile<Isa>(span, rows, t);
    } else {
      partial_tile<Isa>(span, rows, left, t);
    }
    t.panel += step;
    t.c += step;
    if (t.residual) t.residual += step;
  }
  if (t.clamp.deferred) activate_rows<Isa>(activation, rows, span.columns, c, t.c_stride, c, t.c_stride);
}

// Calls body(PanelSpan) for all panels of a section of [k, n], kPanels at a time while there are as many.
template <class Isa, int kPanels = TileShape<Isa>::panels, class Body>
LINNET_INLINE void for_each_span(const float* packed, int32_t n, int32_t k, Body body) {
  const ptrdiff_t length = static_cast<ptrdiff_t>(k) + 1;
  for (int32_t column = 0; column < n;) {
    const int32_t remaining = n - column;
    const bool wide = remaining > kTailPanel;
    const auto holds = [remaining](int32_t panels) { return remaining > (panels - 1) * kPanel + kTailPanel; };
    const int32_t panels = holds(kPanels) ? kPanels : holds(TileShape<Isa>::panels) ? TileShape<Isa>::panels : 1;
    const int32_t width = wide ? panels * kPanel : kTailPanel;
    body(PanelSpan{packed, kPanel * length, column, remaining < width ? remaining : width, panels, wide});
    packed += width * length;
    column += width;
  }
}

// Rows of the next tile when `remaining` rows are left: full ones, the last two of equal size.
template <class Isa>
LINNET_INLINE int32_t next_tile_rows(int32_t remaining) {
  constexpr int32_t rows = TileShape<Isa>::rows;
  return remaining <= rows ? remaining : remaining < 2 * rows ? (remaining + 1) / 2 : rows;
}

}  // namespace linnet::kernels
