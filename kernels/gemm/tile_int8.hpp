// The register tile of int8 convolutions and products: rows times blocks of outputs, summed over taps and over the k
// inputs of each, k a multiple of 4. Sums pass through memory to the epilogue, which is one function for all tiles.
#pragma once

#include "kernels/gemm/row_int8.hpp"
#include "kernels/gemm/screen.hpp"
#include "schema/features.hpp"

namespace linnet::kernels {

// Inputs of rows, converted (Dot). Vector kernels have one pointer a row, from which all rows' taps lie equally far;
// the scalar kernel, which reads images in place, has pointers of its own for each tap.
template <class Isa>
constexpr bool kPointersByTap = I32<Isa>::width == 1;

// Rows of tiles that take evenly spaced ones only: as many more as load less for each product of a few outputs. 0:
// none.
template <class Isa>
constexpr int kEvenRows = isa_id<Isa> == IsaId::avx512vnni ? 16 : 0;

// Where the inputs of a tile's rows are.
template <class Isa, int kRows>
struct TilePointers {
  const typename Dot<Isa>::Input* pointers[kRows];
  LINNET_INLINE auto operator[](int r) const { return pointers[r]; }
};

// Of evenly spaced rows, of which an address reaches three; moves on to the next inputs, for which an address has no
// room.
template <class Isa>
struct EvenPointers {
  const typename Dot<Isa>::Input* pointers[(kEvenRows<Isa> + 2) / 3];
  ptrdiff_t step;
  LINNET_INLINE auto operator[](int r) const { return pointers[r / 3] + r % 3 * step; }
  LINNET_INLINE void next() {
#pragma GCC unroll 8
    for (auto*& pointer : pointers) {
      pointer += kDot;
      asm("" : "+r"(pointer));
    }
  }
};

// Rows that a tile computes together.
template <class Isa>
struct TileInt8Args {
  const typename Dot<Isa>::Input* const* pointers;  // [rows]; by tap: [taps][int8_rows of the instruction set]
  const ptrdiff_t* offsets;                         // [taps]; by tap: none
  ptrdiff_t plane;                                  // from an input to its next plane
  int32_t taps, k;
  const int8_t* weights;      // of the tile's first output
  ptrdiff_t weight_step;      // bytes of a panel's row of weights
  ptrdiff_t panel_distance;   // bytes from a panel to the next
  const Screen<Isa>* screen;  // of several rows
  const int32_t* start;       // [blocks * outputs]: what sums begin with
  int32_t* sums;              // [rows][blocks * outputs]
  ptrdiff_t row_step;         // of evenly spaced rows, of whose pointers only the first is read
};

// Adds the products of inputs i .. i + 3, each by add(sum, weights, load(row, i)).
template <class Isa, int kRows, int kBlocks, class Rows, class Load, class Add>
LINNET_INLINE void tile_step(typename Dot<Isa>::Sum (&sums)[kRows][kBlocks], const int8_t* w, ptrdiff_t panel_distance,
                             const Rows& x, int32_t i, Load load, Add add) {
  using D = Dot<Isa>;
  typename D::Weights weights[kBlocks];
#pragma GCC unroll 16
  for (int b = 0; b < kBlocks; ++b) {
    const int column = b * D::outputs;
    weights[b] = D::weights(w + column / kPanel * panel_distance + column % kPanel * kDot);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const auto inputs = load(x[r], i);
#pragma GCC unroll 16
    for (int b = 0; b < kBlocks; ++b) add(&sums[r][b], weights[b], inputs);
  }
}

// The same of screened weights.
template <class Isa, int kRows, int kBlocks, class Rows>
LINNET_INLINE void screened_step(typename Dot<Isa>::Sum (&sums)[kRows][kBlocks], const int8_t* w,
                                 ptrdiff_t panel_distance, const Rows& x, int32_t i, ptrdiff_t plane, WeightSize size) {
  using D = Dot<Isa>;
  using Input = typename D::Input;
  // The ways have nothing in common that is worth a register.
  const auto step = [&](auto load, auto add) LINNET_INLINE_LAMBDA {
    asm volatile("" : : : "memory");
    tile_step<Isa>(sums, w, panel_distance, x, i, load, add);
  };
  const auto whole = [](const Input* row, int32_t first) LINNET_INLINE_LAMBDA { return D::inputs(row + first); };
  const auto divided = [plane](const Input* row, int32_t first)
                           LINNET_INLINE_LAMBDA { return D::divided_inputs(row, first + plane, first + 2 * plane); };
  switch (size) {
    case WeightSize::Small:
      step(whole, [](auto* sum, auto weights, auto inputs) LINNET_INLINE_LAMBDA { D::add(sum, weights, inputs); });
      break;
    case WeightSize::Large:
      step(divided,
           [](auto* sum, auto weights, auto inputs) LINNET_INLINE_LAMBDA { D::add_divided(sum, weights, inputs); });
      break;
    case WeightSize::Lowest:
      step(divided, [](auto* sum, auto weights, auto inputs)
                        LINNET_INLINE_LAMBDA { D::add_divided(sum, D::limited(weights), inputs); });
      step(divided, [](auto* sum, auto weights, auto inputs)
                        LINNET_INLINE_LAMBDA { D::add_divided(sum, D::rest(weights), inputs); });
      break;
  }
}

template <class Isa, int kRows>
using TileRows = std::conditional_t<kRows == kEvenRows<Isa>, EvenPointers<Isa>, TilePointers<Isa, kRows>>;

// Calls step(weights, x, i, group) for each group of four inputs, which are inputs i .. i + 3 of the rows at x, but
// pair(weights, x) for two groups at a time, which moves both on, if kPairs.
template <class Isa, int kRows, bool kPairs, class Step, class Pair>
LINNET_INLINE void for_each_group(const TileInt8Args<Isa>& t, Step step, Pair pair) {
  const int8_t* w = t.weights;
  const int32_t k = t.k;
  const ptrdiff_t weight_step = t.weight_step;
  int32_t group = 0;
  for (int32_t tap = 0; tap < t.taps; ++tap) {
    TileRows<Isa, kRows> x;
    if constexpr (kRows == kEvenRows<Isa>) {
      x.step = t.row_step;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; r += 3) x.pointers[r / 3] = t.pointers[0] + t.offsets[tap] + r * t.row_step;
    } else {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        x.pointers[r] =
            kPointersByTap<Isa> ? t.pointers[tap * traits(isa_id<Isa>).int8_rows + r] : t.pointers[r] + t.offsets[tap];
      }
    }
    int32_t rest = k;
    if constexpr (kPairs) {
      for (rest -= 2 * kDot; rest >= 0; rest -= 2 * kDot) pair(w, x);
      rest += 2 * kDot;
    }
    if constexpr (kRows == kEvenRows<Isa>) {
      for (; rest > 0; rest -= kDot, w += weight_step, ++group, x.next()) step(w, x, 0, group);
    } else {
      for (int32_t i = 0; i < rest; i += kDot, w += weight_step, ++group) step(w, x, i, group);
    }
  }
}

