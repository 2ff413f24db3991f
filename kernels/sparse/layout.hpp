// Sections of sparse weights (schema/README.md, Sparse layouts): what a panel consists of, and where its parts are. For
// the kernels, the engine's check and the packing functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/isa.hpp"

namespace linnet::kernels {

// A block is `outputs` weights of one input, or, of int8, the weights of one output and four consecutive inputs: four
// bytes for each output either way. Positions are inputs, of int8 groups of four.
struct SparseLayout {
  int32_t outputs;                                                           // of a block: 1, 4 or 16
  int32_t header_bytes;                                                      // of a panel
  LINNET_INLINE constexpr int32_t rows() const { return kPanel / outputs; }  // of blocks, in a panel
  LINNET_INLINE constexpr int32_t block_bytes() const { return 4 * outputs; }
  LINNET_INLINE constexpr int64_t aligned(int64_t bytes) const {
    return (bytes + block_bytes() - 1) / block_bytes() * block_bytes();
  }
};
constexpr int32_t kSparseFloatHeader = 4 * kPanel;                                  // biases
constexpr int32_t kSparseInt8Header = static_cast<int32_t>(kPanelHeader) * kPanel;  // as of Panel16Int8

// Positions that one byte tells apart.
constexpr int32_t kSparseRun = 256;
LINNET_INLINE constexpr int32_t sparse_runs(int32_t positions) {
  return (positions + kSparseRun - 1) / kSparseRun;
}
LINNET_INLINE constexpr int32_t sparse_panels(int32_t n) {
  return (n + kPanel - 1) / kPanel;
}
// Where the first panel begins.
LINNET_INLINE constexpr int64_t sparse_first_panel(const SparseLayout& layout, int32_t n) {
  return layout.aligned(int64_t{4} * sparse_panels(n));
}
LINNET_INLINE constexpr int64_t sparse_counts(const SparseLayout& layout, int32_t positions) {
  return int64_t{layout.rows()} * sparse_runs(positions);
}

// Bytes of a panel with so many blocks.
LINNET_INLINE constexpr int64_t sparse_panel_bytes(const SparseLayout& layout, int32_t positions, int64_t blocks) {
  return layout.aligned(layout.header_bytes + 2 * sparse_counts(layout, positions) + blocks) +
         blocks * layout.block_bytes();
}

// The blocks of a panel in one run of positions, row after row.
struct SparseBlocks {
  const uint16_t* counts;  // [rows]
  const uint8_t* indices;  // of positions in the run
  const uint8_t* values;
};

// A panel of a section [positions, n].
struct SparsePanel {
  LINNET_INLINE SparsePanel(const uint8_t* section, const SparseLayout& form, int32_t n, int32_t positions,
                            int32_t panel)
      : layout(form), header(section + first_byte(section, form, n, panel)) {
    counts = reinterpret_cast<const uint16_t*>(header + layout.header_bytes);
    const ptrdiff_t all = static_cast<ptrdiff_t>(sparse_counts(layout, positions));
    indices = reinterpret_cast<const uint8_t*>(counts + all);
    values = header + layout.aligned(indices + sum(counts, all) - header);
  }

  LINNET_INLINE SparseBlocks run(int32_t index) const {
    const ptrdiff_t before = static_cast<ptrdiff_t>(index) * layout.rows(), blocks = sum(counts, before);
    return {counts + before, indices + blocks, values + blocks * layout.block_bytes()};
  }

  SparseLayout layout;
  const uint8_t* header;

 private:
  const uint16_t* counts;  // [runs][rows]
  const uint8_t* indices;
  const uint8_t* values;

  static LINNET_INLINE ptrdiff_t first_byte(const uint8_t* section, const SparseLayout& form, int32_t n,
                                            int32_t panel) {
    if (panel == 0) return static_cast<ptrdiff_t>(sparse_first_panel(form, n));
    return static_cast<ptrdiff_t>(reinterpret_cast<const uint32_t*>(section)[panel - 1]);
  }
  static LINNET_INLINE ptrdiff_t sum(const uint16_t* numbers, ptrdiff_t n) {
    uint32_t total = 0;
    for (ptrdiff_t i = 0; i < n; ++i) total += numbers[i];
    return static_cast<ptrdiff_t>(total);
  }
};

}  // namespace linnet::kernels
