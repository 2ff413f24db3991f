// The register tile of int8 convolutions and products: rows times blocks of outputs, summed over taps and over the k
// inputs of each, k a multiple of 4. Sums pass through memory to the epilogue, which is one function for all tiles.
#pragma once

#include "kernels/gemm/dot.hpp"
#include "kernels/gemm/epilogue_int8.hpp"

namespace linnet::kernels {

// Rows that a tile computes together; `rows` of it are stored.
struct TileInt8Args {
  const int8_t* const* pointers;  // [taps][int8_rows of the instruction set]: inputs of each row
  int32_t taps, k;
  const int8_t* weights;     // of the tile's first output
  ptrdiff_t weight_step;     // bytes of a panel's row of weights
  ptrdiff_t panel_distance;  // bytes from a panel to the next
  int32_t* sums;             // [rows][blocks * outputs]
};

template <class Isa, int kRows, int kBlocks>
__attribute__((noinline)) void tile_int8(const TileInt8Args& t) {
  using D = Dot<Isa>;
  constexpr int kStride = traits(isa_id<Isa>).int8_rows;
  typename D::Sum sums[kRows][kBlocks];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int b = 0; b < kBlocks; ++b) sums[r][b] = D::zero();
  }
  const int8_t* w = t.weights;
  const int32_t k = t.k;
  const ptrdiff_t weight_step = t.weight_step, panel_distance = t.panel_distance;
  const int8_t* const* pointers = t.pointers;
  for (int32_t tap = 0; tap < t.taps; ++tap, pointers += kStride) {
    const int8_t* x[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) x[r] = pointers[r];
    for (int32_t i = 0; i < k; i += kDot, w += weight_step) {
      typename D::Weights weights[kBlocks];
#pragma GCC unroll 16
      for (int b = 0; b < kBlocks; ++b) {
        const int column = b * D::outputs;
        weights[b] = D::weights(w + column / kPanel * panel_distance + column % kPanel * kDot);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const typename D::Inputs inputs = D::inputs(x[r] + i);
#pragma GCC unroll 16
        for (int b = 0; b < kBlocks; ++b) D::add(&sums[r][b], weights[b], inputs);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int b = 0; b < kBlocks; ++b) D::store(sums[r][b], t.sums + (r * kBlocks + b) * D::outputs);
  }
}

// Rows of inputs, some tiles of them, and the section of weights that they are multiplied by.
struct RowsInt8 {
  const int8_t* const* pointers;  // [tiles][taps][int8_rows]; those of a last tile that has fewer rows are repeated
  int32_t rows, taps, k;
  const int8_t* packed;
  int32_t columns;  // of the section
  int8_t* y;        // first row, first column
  ptrdiff_t y_stride;
  const int8_t* residual;  // or null
};

template <class Isa, int kRows, int kBlocks>
LINNET_INLINE void multiply_block(const RowsInt8& in, const EpilogueInt8& e, const int8_t* panel, int32_t width,
                                  int32_t first, int32_t column, int32_t row, int32_t rows) {
  using D = Dot<Isa>;
  constexpr int kColumns = kBlocks * D::outputs;
  constexpr int32_t kStride = traits(isa_id<Isa>).int8_rows;
  const int64_t header = kPanelHeader * width, distance = width * (kPanelHeader + int64_t{in.taps} * in.k);
  alignas(64) int32_t sums[kRows * kColumns];
  TileInt8Args t;
  t.pointers = in.pointers + static_cast<ptrdiff_t>(row) / kStride * in.taps * kStride + row % kStride;
  t.taps = in.taps;
  t.k = in.k;
  t.weights = panel + header + column * kDot;
  t.weight_step = width * kDot;
  t.panel_distance = distance;
  t.sums = sums;
  tile_int8<Isa, kRows, kBlocks>(t);
  const int32_t end = in.columns - first - column < kColumns ? in.columns - first - column : kColumns;
  for (int32_t c = 0; c < end; c += kPanel) {
    SumsInt8 s;
    s.sums = sums + c;
    s.stride = kColumns;
    s.rows = rows;
    s.columns = end - c < kPanel ? end - c : kPanel;
    s.panel = panel + c / kPanel * distance;
    s.width = width;
    s.column = column;
    s.y = in.y + row * in.y_stride + first + column + c;
    s.y_stride = in.y_stride;
    s.residual = in.residual ? in.residual + row * e.residual_stride + first + column + c : nullptr;
    finish_sums<Isa, D::flips_inputs>(s, e);
  }
}