template <class Isa, int kRows, class Step>
LINNET_INLINE void for_each_group(const TileInt8Args<Isa>& t, Step step) {
  for_each_group<Isa, kRows, false>(t, step, [](auto...) LINNET_INLINE_LAMBDA {});
}

// kBlocks blocks of a tile, `stride` sums from row to row.
template <class Isa, int kRows, int kBlocks>
LINNET_INLINE void multiply_blocks(const TileInt8Args<Isa>& t, int stride) {
  using D = Dot<Isa>;
  using Rows = const TileRows<Isa, kRows>&;
  typename D::Sum sums[kRows][kBlocks];
  const auto begin = [&]() LINNET_INLINE_LAMBDA {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int b = 0; b < kBlocks; ++b) sums[r][b] = D::start(t.start + b * D::outputs);
    }
  };
  begin();
  const ptrdiff_t panel_distance = t.panel_distance;
  [[maybe_unused]] const ptrdiff_t plane = t.plane;
  if constexpr (!D::screens_weights) {
    const auto step = [&](const int8_t* w, Rows x, int32_t i, int32_t) LINNET_INLINE_LAMBDA {
      tile_step<Isa>(
          sums, w, panel_distance, x, i,
          [](const auto* row, int32_t first) LINNET_INLINE_LAMBDA { return D::inputs(row + first); },
          [](auto* sum, const auto& weights, auto inputs) LINNET_INLINE_LAMBDA { D::add(sum, weights, inputs); });
    };
    if constexpr (D::pairs_groups && kRows > 1) {
      bool found = false;
      if constexpr (Screen<Isa>::needed) found = t.screen->found;
      if (!found) {
        const ptrdiff_t weight_step = t.weight_step;
        const auto pair = [&](const int8_t*& w, TileRows<Isa, kRows>& x)
                              LINNET_INLINE_LAMBDA { D::add_pair(sums, w, weight_step, x.pointers); };
        for_each_group<Isa, kRows, true>(t, step, pair);
      } else {
        for_each_group<Isa, kRows>(t, step);
      }
    } else {
      for_each_group<Isa, kRows>(t, step);
    }
  } else if constexpr (kRows > 1) {
    const Screen<Isa>& screen = *t.screen;
    for_each_group<Isa, kRows>(t, [&](const int8_t* w, Rows x, int32_t i, int32_t group) LINNET_INLINE_LAMBDA {
      screened_step<Isa>(sums, w, panel_distance, x, i, plane, screen.size(group));
    });
  } else {  // one row: weights are not worth a screen, and taken for Large ones until one is found that is too low
    typename D::Weights least = D::weights(t.weights);
    for_each_group<Isa, kRows>(t, [&](const int8_t* w, Rows x, int32_t i, int32_t) LINNET_INLINE_LAMBDA {
      tile_step<Isa>(
          sums, w, panel_distance, x, i,
          [=](const auto* row, int32_t first)
              LINNET_INLINE_LAMBDA { return D::divided_inputs(row, first + plane, first + 2 * plane); },
          [&](auto* sum, auto weights, auto inputs) LINNET_INLINE_LAMBDA {
            least = D::lower(least, weights);
            D::add_divided(sum, weights, inputs);
          });
    });
    if (D::is_lowest(least)) {
      begin();
      for_each_group<Isa, kRows>(t, [&](const int8_t* w, Rows x, int32_t i, int32_t) LINNET_INLINE_LAMBDA {
        screened_step<Isa>(sums, w, panel_distance, x, i, plane, WeightSize::Lowest);
      });
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int b = 0; b < kBlocks; ++b) D::store(sums[r][b], t.sums + r * stride + b * D::outputs);
  }
}

