// The contract of the kernels whose weights are codes of 4 or 2 bits: argument structs and the size of their sections.
// As in contract.hpp and contract_int8.hpp.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

// A section Panel16Codes of [k, n] is, for each panel: float bias [width], the table [2^bits] or for each group of
// inputs step [width] and (OffsetGrid) offset [width], then for each 32 / bits inputs uint32 words [width], whose bits
// bits * i .. bits * i + bits - 1 are the code of input i.
LINNET_INLINE constexpr int64_t code_groups(const CodeFormat& format, int64_t k) {
  return format.kind == CodeKind::Table ? 0 : (k + format.group - 1) / format.group;
}
LINNET_INLINE constexpr int64_t code_words(const CodeFormat& format, int64_t k) {
  return (k * format.bits + 31) / 32;
}
// Bytes before the words of a panel, and of all of it.
LINNET_INLINE constexpr int64_t codes_head_bytes(const CodeFormat& format, int64_t width, int64_t k) {
  if (format.kind == CodeKind::Table) return 4 * (width + (int64_t{1} << format.bits));
  return 4 * width * (1 + code_groups(format, k) * (format.kind == CodeKind::OffsetGrid ? 2 : 1));
}
LINNET_INLINE constexpr int64_t codes_panel_bytes(const CodeFormat& format, int64_t width, int64_t k) {
  return codes_head_bytes(format, width, k) + 4 * width * code_words(format, k);
}
LINNET_INLINE constexpr int64_t panel_codes_bytes(const CodeFormat& format, int64_t n, int64_t k) {
  const int64_t columns = panel_columns(n), wide = columns / kPanel;
  return wide * codes_panel_bytes(format, kPanel, k) +
         (columns % kPanel != 0 ? codes_panel_bytes(format, kTailPanel, k) : 0);
}

// As Conv2DArgs; `packed`: one Panel16Codes section per group. A product is a convolution of 1x1 of an image one pixel
// wide. A layer of one row, whoever computes which of its outputs, says so: it is summed in another order.
struct Conv2DCodesArgs : Conv2DArgsOf<uint8_t> {
  CodeFormat format;
  bool one_row;  // the layer is a 1x1 convolution with one output pixel
};

}  // namespace linnet::kernels
