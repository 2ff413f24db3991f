// The register tile that GEMM, convolution, transposed convolution and matrix product share: `rows` output rows times
// the columns of one panel (or two adjacent ones), accumulated over taps and over the k inputs of each tap, starting
// from the bias. Each output element is one chain of multiply-adds in the packed order, whatever tile it falls into.
// int8 weights become floats when they are multiplied; their sums start from zero and are scaled at the end, before the
// bias is added.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/contract.hpp"
#include "kernels/gemm/multiply_neon.hpp"
#include "kernels/gemm/weights.hpp"

namespace linnet::kernels {

// The `kWidth` of a tile over a wide panel and the narrow one behind it, which the AVX-512 tile takes together.
constexpr int kMixedPanels = kPanel + kTailPanel;

// Vectors of a tile in a wide (kPanel) and a narrow (kTailPanel) panel, and how many wide panels make one tile.
template <class Isa>
struct TileShape {
  static constexpr int width = F32<Isa>::width;
  static constexpr int rows = traits(isa_id<Isa>).tile_rows;
  static constexpr int max_columns = isa_id<Isa> == IsaId::scalar ? 4 : isa_id<Isa> == IsaId::neon32 ? 8 : kPanel;
  static constexpr int panels = width == kPanel ? 2 : 1;
  // Of a product with one row only: more, since one panel has too few vectors to hide the latency of multiply-adds.
  static constexpr int single_row_panels = max_columns == kPanel ? 4 : 1;
  static constexpr bool mixed = width == kPanel;
  static constexpr int wide_vectors = max_columns / width;
  static constexpr int narrow_vectors =
      (max_columns < kTailPanel ? max_columns : kTailPanel) / (width < kTailPanel ? width : kTailPanel);
  // Rows over a narrow panel where no pointers to them are kept: as many as hide the latency of multiply-adds.
  static constexpr int narrow_rows = isa_id<Isa> == IsaId::avx2 ? 8 : rows;
};

// Some tiles of as many rows each, one below the other. Weight: float of Panel16, int8_t of Panel16Float32x8.
template <class Weight>
struct TileArgsOf {
  int32_t tiles;
  // The k inputs of each row at each tap: rows [tiles][taps][TileShape::rows]; or, where that is null, those of row r
  // at lines[tap] + offset + r * row_stride.
  const float* const* rows;
  const float* const* lines;
  ptrdiff_t offset, row_stride;
  int32_t taps, k;
  bool resume;               // c holds what the inputs before k_begin have given; otherwise starts from the biases
  bool partial;              // more inputs are to come
  ptrdiff_t k_begin;         // rows of the panels' weights to skip
  ptrdiff_t panel_width;     // weights of such a row
  const Weight* panel;       // the tile's first column in its panel
  const float* header;       // kScaledAtTheEnd: its bias
  ptrdiff_t panel_distance;  // weights from a panel to the next
  const Weight* next;        // the panel whose weights to fetch meanwhile, or null
  int32_t next_begin;        // how many tiles have fetched their share of them before
  int32_t next_step;         // fetch_step()
  int32_t columns;           // that are stored; a tile computes all that its vectors hold
  int32_t output_ahead;      // how many tiles before its own an output is brought into the cache; 0: not at all
  float* c;
  ptrdiff_t c_stride;
  const float* residual;
  ptrdiff_t residual_stride;
  Clamp clamp;
};
using TileArgs = TileArgsOf<float>;

// One panel or several adjacent wide ones, of a section.
template <class Weight>
struct PanelSpanOf {
  const Weight* packed;
  ptrdiff_t panel_distance;
  int32_t column, columns;  // valid ones
  int32_t panels;
  bool wide;
  bool mixed;          // one wide panel and a narrow one
  const Weight* next;  // what will be read after it, from its biases on; null: nothing that is worth fetching
};
using PanelSpan = PanelSpanOf<float>;

// TileArgs::panel_width, where the tile's code depends on it. Plain C++ has one code for panels of any width.
template <class Isa, int kWidth, class Weight>
LINNET_INLINE ptrdiff_t row_width(const TileArgsOf<Weight>& t) {
  if constexpr (F32<Isa>::width == 1) return t.panel_width;
  return kWidth == kTailPanel ? kTailPanel : kPanel;
}

// While the tiles of a panel are computed, the weights of the next one are brought into the second-level cache, as
// evenly as the tiles allow, in pieces for every kPrefetchStep inputs: those of a large layer come from further away,
// and the first tile of each panel would wait for them. Fetched faster than needed, they would hold up the tile's own
// lines, of which a core waits for few at a time. Behind a layer's last panel the next layer's weights begin as a rule.
constexpr int kPrefetchStep = 4;

template <class Isa>
constexpr bool kPrefetches = F32<Isa>::width >= 8;

// Bytes of the next panel for every kPrefetchStep inputs of each of so many tiles; at most a line.
LINNET_INLINE int32_t fetch_step(ptrdiff_t row_bytes, int32_t tiles) {
  const int32_t bytes = kPrefetchStep * static_cast<int32_t>(row_bytes), step = (bytes + tiles - 1) / tiles;
  return step < 64 ? step : 64;
}

// What a tile fetches while it reads the weights from `w` on.
struct Fetch {
  const char* at;
  ptrdiff_t step;
};

template <class Weight>
LINNET_INLINE Fetch fetch_of_tile(const TileArgsOf<Weight>& t, int32_t tile, const Weight* w) {
  constexpr ptrdiff_t kStepBytes = kPrefetchStep * sizeof(Weight);
  const ptrdiff_t part = static_cast<ptrdiff_t>(t.next_begin + tile) * t.next_step;
  if (t.next == nullptr || part >= kStepBytes * t.panel_width) return {reinterpret_cast<const char*>(w), 0};
  const Weight* const next = t.next + (w - t.panel);
  return {reinterpret_cast<const char*>(next) + part * t.taps * (t.k / kPrefetchStep), t.next_step};
}

// acc[r][v] += sum over k of a[r][k] * w[k][v]; returns the weights behind those used.
template <class Isa, int kRows, int kVectors, int kWidth, class Weight>
LINNET_INLINE const Weight* multiply_run(F32<Isa> (&acc)[kRows][kVectors], const float* const (&a)[kRows],
                                         const Weight* w, const TileArgsOf<Weight>& t, const Weight*& narrow,
                                         Fetch& fetch) {
  using V = F32<Isa>;
  constexpr int kRowWidth = kWidth == kTailPanel ? kTailPanel : kPanel;
  const ptrdiff_t panel_distance = t.panel_distance, step = row_width<Isa, kWidth>(t);
  const int32_t k = t.k;
  const auto weight = [&](const Weight* p, int v) LINNET_INLINE_LAMBDA {
    const int column = v * V::width;
    if (kWidth == kMixedPanels && column >= kPanel) return load_weights<Isa>(narrow + column - kPanel);
    return load_weights<Isa>(p + (column / kRowWidth) * panel_distance + column % kRowWidth);
  };
  const auto multiply = [&](ptrdiff_t i) LINNET_INLINE_LAMBDA {
    V b[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) b[v] = weight(w, v);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V x = V::set(a[r][i]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = multiply_add(acc[r][v], b[v], x);
    }
    w += step;
    if constexpr (kWidth == kMixedPanels) narrow += kTailPanel;
  };
  ptrdiff_t i = 0;
  if constexpr (kLaneFma<Isa> && kRows > 1 && !kScaledAtTheEnd<Weight>) {
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
  } else if constexpr (kPrefetches<Isa> && kRows > 1) {
    for (; i + kPrefetchStep <= k; i += kPrefetchStep) {
      __builtin_prefetch(fetch.at, 0, 2);
      if constexpr (kVectors * V::width > kRowWidth) {
        __builtin_prefetch(fetch.at + panel_distance * static_cast<ptrdiff_t>(sizeof(Weight)), 0, 2);
      }
      fetch.at += fetch.step;
#pragma GCC unroll 16
      for (int j = 0; j < kPrefetchStep; ++j) multiply(i + j);
    }
  }
  for (; i < k; ++i) multiply(i);
  return w;
}

// The first `columns` of the rows at `lanes` with their epilogue; `c` and `residual` as in `t`, of the tile's first
// row.
template <class Isa, class Weight>
__attribute__((noinline)) void store_columns(const TileArgsOf<Weight>& t, const float* lanes, int32_t stride,
                                             int32_t rows, float* c, const float* residual) {
  using V = F32<Isa>;
  const ClampVectors<Isa> clamp(t.clamp);
  for (int32_t r = 0; r < rows; ++r, lanes += stride, c += t.c_stride) {
    for (int32_t column = 0; column < t.columns; column += V::width) {
      const int32_t n = t.columns - column;
      V x = V::load(lanes + column);
      if (residual) x = x + V::load_n(residual + r * t.residual_stride + column, n);
      clamp(x).store_n(c + column, n);
    }
  }
}

// What earlier inputs have given, of a tile whose last vectors are not full.
template <class Isa, int kRows, int kStride, class Weight>
LINNET_INLINE void load_columns(const TileArgsOf<Weight>& t, const float* c, float (&lanes)[kRows * kStride]) {
  std::memset(lanes, 0, sizeof(lanes));
  for (int r = 0; r < kRows; ++r, c += t.c_stride) {
    std::memcpy(lanes + r * kStride, c, static_cast<size_t>(t.columns) * sizeof(float));
  }
}

// With kMasked the last vector is stored as far as it is valid, otherwise as a whole.
template <class Isa, bool kMasked, int kRows, int kVectors, class Weight>
LINNET_INLINE void store_vectors(F32<Isa> (&acc)[kRows][kVectors], const TileArgsOf<Weight>& t, float* c,
                                 const float* residual) {
  using V = F32<Isa>;
  constexpr int kLast = kMasked ? (kVectors - 1) * V::width : kVectors * V::width;
  if (residual) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, residual += t.residual_stride) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const float* p = residual + v * V::width;
        acc[r][v] = acc[r][v] + (v * V::width < kLast ? V::load(p) : V::load_n(p, t.columns - kLast));
      }
    }
  }
  clamp_each<Isa>(t.clamp, [&acc](auto bound) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v] = bound(acc[r][v]);
    }
  });
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, c += t.c_stride) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      if (v * V::width < kLast) {
        acc[r][v].store(c + v * V::width);
      } else {
        acc[r][v].store_n(c + v * V::width, t.columns - kLast);
      }
    }
  }
}