template <class Isa, int kRows, int kBlocks>
__attribute__((noinline)) void tile_int8(const TileInt8Args<Isa>& t) {
  using D = Dot<Isa>;
  constexpr int kTogether = kRows > 1 && kBlocksTogether<Isa> < kBlocks ? kBlocksTogether<Isa> : kBlocks;
  if constexpr (kTogether == kBlocks) {
    multiply_blocks<Isa, kRows, kBlocks>(t, kBlocks * D::outputs);
  } else {
    TileInt8Args<Isa> part = t;
    for (int b = 0; b < kBlocks; b += kTogether) {
      multiply_blocks<Isa, kRows, kTogether>(part, kBlocks * D::outputs);
      part.weights += kTogether * D::outputs * kDot;
      part.start += kTogether * D::outputs;
      part.sums += kTogether * D::outputs;
    }
  }
}

// Sums of rows over a run of their inputs, where weights come run by run: they are added to those that wait at `sums`
// from the runs before, if there are any, and then wait there for the next.
struct PartialSums {
  int32_t* sums = nullptr;  // [rows][stride], by column of the section; null: inputs are not divided
  ptrdiff_t stride = 0;
  bool first = true, last = true;
};

template <class Isa>
__attribute__((noinline)) void add_partial_sums(const PartialSums& partial, int32_t row, int32_t column, int32_t rows,
                                                int32_t columns, int32_t* sums, ptrdiff_t stride) {
  for (int32_t r = 0; r < rows; ++r, sums += stride) {
    int32_t* const waiting = partial.sums + (row + r) * partial.stride + column;
    if (!partial.first)
      for (int32_t c = 0; c < columns; ++c) sums[c] += waiting[c];
    if (!partial.last) std::memcpy(waiting, sums, static_cast<size_t>(columns) * sizeof(int32_t));
  }
}

// Rows of inputs, some tiles of them, and the section of weights that they are multiplied by.
template <class Isa>
struct RowsInt8 {
  const typename Dot<Isa>::Input* const* pointers;  // [tiles][int8_rows]; by tap: [tiles][taps][int8_rows]; a last
                                                    // tile that has fewer rows has some twice
  const ptrdiff_t* offsets;                         // as in TileInt8Args
  ptrdiff_t plane;
  int32_t run;         // of so many rows each lies row_step behind the one before; 0: nothing is known
  ptrdiff_t row_step;  // in inputs
  int32_t rows, taps, k;
  int32_t tile_taps;  // by tap: of a tile's pointers, of which the first `taps` count
  const int8_t* packed;
  int32_t columns;  // of the section
  Scale scale;      // see scale_of_sums
  int8_t* y;        // first row, first column
  ptrdiff_t y_stride;
  const int8_t* residual;  // or null
  PartialSums partial;
};

// Where the outputs of some blocks lie: from `column` of the panel on that begins with output `first`.
struct BlockInt8 {
  const int8_t* panel;
  int32_t width, first, column;
};

