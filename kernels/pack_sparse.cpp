#include "kernels/pack_sparse.hpp"

#include <cstring>

#include "kernels/sparse/layout.hpp"

namespace linnet::kernels {
namespace {

// Weights of floats, as blocks.
struct FloatBlocks {
  const ConvWeights& w;
  SparseLayout layout;

  int32_t outputs() const { return w.out_channels; }
  int32_t positions() const { return w.kernel_h * w.kernel_w * w.in_channels; }
  void put_header(int32_t panel, uint8_t* at) const {
    for (int32_t i = 0; i < kPanel && panel * kPanel + i < w.out_channels; ++i) {
      if (w.bias != nullptr) std::memcpy(at + 4 * i, w.bias + panel * kPanel + i, sizeof(float));
    }
  }
  const float* weight(int32_t output, int32_t position) const {
    const int32_t tap = position / w.in_channels, input = position % w.in_channels;
    return w.data + tap / w.kernel_w * w.y_stride + tap % w.kernel_w * w.x_stride + input * w.input_stride +
           output * w.output_stride;
  }
  bool is_zero(int32_t first, int32_t position) const {
    for (int32_t o = first; o < first + layout.outputs && o < w.out_channels; ++o) {
      if (*weight(o, position) != 0) return false;
    }
    return true;
  }
  void put(int32_t first, int32_t position, uint8_t* at) const {
    for (int32_t o = first; o < first + layout.outputs && o < w.out_channels; ++o, at += sizeof(float))
      std::memcpy(at, weight(o, position), sizeof(float));
  }
};

// The groups of a Panel16Int8.
struct Int8Blocks {
  const int8_t* panels;
  int32_t n, k;
  SparseLayout layout;

  int32_t outputs() const { return n; }
  int32_t positions() const { return k / kDot; }
  int32_t width(int32_t panel) const { return n - panel * kPanel > kTailPanel ? kPanel : kTailPanel; }
  const int8_t* panel_at(int32_t panel) const { return panels + int64_t{panel} * panel_int8_bytes(kPanel, k); }
  void put_header(int32_t panel, uint8_t* at) const {
    const ptrdiff_t row = int64_t{4} * width(panel);
    for (int32_t i = 0; i < 4; ++i)
      std::memcpy(at + i * 4 * kPanel, panel_at(panel) + i * row, static_cast<size_t>(row));
  }
  const int8_t* group(int32_t output, int32_t position) const {
    const int32_t panel = output / kPanel;
    return panel_at(panel) + kPanelHeader * width(panel) + (int64_t{position} * width(panel) + output % kPanel) * kDot;
  }
  bool is_zero(int32_t output, int32_t position) const {
    constexpr int8_t kZeros[kDot] = {};
    return output >= n || std::memcmp(group(output, position), kZeros, kDot) == 0;
  }
  void put(int32_t output, int32_t position, uint8_t* at) const { std::memcpy(at, group(output, position), kDot); }
};

// Calls body(row, position, first output) for the blocks of a panel that are not zeros: those of a run of positions row
// after row, by rising position.
template <class Blocks, class Body>
void for_each_block(const Blocks& blocks, int32_t panel, Body body) {
  const int32_t positions = blocks.positions();
  for (int32_t run = 0; run < positions; run += kSparseRun) {
    for (int32_t row = 0; row < blocks.layout.rows(); ++row) {
      const int32_t first = panel * kPanel + row * blocks.layout.outputs;
      for (int32_t position = run; position < run + kSparseRun && position < positions; ++position) {
        if (!blocks.is_zero(first, position)) body(row, position, first);
      }
    }
  }
}

template <class Blocks>
int64_t panel_bytes(const Blocks& source, int32_t panel) {
  int64_t blocks = 0;
  for_each_block(source, panel, [&](int32_t, int32_t, int32_t) { ++blocks; });
  return sparse_panel_bytes(source.layout, source.positions(), blocks);
}

template <class Blocks>
int64_t section_bytes(const Blocks& source) {
  int64_t bytes = sparse_first_panel(source.layout, source.outputs());
  for (int32_t panel = 0; panel < sparse_panels(source.outputs()); ++panel) bytes += panel_bytes(source, panel);
  return bytes;
}

template <class Blocks>
void pack_section(const Blocks& source, uint8_t* packed) {
  const SparseLayout& layout = source.layout;
  const int64_t first = sparse_first_panel(layout, source.outputs());
  std::memset(packed, 0, static_cast<size_t>(first));
  uint8_t* at = packed + first;
  for (int32_t panel = 0; panel < sparse_panels(source.outputs()); ++panel) {
    const int64_t bytes = panel_bytes(source, panel);
    std::memset(at, 0, static_cast<size_t>(bytes));
    const uint32_t end = static_cast<uint32_t>(at + bytes - packed);
    std::memcpy(packed + 4 * panel, &end, sizeof(end));
    source.put_header(panel, at);
    uint8_t* const counts = at + layout.header_bytes;
    for_each_block(source, panel, [&](int32_t row, int32_t position, int32_t) {
      uint8_t* const count = counts + 2 * (position / kSparseRun * layout.rows() + row);
      uint16_t blocks = 0;
      std::memcpy(&blocks, count, sizeof(blocks));
      ++blocks;
      std::memcpy(count, &blocks, sizeof(blocks));
    });
    uint8_t* index = counts + 2 * sparse_counts(layout, source.positions());
    const SparsePanel parts(packed, layout, source.outputs(), source.positions(), panel);
    uint8_t* value = packed + (parts.run(0).values - packed);
    for_each_block(source, panel, [&](int32_t, int32_t position, int32_t output) {
      *index++ = static_cast<uint8_t>(position % kSparseRun);
      source.put(output, position, value);
      value += layout.block_bytes();
    });
    at += bytes;
  }
}

}  // namespace

int64_t sparse_packed_bytes(const ConvWeights& w, int32_t block) {
  return section_bytes(FloatBlocks{w, {block, kSparseFloatHeader}});
}

void pack_sparse(const ConvWeights& w, int32_t block, uint8_t* packed) {
  pack_section(FloatBlocks{w, {block, kSparseFloatHeader}}, packed);
}

int64_t sparse_int8_packed_bytes(const int8_t* panels, int32_t n, int32_t k) {
  return section_bytes(Int8Blocks{panels, n, k, {1, kSparseInt8Header}});
}

void pack_sparse_int8(const int8_t* panels, int32_t n, int32_t k, uint8_t* packed) {
  pack_section(Int8Blocks{panels, n, k, {1, kSparseInt8Header}}, packed);
}

}  // namespace linnet::kernels