// Sums of products with int8 weights become outputs.
template <class Isa, int kRows, int kVectors, int kWidth, class Weight>
LINNET_INLINE void scale_tile(F32<Isa> (&acc)[kRows][kVectors], const TileArgsOf<Weight>& t) {
  using V = F32<Isa>;
  constexpr int kRowWidth = kWidth == kTailPanel ? kTailPanel : kPanel;
  constexpr ptrdiff_t kFloat = sizeof(float) / sizeof(Weight);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const int column = v * V::width;
    const bool narrow = kWidth == kMixedPanels && column >= kPanel;
    const float* const header = t.header + (column / kRowWidth) * (t.panel_distance / kFloat) + column % kRowWidth;
    const V bias = V::load(header), scale = V::load(header + (narrow ? kTailPanel : row_width<Isa, kWidth>(t)));
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r][v] = fma(acc[r][v], scale, bias);
  }
}

template <class Isa, int kRows, int kVectors, int kWidth, class Weight>
LINNET_INLINE void store_tile(F32<Isa> (&acc)[kRows][kVectors], const TileArgsOf<Weight>& t, float* c,
                              const float* residual) {
  constexpr int kWhole = kVectors * F32<Isa>::width;
  constexpr bool kNeverWhole = kWidth == kTailPanel && kWhole > kTailPanel;
  if constexpr (kScaledAtTheEnd<Weight>) {
    if (!t.partial) scale_tile<Isa, kRows, kVectors, kWidth>(acc, t);
  }
  if constexpr (kWidth == kMixedPanels || kNeverWhole) {
    store_vectors<Isa, true>(acc, t, c, residual);
  } else if (t.columns >= kWhole) {
    store_vectors<Isa, false>(acc, t, c, residual);
  } else {
    float lanes[kRows * kWhole];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) acc[r][v].store(lanes + r * kWhole + v * F32<Isa>::width);
    }
    store_columns<Isa>(t, lanes, kWhole, kRows, c, residual);
  }
}