// Where a row's pointers begin.
template <class Isa>
LINNET_INLINE ptrdiff_t first_pointer(int32_t row, int32_t taps) {
  constexpr int32_t kStride = traits(isa_id<Isa>).int8_rows;
  return kPointersByTap<Isa> ? static_cast<ptrdiff_t>(row / kStride) * taps * kStride + row % kStride : row;
}

// Tiles whose sums wait for the epilogue together: some KB of them.
template <class Isa, int kRows, int kColumns>
constexpr int kTilesTogether = I32<Isa>::width == 1 || kRows* kColumns >= 1024 ? 1 : 1024 / (kRows * kColumns);

// What the sums of a block begin with, and the screen of its weights for products with `rows` rows in tiles of kRows.
template <class Isa, int kRows, int kBlocks>
LINNET_INLINE void start_block(const RowsInt8<Isa>& in, const BlockInt8& block, int64_t distance, int32_t rows,
                               int32_t* start, Screen<Isa>& screen) {
  using D = Dot<Isa>;
  constexpr int kColumns = kBlocks * D::outputs;
  for (int32_t c = 0; c < kColumns; c += D::outputs) {
    const int32_t column = block.column + c;
    start_sums<Isa, D::flips_inputs && !D::screens_weights>(block.panel + column / kPanel * distance, block.width,
                                                            column % kPanel, D::outputs, start + c);
  }
  if constexpr (Screen<Isa>::needed && kRows > 1) {
    const int8_t* const weights = block.panel + kPanelHeader * block.width + block.column * kDot;
    screen_block<Isa, kColumns>(weights, block.width * kDot, in.taps * (in.k / kDot), rows >= 2 * kRows, start, screen);
  }
}

// Rows row .. row + count by kBlocks blocks, in tiles of kRows.
template <class Isa, int kRows, int kBlocks>
LINNET_INLINE void multiply_tiles(const RowsInt8<Isa>& in, const EpilogueInt8& e, const BlockInt8& block, int32_t row,
                                  int32_t count) {
  using D = Dot<Isa>;
  constexpr int kColumns = kBlocks * D::outputs, kTogether = kTilesTogether<Isa, kRows, kColumns>;
  const int64_t distance = block.width * (kPanelHeader + int64_t{in.taps} * in.k);
  alignas(64) int32_t sums[kTogether * kRows * kColumns + kPanel];  // the epilogue reads whole panels
  alignas(64) int32_t start[kColumns];
  Screen<Isa> screen;
  start_block<Isa, kRows, kBlocks>(in, block, distance, count, start, screen);
  TileInt8Args<Isa> t;
  t.start = start;
  t.screen = &screen;
  t.row_step = in.row_step;
  t.offsets = in.offsets;
  t.plane = in.plane;
  t.taps = in.taps;
  t.k = in.k;
  t.weights = block.panel + kPanelHeader * block.width + block.column * kDot;
  t.weight_step = block.width * kDot;
  t.panel_distance = distance;
  const int32_t first = block.first + block.column;
  const int32_t end = in.columns - first < kColumns ? in.columns - first : kColumns;
  for (int32_t rows; count > 0; row += rows, count -= rows) {
    rows = count < kTogether * kRows ? count : kTogether * kRows;
    for (int32_t r = 0; r < rows; r += kRows) {
      t.pointers = in.pointers + first_pointer<Isa>(row + r, in.tile_taps);
      t.sums = sums + r * kColumns;
      tile_int8<Isa, kRows, kBlocks>(t);
    }
    if constexpr (kHasCodes) {
      if (in.partial.sums != nullptr) {
        add_partial_sums<Isa>(in.partial, row, first, rows, end, sums, kColumns);
        if (!in.partial.last) continue;
      }
    }
    SumsInt8 s;
    s.stride = kColumns;
    s.rows = rows;
    s.scale = in.scale;
    s.panel_distance = distance;
    s.width = block.width;
    s.column = block.column;
    s.y_stride = in.y_stride;
    const auto columns_from = [&](int32_t c, int32_t most) LINNET_INLINE_LAMBDA {
      s.sums = sums + c;
      s.columns = end - c < most ? end - c : most;
      s.panel = block.panel + c / kPanel * distance;
      s.y = in.y + row * in.y_stride + first + c;
      s.residual = in.residual ? in.residual + row * e.residual_stride + first + c : nullptr;
    };
    if constexpr (kRows == 1) {
      columns_from(0, end);
      const int32_t stored = store_row<Isa>(s, e.requantize);
      if (stored == end) continue;
      columns_from(stored, end);
      finish_sums<Isa>(s, e);
    } else {
      for (int32_t c = 0; c < end; c += kPanel) {
        columns_from(c, kPanel);
        finish_sums<Isa>(s, e);
      }
    }
  }
}