// All rows by kBlocks blocks from `column` of the panel on that begins with output `first`.
template <class Isa, int kBlocks>
LINNET_INLINE void multiply_rows(const RowsInt8& in, const EpilogueInt8& e, const int8_t* panel, int32_t width,
                                 int32_t first, int32_t column) {
  constexpr int kRows = traits(isa_id<Isa>).int8_rows;
  for (int32_t row = 0; row < in.rows; row += kRows) {
    const int32_t left = in.rows - row;
    if (left == 1) {
      multiply_block<Isa, 1, kBlocks>(in, e, panel, width, first, column, row, 1);
    } else {
      multiply_block<Isa, kRows, kBlocks>(in, e, panel, width, first, column, row, left < kRows ? left : kRows);
    }
  }
}

template <class Isa>
LINNET_INLINE void multiply_panel(const RowsInt8& in, const EpilogueInt8& e, const int8_t* panel, int32_t width,
                                  int32_t first) {
  constexpr int kOutputs = Dot<Isa>::outputs, kBlocks = Dot<Isa>::blocks;
  if constexpr (kOutputs < kPanel && kOutputs * kBlocks >= kPanel) {
    if (width == kPanel) return multiply_rows<Isa, kPanel / kOutputs>(in, e, panel, width, first, 0);
  }
  for (int32_t column = 0; column < width && column < in.columns - first; column += kOutputs)
    multiply_rows<Isa, 1>(in, e, panel, width, first, column);
}

// As many wide panels together as there are, up to kBlocks blocks of a tile with kRows rows; returns how many.
template <class Isa, int kBlocks, bool kSingleRow>
LINNET_INLINE int32_t multiply_panels(const RowsInt8& in, const EpilogueInt8& e, const int8_t* panel, int32_t first) {
  constexpr int32_t kPanels = kBlocks * Dot<Isa>::outputs / kPanel;
  if constexpr (kPanels > 1) {
    if (in.columns - first <= (kPanels - 1) * kPanel + kTailPanel) {
      return multiply_panels<Isa, kBlocks / 2, kSingleRow>(in, e, panel, first);
    }
    if constexpr (kSingleRow) {
      multiply_block<Isa, 1, kBlocks>(in, e, panel, kPanel, first, 0, 0, 1);
    } else {
      multiply_rows<Isa, kBlocks>(in, e, panel, kPanel, first, 0);
    }
    return kPanels;
  }
  multiply_panel<Isa>(in, e, panel, in.columns - first > kTailPanel ? kPanel : kTailPanel, first);
  return 1;
}

// y = epilogue(rows * section).
template <class Isa>
void multiply_int8(const RowsInt8& in, const EpilogueInt8& e) {
  const int64_t panel_bytes = kPanel * (kPanelHeader + int64_t{in.taps} * in.k);
  const int8_t* panel = in.packed;
  for (int32_t first = 0, panels; first < in.columns; first += panels * kPanel, panel += panels * panel_bytes) {
    panels = in.rows == 1 ? multiply_panels<Isa, Dot<Isa>::single_row_blocks, true>(in, e, panel, first)
                          : multiply_panels<Isa, Dot<Isa>::blocks, false>(in, e, panel, first);
  }
}

}  // namespace linnet::kernels