template <class Isa, int kRows, int kVectors, int kWidth, class Weight>
LINNET_INLINE void start_tile(F32<Isa> (&acc)[kRows][kVectors], const TileArgsOf<Weight>& t, const float* c) {
  using V = F32<Isa>;
  constexpr int kStride = kVectors * V::width;
  constexpr int kRowWidth = kWidth == kTailPanel ? kTailPanel : kPanel;
  if (!t.resume) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const int column = v * V::width;
      const float* const biases =
          kScaledAtTheEnd<Weight>
              ? nullptr
              : reinterpret_cast<const float*>(t.panel + (column / kRowWidth) * t.panel_distance + column % kRowWidth);
      const V bias = load_start<Isa, Weight>(biases);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) acc[r][v] = bias;
    }
    return;
  }
  float lanes[kRows * kStride];
  const bool whole = t.columns >= kStride;
  if (!whole) load_columns<Isa, kRows, kStride>(t, c, lanes);
  const float* from = whole ? c : lanes;
  const ptrdiff_t stride = whole ? t.c_stride : kStride;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, from += stride) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v] = V::load(from + v * V::width);
  }
}

// TileArgs::output_ahead of an output of so many bytes, in tiles of k inputs. The lines of a large one would be waited
// for one by one when they are stored: the hardware does not foresee lines a whole row apart.
LINNET_INLINE int32_t output_ahead(int64_t bytes, int32_t k) {
  return bytes < (1 << 20) ? 0 : k >= 128 ? 1 : 4;
}