// Whether those are the tiles of all of a product's rows.
template <class Isa>
LINNET_INLINE bool takes_even_rows(int32_t run, int32_t rows, int32_t columns) {
  if constexpr (kEvenRows < Isa >> 0)
    return run % kEvenRows<Isa> == 0 && rows % kEvenRows<Isa> == 0 && columns <= kPanel;
  return (void)run, (void)rows, (void)columns, false;
}

// How many of the rows tiles of evenly spaced ones take: the others' tiles must find as many pointers as all rows have.
template <class Isa>
LINNET_INLINE int32_t even_rows(const RowsInt8<Isa>& in) {
  constexpr int32_t kRows = traits(isa_id<Isa>).int8_rows, kEven = kEvenRows<Isa>;
  if (in.run < in.rows && in.run % kEven != 0) return 0;
  const auto whole = [](int32_t rows) LINNET_INLINE_LAMBDA { return (rows + kRows - 1) / kRows * kRows; };
  int32_t even = in.rows - in.rows % kEven;
  while (even > 0 && even + whole(in.rows - even) > whole(in.rows)) even -= kEven;
  return even;
}

// All rows by kBlocks blocks, a single last one by itself.
template <class Isa, int kBlocks>
LINNET_INLINE void multiply_rows(const RowsInt8<Isa>& in, const EpilogueInt8& e, const BlockInt8& block) {
  constexpr int kRows = traits(isa_id<Isa>).int8_rows;
  int32_t even = 0;
  if constexpr (kEvenRows < Isa >> 0 && kBlocks == 1) {
    even = even_rows(in);
    if (even > 0) multiply_tiles<Isa, kEvenRows<Isa>, kBlocks>(in, e, block, 0, even);
  }
  const int32_t rest = in.rows - even, single = rest % kRows == 1 ? 1 : 0;
  if (rest > single) multiply_tiles<Isa, kRows, kBlocks>(in, e, block, even, rest - single);
  if (single) multiply_tiles<Isa, 1, kBlocks>(in, e, block, in.rows - 1, 1);
}

template <class Isa>
LINNET_INLINE void multiply_panel(const RowsInt8<Isa>& in, const EpilogueInt8& e, BlockInt8 block) {
  constexpr int kOutputs = Dot<Isa>::outputs, kBlocks = Dot<Isa>::blocks;
  if constexpr (kOutputs < kPanel && kOutputs * kBlocks >= kPanel) {
    if (block.width == kPanel) return multiply_rows<Isa, kPanel / kOutputs>(in, e, block);
  }
  for (; block.column < block.width && block.column < in.columns - block.first; block.column += kOutputs)
    multiply_rows<Isa, 1>(in, e, block);
}

// As many wide panels together as there are, up to kBlocks blocks of a tile with kRows rows; returns how many.
template <class Isa, int kBlocks, bool kSingleRow>
LINNET_INLINE int32_t multiply_panels(const RowsInt8<Isa>& in, const EpilogueInt8& e, const int8_t* panel,
                                      int32_t first) {
  const BlockInt8 block = {panel, in.columns - first > kTailPanel ? kPanel : kTailPanel, first, 0};
  constexpr int32_t kPanels = kBlocks * Dot<Isa>::outputs / kPanel;
  if constexpr (kPanels > 1) {
    if (in.columns - first <= (kPanels - 1) * kPanel + kTailPanel) {
      return multiply_panels<Isa, kBlocks / 2, kSingleRow>(in, e, panel, first);
    }
    if constexpr (kSingleRow) {
      multiply_tiles<Isa, 1, kBlocks>(in, e, block, 0, 1);
    } else {
      multiply_rows<Isa, kBlocks>(in, e, block);
    }
    return kPanels;
  }
  multiply_panel<Isa>(in, e, block);
  return 1;
}

// y = epilogue(rows * section).
template <class Isa>
void multiply_int8(const RowsInt8<Isa>& in, const EpilogueInt8& e) {
  const int64_t panel_bytes = kPanel * (kPanelHeader + int64_t{in.taps} * in.k);
  const int8_t* panel = in.packed;
  for (int32_t first = 0, panels; first < in.columns; first += panels * kPanel, panel += panels * panel_bytes) {
    panels = in.rows == 1 ? multiply_panels<Isa, Dot<Isa>::single_row_blocks, true>(in, e, panel, first)
                          : multiply_panels<Isa, Dot<Isa>::blocks, false>(in, e, panel, first);
  }
}

}  // namespace linnet::kernels
