// Products of inputs that were quantized at run time with int8 weights: sums of integers become floats by the scales of
// both.
#pragma once

#include "kernels/gemm/tile_int8.hpp"

namespace linnet::kernels {

// Inputs of a tile's rows as Dot takes them, and their place in the output.
template <class Isa, int kRows>
struct DynamicRows {
  const typename Dot<Isa>::Input* inputs[kRows];
  ptrdiff_t plane;  // from an input to its next plane
  int32_t row;
};

template <class Isa>
LINNET_INLINE void convert_row(const int8_t* x, int32_t k, typename Dot<Isa>::Input* y) {
  using D = Dot<Isa>;
  if constexpr (D::converts) {
    int32_t i = 0;
    for (; i + D::kConverted <= k; i += D::kConverted) D::convert(x + i, y + i);
    if (i < k) D::convert(x + i, y + i, k - i);
  } else {
    std::memcpy(y, x, static_cast<size_t>(k));
    std::memset(y + k, 0, static_cast<size_t>((kDot - k % kDot) % kDot));
  }
}

// Rows by kBlocks blocks of outputs, from `column` of the panel on that begins with output `first`.
template <class Isa, int kRows, int kBlocks>
LINNET_INLINE void dynamic_tile(const GemmDynamicArgs& args, const DynamicRows<Isa, kRows>& rows, const int8_t* panel,
                                int32_t first, int32_t width, int32_t column) {
  using D = Dot<Isa>;
  using V = F32<Isa>;
  constexpr int kColumns = kBlocks * D::outputs;
  const int32_t k = (args.k + kDot - 1) / kDot * kDot,
                zero = args.input_zero_point + (D::flips_inputs && !D::screens_weights ? 128 : 0);
  const ptrdiff_t distance = width * static_cast<ptrdiff_t>(kPanelHeader + k);
  // Row `row` of the header of the panel that column c lies in, from there on.
  const auto header = [&](int row, int c) LINNET_INLINE_LAMBDA {
    const int32_t at = column + c;
    return panel + at / kPanel * distance + (row * width + at % kPanel) * 4;
  };
  alignas(64) int32_t start[kColumns], sums[kRows * kColumns + V::width];
  for (int c = 0; c < kColumns; ++c) {
    const auto weight_sum = load_as<Isa, uint32_t>(header(1, c));
    start[c] = static_cast<int32_t>(0u - static_cast<uint32_t>(zero) * weight_sum);
  }
  const ptrdiff_t offset = 0;
  const int8_t* const weights = panel + kPanelHeader * width + column * kDot;
  Screen<Isa> screen;
  if constexpr (Screen<Isa>::needed && kRows > 1)
    screen_block<Isa, kColumns>(weights, width * kDot, k / kDot, false, start, screen);
  TileInt8Args<Isa> t{};
  t.screen = &screen;
  t.plane = rows.plane;
  t.pointers = rows.inputs;
  t.offsets = &offset;
  t.taps = 1;
  t.k = k;
  t.weights = weights;
  t.weight_step = width * kDot;
  t.panel_distance = distance;
  t.start = start;
  t.sums = sums;
  tile_int8<Isa, kRows, kBlocks>(t);
  const int32_t begin = first + column;
  const V input_scale = V::set(args.input_scale);
  for (int c = 0; c < kColumns && begin + c < args.n; c += V::width) {
    const int32_t count = args.n - begin - c < kColumns - c ? args.n - begin - c : kColumns - c;
    const V bias = V::load(reinterpret_cast<const float*>(header(0, c)));
    const V scale = input_scale * V::load(reinterpret_cast<const float*>(header(2, c)));
    for (int r = 0; r < kRows; ++r) {
      V y = to_float(Int<Isa>::load(sums + r * kColumns + c)) * scale + bias;
      const ptrdiff_t row = rows.row + r;
      if (args.residual) y = y + V::load_n(args.residual + row * args.residual_stride + begin + c, count);
      y.store_n(args.c + row * args.c_stride + begin + c, count);
    }
  }
}

template <class Isa, int kRows>
LINNET_INLINE void dynamic_rows(const GemmDynamicArgs& args, int32_t row) {
  using D = Dot<Isa>;
  constexpr int kOutputs = D::outputs, kBlocks = kRows == 1 ? D::single_row_blocks : D::blocks;
  constexpr int kPanels = kBlocks * kOutputs / kPanel;
  const ptrdiff_t length = (args.k + 63) / 64 * 64;
  const ptrdiff_t panel_bytes = kPanel * static_cast<ptrdiff_t>(kPanelHeader + (args.k + kDot - 1) / kDot * kDot);
  auto* const inputs = static_cast<typename D::Input*>(args.scratch);
  DynamicRows<Isa, kRows> rows{};
  rows.row = row;
  for (int r = 0; r < kRows; ++r) {
    convert_row<Isa>(args.a + (row + r) * args.a_stride, args.k, inputs + r * length);
    rows.inputs[r] = inputs + r * length;
  }
  rows.plane = kRows * length;
  make_planes<Isa>(inputs, rows.plane, rows.plane);
  const int8_t* panel = args.packed;
  for (int32_t first = 0; first < args.n;) {
    const int32_t left = args.n - first, width = left > kTailPanel ? kPanel : kTailPanel;
    if constexpr (kPanels > 1) {
      if (left > (kPanels - 1) * kPanel + kTailPanel) {
        dynamic_tile<Isa, kRows, kBlocks>(args, rows, panel, first, width, 0);
        first += kPanels * kPanel;
        panel += kPanels * panel_bytes;
        continue;
      }
    }
    constexpr bool kWhole = kOutputs < kPanel && kOutputs * kBlocks >= kPanel;
    if (kWhole && width == kPanel) {
      dynamic_tile<Isa, kRows, kWhole ? kPanel / kOutputs : 1>(args, rows, panel, first, width, 0);
    } else {
      for (int32_t column = 0; column < width && first + column < args.n; column += kOutputs)
        dynamic_tile<Isa, kRows, 1>(args, rows, panel, first, width, column);
    }
    first += kPanel;
    panel += panel_bytes;
  }
}

template <class Isa>
void gemm_dynamic_impl(const GemmDynamicArgs& args) {
  constexpr int32_t kRows = traits(isa_id<Isa>).int8_rows;
  int32_t row = 0;
  for (; row + kRows <= args.m; row += kRows) dynamic_rows<Isa, kRows>(args, row);
  for (; row < args.m; ++row) dynamic_rows<Isa, 1>(args, row);
}

}  // namespace linnet::kernels