template <class Isa, int kRows, int kVectors, class Weight>
LINNET_INLINE void prefetch_output(const TileArgsOf<Weight>& t, const float* c) {
  if constexpr (kPrefetches<Isa> && kRows > 1) {
    if (t.output_ahead == 0) return;
    constexpr int kLines = (kVectors * F32<Isa>::width + 15) / 16;
    c += t.output_ahead * kRows * t.c_stride;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, c += t.c_stride) {
#pragma GCC unroll 2
      for (int line = 0; line < kLines; ++line) __builtin_prefetch(c + line * 16, 1, 3);
    }
  }
}

template <class Isa, int kRows, int kVectors, int kWidth, class Weight>
__attribute__((noinline)) void tile(const TileArgsOf<Weight>& t) {
  using V = F32<Isa>;
  const float* const* rows = t.rows;
  float* c = t.c;
  const float* residual = t.residual;
  for (int32_t i = 0; i < t.tiles; ++i, c += kRows * t.c_stride) {
    V acc[kRows][kVectors];
    start_tile<Isa, kRows, kVectors, kWidth>(acc, t, c);
    const Weight* w = t.panel + (kHeaderRows<Weight> + t.k_begin) * row_width<Isa, kWidth>(t);
    const Weight* narrow = t.panel + t.panel_distance + (kHeaderRows<Weight> + t.k_begin) * kTailPanel;
    Fetch fetch = fetch_of_tile(t, i, w);
    prefetch_output<Isa, kRows, kVectors>(t, c);
    for (int32_t tap = 0; tap < t.taps; ++tap) {
      const float* a[kRows];
      if (kRows <= TileShape<Isa>::rows && rows) {
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) a[r] = rows[r];
        rows += TileShape<Isa>::rows;
      } else {
        const float* input = t.lines[tap] + t.offset + i * kRows * t.row_stride;
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r, input += t.row_stride) a[r] = input;
      }
      w = multiply_run<Isa, kRows, kVectors, kWidth>(acc, a, w, t, narrow, fetch);
    }
    store_tile<Isa, kRows, kVectors, kWidth>(acc, t, c, residual);
    if (residual) residual += kRows * t.residual_stride;
  }
}

template <class Isa, int kRows, int kVectors, int kWidth, class Weight>
LINNET_INLINE void tile_of_rows(int32_t rows, const TileArgsOf<Weight>& t) {
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
    if (t.columns <= kColumns) return;
    TileArgsOf<Weight> rest = t;
    rest.columns -= kColumns;
    rest.panel += kColumns;
    if constexpr (kScaledAtTheEnd<Weight>) rest.header += kColumns;
    rest.c += kColumns;
    if (rest.residual) rest.residual += kColumns;
    tile<Isa, kRows, kBlock, kWidth>(rest);
  }
}

// Columns that a tile of the span computes; more than the span has where its last vector is not full.
template <class Isa, class Weight>
LINNET_INLINE int32_t tile_columns(const PanelSpanOf<Weight>& span) {
  using Shape = TileShape<Isa>;
  if (span.mixed) return 2 * kPanel;
  return Shape::width * (span.wide ? span.panels * Shape::wide_vectors : Shape::narrow_vectors);
}

template <class Isa, class Weight>
LINNET_INLINE void run_tile(const PanelSpanOf<Weight>& span, int32_t rows, const TileArgsOf<Weight>& t) {
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
  if constexpr (Shape::mixed) {
    if (span.mixed) {
      tile_of_rows<Isa, Shape::rows, 2, kMixedPanels>(rows, t);
      return;
    }
  }
  if (span.wide || Shape::width == 1) {
    tile_of_rows<Isa, Shape::rows, Shape::wide_vectors, kPanel>(rows, t);
  } else if constexpr (Shape::width > 1) {
    tile_of_rows<Isa, Shape::narrow_rows, Shape::narrow_vectors, kTailPanel>(rows, t);
  }
}

