// int16 convolution with any window and groups; products are those of 1x1.
#pragma once

#include "kernels/conv/window_place.hpp"
#include "kernels/gemm/tile_int16.hpp"

namespace linnet::kernels {

// Whether the inputs of every output pixel lie together, in whole pairs.
LINNET_INLINE bool reads_in_place(const Conv2DInt16Args& args) {
  const Window& w = args.window;
  return w.kernel_h == 1 && w.kernel_w == 1 && args.in_channels % kPair == 0 && w.pad_top == 0 && w.pad_left == 0 &&
         (args.out_h - 1) * w.stride_h < args.in_h && (args.out_w - 1) * w.stride_w < args.in_w;
}

// Copies the inputs of one output pixel to a row of k numbers; pixels of the padding are zeros.
template <class Isa>
LINNET_INLINE void gather_int16(const Conv2DInt16Args& args, const int16_t* x, const WindowPlace& p, int32_t k,
                                int16_t* row) {
  const Window& w = args.window;
  const ptrdiff_t channels = args.in_channels;
  int16_t* const end = row + k;
  const auto copy = [](const int16_t* from, int16_t* to, ptrdiff_t n) LINNET_INLINE_LAMBDA {
    copy_bytes<Isa>(reinterpret_cast<const int8_t*>(from), reinterpret_cast<int8_t*>(to), 2 * n);
  };
  const bool joined = w.dilation_w == 1 && args.x_stride == channels;
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    const int32_t iy = p.top + ky * w.dilation_h;
    const bool line_inside = iy >= 0 && iy < args.in_h;
    const int16_t* const line =
        x + p.image + (line_inside ? static_cast<ptrdiff_t>(iy) * args.in_w * args.x_stride : 0);
    if (joined && line_inside && p.left >= 0 && p.left + w.kernel_w <= args.in_w) {
      copy(line + p.left * args.x_stride, row, w.kernel_w * channels);
      row += w.kernel_w * channels;
      continue;
    }
    for (int32_t kx = 0; kx < w.kernel_w; ++kx, row += channels) {
      const int32_t ix = p.left + kx * w.dilation_w;
      if (line_inside && ix >= 0 && ix < args.in_w) {
        copy(line + ix * args.x_stride, row, channels);
      } else {
        std::memset(row, 0, static_cast<size_t>(channels) * sizeof(int16_t));
      }
    }
  }
  while (row < end) *row++ = 0;
}

// Rows of inputs of one tile, and the section of weights that they are multiplied by.
struct RowsInt16 {
  const int16_t* const* rows;  // those of missing ones are repeated
  int32_t count, k;
  const int8_t* packed;
  int32_t columns;
  int32_t low, high;
  int16_t* y;
  ptrdiff_t y_stride;
};

template <class Isa, class Scaling, int kRows>
LINNET_INLINE void multiply_int16(const RowsInt16& in) {
  constexpr int kOutputs = PairDot<Isa>::outputs;
  const int8_t* panel = in.packed;
  for (int32_t first = 0, width; first < in.columns; first += width) {
    const int32_t left = in.columns - first;
    width = left > kTailPanel ? kPanel : kTailPanel;
    const int32_t columns = left < width ? left : width;
    const int8_t* const weights = panel + kPanelHeader * width;
    alignas(64) int64_t sums[kRows * kPanel];
    for (int r = 0; r < kRows; ++r) std::memcpy(sums + r * kPanel, panel, static_cast<size_t>(width) * sizeof(int64_t));
    if (2 * kOutputs == kPanel && width == kPanel) {
      tile_int16<Isa, kRows, 2>(in.rows, in.k, weights, width * kPair, sums);
    } else {
      for (int32_t c = 0; c < columns; c += kOutputs)
        tile_int16<Isa, kRows, 1>(in.rows, in.k, weights + c * kPair, width * kPair, sums + c);
    }
    for (int32_t r = 0; r < in.count; ++r)
      finish_int16<Scaling>(sums + r * kPanel, panel, width, columns, in.low, in.high, in.y + r * in.y_stride + first);
    panel += width * (kPanelHeader + int64_t{in.k});
  }
}

template <class Isa, class Scaling>
void convolve_int16(const Conv2DInt16Args& args) {
  constexpr int32_t kRows = int16_rows(I32<Isa>::width);
  const ConvInt16Plan plan = plan_conv2d_int16(args.window, args.in_channels, traits(isa_id<Isa>));
  const bool in_place = reads_in_place(args);
  int16_t* const gathered = static_cast<int16_t*>(args.scratch);
  const int64_t section = panel_int16_bytes(args.out_channels, plan.k);
  const ptrdiff_t end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  WindowPlace next = window_place(args, pixel);
  for (; pixel < end; pixel += kRows) {
    const WindowPlace first = next;
    for (int32_t group = 0; group < args.groups; ++group) {
      const int16_t* const x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
      const int16_t* rows[kRows];
      RowsInt16 in;
      in.rows = rows;
      in.count = static_cast<int32_t>(end - pixel < kRows ? end - pixel : kRows);
      next = first;
      for (int32_t r = 0; r < in.count; ++r, next = next_place(args, next)) {
        int16_t* const row = gathered + static_cast<ptrdiff_t>(r) * plan.k;
        if (!in_place) gather_int16<Isa>(args, x, next, plan.k, row);
        rows[r] = in_place ? x + next.image + (static_cast<ptrdiff_t>(next.top) * args.in_w + next.left) * args.x_stride
                           : row;
      }
      for (int32_t r = in.count; r < kRows; ++r) rows[r] = rows[0];
      in.k = plan.k;
      in.packed = args.packed + group * section;
      in.columns = args.out_channels;
      in.low = args.low;
      in.high = args.high;
      in.y = args.y + pixel * args.y_stride + static_cast<ptrdiff_t>(group) * args.out_channels;
      in.y_stride = args.y_stride;
      if (in.count == 1) {
        multiply_int16<Isa, Scaling, 1>(in);
      } else {
        multiply_int16<Isa, Scaling, kRows>(in);
      }
    }
  }
}

template <class Isa>
void conv2d_s16_impl(const Conv2DInt16Args& args) {
  convolve_int16<Isa, SumScaling>(args);
}

template <class Isa>
void linear_s16_impl(const Conv2DInt16Args& args) {
  convolve_int16<Isa, RealScaling>(args);
}

}  // namespace linnet::kernels
