// Weights as codes of 4 or 2 bits: what their sections say of themselves.
#pragma once

#include "kernels/isa.hpp"

namespace linnet::kernels {

// What a code c of an output stands for. Grid: step * (c - zero). OffsetGrid: step * c + offset. Table: table[c].
enum class CodeKind : int32_t { Grid = 0, OffsetGrid, Table, OutputTable };

// Of all codes of a layer; the first bytes of its weights, kCodesHeaderBytes with the zeros behind them.
struct CodeFormat {
  int32_t bits = 0;                // 4 or 2
  CodeKind kind = CodeKind::Grid;  // Table: each serves a panel of outputs; OutputTable, of integers alone: one
  int32_t group = 0;  // of grids: inputs of an output that share one, a multiple of kCodeInputs or at least all
  int32_t zero = 0;   // of Grid
};

constexpr int32_t kCodeInputs = 16;  // inputs that no word of codes goes beyond, whatever their bits
constexpr int64_t kCodesHeaderBytes = 64;

// A section Panel16Int8Codes of [k, n] is, for each panel, the four rows of a Panel16Int8, its table or those of its
// outputs, int8 [16] each (of 2 bits the first four count), and for each kCodeInputs inputs codes [4 / parts][width /
// 4] [16] of a byte, whose bits from `bits` * p on, p < parts = 8 / bits, are a code. With q = parts * row + p and the
// outputs from 4 * column on, byte j has the code of output j / 4 and input 4 * q + j % 4 by the panel's table; of
// output q and input j by tables of outputs, which are [4][width / 4], of output q of four columns.
constexpr int64_t kInt8TableBytes = 16;
LINNET_INLINE constexpr int64_t int8_codes_block_bytes(const CodeFormat& format, int64_t width) {
  return 2 * format.bits * width;
}
// Bytes before the codes of a panel, and of all of it.
LINNET_INLINE constexpr int64_t int8_codes_head_bytes(const CodeFormat& format, int64_t width) {
  return kPanelHeader * width + kInt8TableBytes * (format.kind == CodeKind::OutputTable ? width : 1);
}
LINNET_INLINE constexpr int64_t int8_codes_panel_bytes(const CodeFormat& format, int64_t width, int64_t k) {
  return int8_codes_head_bytes(format, width) +
         (k + kCodeInputs - 1) / kCodeInputs * int8_codes_block_bytes(format, width);
}
LINNET_INLINE constexpr int64_t panel_int8_codes_bytes(const CodeFormat& format, int64_t n, int64_t k) {
  const int64_t columns = panel_columns(n);
  return columns / kPanel * int8_codes_panel_bytes(format, kPanel, k) +
         (columns % kPanel != 0 ? int8_codes_panel_bytes(format, kTailPanel, k) : 0);
}

}  // namespace linnet::kernels
