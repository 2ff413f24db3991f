// int8 products with weights as codes: a run of the inputs of some panels is decoded into a section of a Panel16Int8
// that stays in the nearest caches, for all rows of a block. Results are those of the Panel16Int8.
#pragma once

#include "kernels/codes/decode_int8.hpp"
#include "kernels/codes/plan_int8.hpp"
#include "kernels/gemm/tile_int8.hpp"

namespace linnet::kernels {

// Where a section's runs are decoded, and where sums wait (codes/plan_int8.hpp).
struct Int8Codes {
  const CodeFormat& format;
  int32_t k;  // of the section
  int8_t* decoded;
  int32_t* sums;
};

// Taps tap .. tap_end and the inputs i .. i_end of each: several taps are whole.
struct Int8TapRun {
  int32_t tap, tap_end, i, i_end;
};

// Decodes the run of outputs column .. column + columns of the section at `in.packed`, and multiplies.
template <class Isa>
LINNET_INLINE void multiply_run_int8(const RowsInt8<Isa>& in, const EpilogueInt8& e, const Int8Codes& codes,
                                     const int8_t* panel, int32_t column, int32_t columns, const Int8TapRun& run) {
  const int32_t begin = run.tap * in.k + run.i, end = (run.tap_end - 1) * in.k + run.i_end;
  RowsInt8<Isa> part = in;
  part.taps = run.tap_end - run.tap;
  part.k = run.i_end - run.i;
  part.packed = codes.decoded;
  part.columns = columns;
  part.y += column;
  if (part.residual != nullptr) part.residual += column;
  part.partial.first = begin == 0;
  part.partial.last = end == in.taps * in.k;
  if (!part.partial.first || !part.partial.last) {
    part.partial.sums = codes.sums;
    part.partial.stride = ptrdiff_t{decoded_panels(traits(isa_id<Isa>), in.rows == 1)} * kPanel;
  }
  int8_t* to = codes.decoded;
  for (int32_t first = 0, width; first < columns; first += width) {
    width = columns - first > kTailPanel ? kPanel : kTailPanel;
    const ptrdiff_t header = kPanelHeader * width;
    decode_int8_panel<Isa>(codes.format, panel, width, begin, end, codes.k, to + header);
    std::memcpy(to, panel, static_cast<size_t>(header));
    // Biases, and what stands for the sums of all weights, are for the first run.
    if (!part.partial.first) std::memset(to, 0, static_cast<size_t>(header / 2));
    to += header + ptrdiff_t{width} * (end - begin);
    panel += int8_codes_panel_bytes(codes.format, width, codes.k);
  }
  if constexpr (kPointersByTap<Isa>) {
    constexpr int32_t kStep = traits(isa_id<Isa>).int8_rows;
    const typename Dot<Isa>::Input* pointers[kCodedPixels];
    part.pointers = in.pointers + run.tap * kStep;
    if (run.i > 0) {
      for (int32_t row = 0; row < (in.rows + kStep - 1) / kStep * kStep; ++row)
        pointers[row] = part.pointers[first_pointer<Isa>(row, in.tile_taps)] + run.i;
      part.pointers = pointers;
      part.tile_taps = 1;
    }
    multiply_int8<Isa>(part, e);
  } else {
    const ptrdiff_t offset = in.offsets[run.tap] + run.i;
    part.offsets = part.taps == 1 ? &offset : in.offsets + run.tap;
    multiply_int8<Isa>(part, e);
  }
}

// y = epilogue(rows * section), the section of [codes.k, n] in Panel16Int8Codes.
template <class Isa>
LINNET_INLINE void multiply_codes_int8(const RowsInt8<Isa>& in, const EpilogueInt8& e, const Int8Codes& codes) {
  const bool single_row = in.rows == 1;
  const int32_t most = decoded_inputs(traits(isa_id<Isa>), single_row);
  const int32_t panels = decoded_panels(traits(isa_id<Isa>), single_row);
  const int32_t together = in.k < most ? most / in.k : 1;
  const int8_t* panel = in.packed;
  for (int32_t column = 0, columns; column < in.columns; column += columns) {
    const int32_t left = in.columns - column;
    columns = left < panels * kPanel ? left : panels * kPanel;
    for (int32_t tap = 0, tap_end; tap < in.taps; tap = tap_end) {
      tap_end = in.taps - tap < together ? in.taps : tap + together;
      for (int32_t i = 0, i_end; i < in.k; i = i_end) {
        i_end = in.k - i < most ? in.k : i + most;
        multiply_run_int8<Isa>(in, e, codes, panel, column, columns, {tap, tap_end, i, i_end});
      }
    }
    panel += panel_int8_codes_bytes(codes.format, columns, codes.k);
  }
}

}  // namespace linnet::kernels