// Rows of the next tile when `remaining` rows are left: full ones, the last two of equal size.
template <class Isa>
LINNET_INLINE int32_t next_tile_rows(int32_t remaining, int32_t rows = TileShape<Isa>::rows) {
  return remaining <= rows ? remaining : remaining < 2 * rows ? (remaining + 1) / 2 : rows;
}

constexpr int32_t kDeferredTiles = 4;

// Computes `count` output rows of a span. `t` has its inputs, c and residual at column 0 of the first row; what depends
// on the span, the activation and the division into tiles is filled in here. It is used up, since a copy would wait for
// its parts to be stored.
template <class Isa, class Weight>
void run_rows(const PanelSpanOf<Weight>& span, int32_t count, const Activation& activation, TileArgsOf<Weight>& t) {
  using Shape = TileShape<Isa>;
  const int32_t step = tile_columns<Isa>(span);
  const int32_t height = span.wide || t.rows ? Shape::rows : Shape::narrow_rows;
  t.clamp = make_clamp<Isa>(activation);
  t.panel_distance = span.panel_distance;
  t.panel_width = span.wide ? kPanel : kTailPanel;
  t.c += span.column;
  if (t.residual) t.residual += span.column;
  t.next = span.next;
  t.next_begin = 0;
  if constexpr (kPrefetches<Isa>) {
    t.next_step = fetch_step(t.panel_width * static_cast<ptrdiff_t>(sizeof(Weight)), (count + height - 1) / height);
  }
  while (count > 0) {
    const int32_t rows = next_tile_rows<Isa>(count, height);
    t.tiles = count < 2 * height ? 1 : count / height - (count % height != 0);
    // What an activation has yet to be applied to shall be in the first-level cache then.
    if (t.clamp.deferred && t.tiles > kDeferredTiles) t.tiles = kDeferredTiles;
    float* const c = t.c;
    const float* const residual = t.residual;
    for (int32_t column = 0; column < span.columns; column += step) {
      t.panel = span.packed + column;
      if constexpr (kScaledAtTheEnd<Weight>) t.header = reinterpret_cast<const float*>(span.packed) + column;
      t.columns = span.columns - column;
      t.c = c + column;
      if (residual) t.residual = residual + column;
      run_tile<Isa>(span, rows, t);
    }
    const int32_t done = t.tiles * rows;
    if (t.clamp.deferred) activate_rows<Isa>(activation, done, span.columns, c, t.c_stride, c, t.c_stride);
    if (t.rows) t.rows += static_cast<ptrdiff_t>(t.tiles) * t.taps * Shape::rows;
    t.offset += done * t.row_stride;
    t.c = c + done * t.c_stride;
    if (residual) t.residual = residual + done * t.residual_stride;
    t.next_begin += t.tiles;
    count -= done;
  }
}

// Calls body(PanelSpan) for all panels of a section of [k, n], kPanels at a time while there are as many, the last two
// of different width together with kMixed.
template <class Isa, int kPanels = TileShape<Isa>::panels, bool kMixed = false, class Weight, class Body>
LINNET_INLINE void for_each_span(const Weight* packed, int32_t n, int32_t k, Body body) {
  using Span = PanelSpanOf<Weight>;
  const ptrdiff_t length = k + static_cast<ptrdiff_t>(kHeaderRows<Weight>);
  for (int32_t column = 0; column < n;) {
    const int32_t remaining = n - column;
    const bool wide = remaining > kTailPanel;
    if (kMixed && remaining > kPanel && remaining <= kMixedPanels) {
      body(Span{packed, kPanel * length, column, remaining, 1, true, true, packed + kMixedPanels * length});
      return;
    }
    const auto holds = [remaining](int32_t panels) { return remaining > (panels - 1) * kPanel + kTailPanel; };
    const int32_t panels = holds(kPanels) ? kPanels : holds(TileShape<Isa>::panels) ? TileShape<Isa>::panels : 1;
    const int32_t width = wide ? panels * kPanel : kTailPanel;
    const Weight* const next = packed + width * length;
    body(Span{packed, kPanel * length, column, remaining < width ? remaining : width, panels, wide, false, next});
    packed = next;
    column += width;
  }
}

}  // namespace linnet::kernels
