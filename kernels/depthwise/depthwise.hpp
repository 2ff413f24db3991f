// Depthwise convolution. The usual kernel widths and strides have strips (strip.hpp), except in plain C++, whose code
// is kept small for firmware; any other window is computed line by line, several neighbouring output pixels at a time
// where their windows lie inside the line. Either way, taps outside the image are skipped and the others are added in
// the order (ky, kx).
#pragma once

#include "kernels/depthwise/strip.hpp"

namespace linnet::kernels {

// One output line.
template <class Weight>
struct DepthwiseLine {
  const float* x;         // first pixel of the input line under the kernel's line ky_begin, where there is one
  ptrdiff_t line_stride;  // between the kernel's lines in x: dilation_h * in_w * x_stride
  ptrdiff_t x_stride;
  const Weight* packed;
  int32_t channels, taps;
  int32_t ky_begin, ky_end;  // lines of the kernel inside the image
  int32_t kernel_w, stride_w, dilation_w;
  int32_t left;  // input column of the first output's first tap
  float* y;      // first output
  ptrdiff_t y_stride;
  const float* residual;
  ptrdiff_t residual_stride;
  Clamp clamp;
};

// Outputs ox .. ox + kPixels of the vector at `channel`, taps kx_begin <= kx < kx_end only. With kKernelW > 0 the
// window lies inside the line and kernel_w, stride_w and a dilation of 1 are known at compile time.
template <class Isa, int kKernelW, int kStrideW, int kPixels, bool kFull, class Weight>
LINNET_INLINE void depthwise_pixels(const DepthwiseLine<Weight>& line, int32_t channel, int32_t ox, int32_t kx_begin,
                                    int32_t kx_end) {
  using V = F32<Isa>;
  const int32_t panel = channel / kPanel * kPanel;
  const ptrdiff_t width = line.channels - panel > kTailPanel ? kPanel : kTailPanel;
  const Weight* const packed = line.packed + panel * (static_cast<ptrdiff_t>(line.taps) + kHeaderRows<Weight>);
  const float* const header = reinterpret_cast<const float*>(packed) + (channel - panel);
  const ptrdiff_t stride_w = kKernelW > 0 ? kStrideW : line.stride_w;
  const ptrdiff_t kernel_w = kKernelW > 0 ? kKernelW : line.kernel_w;
  const int32_t lanes = line.channels - channel;
  const V start = load_start<Isa, Weight>(header);
  V acc[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) acc[p] = start;
  const ptrdiff_t column = line.left + ox * stride_w;
  const float* x = line.x + channel;
  const Weight* w = packed + (channel - panel) + (kHeaderRows<Weight> + line.ky_begin * kernel_w) * width;
  for (int32_t ky = line.ky_begin; ky < line.ky_end; ++ky, x += line.line_stride, w += kernel_w * width) {
    if constexpr (kKernelW > 0) {
      add_columns<Isa, kKernelW, kStrideW, kPixels, kFull>(acc, x + column * line.x_stride, line.x_stride, w, width, 0,
                                                           kWholeWindow, lanes);
    } else {
      for (int32_t kx = kx_begin; kx < kx_end; ++kx) {
        const V weight = load_weights<Isa>(w + kx * width);
        const float* xi = x + (column + kx * static_cast<ptrdiff_t>(line.dilation_w)) * line.x_stride;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p, xi += stride_w * line.x_stride) {
          acc[p] = fma(load_channels<Isa, kFull>(xi, lanes), weight, acc[p]);
        }
      }
    }
  }
  scale_sums<Isa, Weight>(acc, header, width);
  finish_depthwise<Isa, kPixels, kFull>(acc, line.clamp, lanes, line.y + ox * line.y_stride + channel, line.y_stride,
                                        line.residual ? line.residual + ox * line.residual_stride + channel : nullptr,
                                        line.residual_stride);
}

// depthwise_pixels for all channels.
template <class Isa, int kKernelW, int kStrideW, int kPixels, class Weight>
__attribute__((noinline)) void depthwise_block(const DepthwiseLine<Weight>& caller_line, int32_t ox, int32_t kx_begin,
                                               int32_t kx_end) {
  constexpr int32_t step = F32<Isa>::width;
  const DepthwiseLine<Weight> line = caller_line;  // a copy that no store can change
  int32_t channel = 0;
  for (; channel + step <= line.channels; channel += step) {
    depthwise_pixels<Isa, kKernelW, kStrideW, kPixels, true>(line, channel, ox, kx_begin, kx_end);
  }
  if (channel < line.channels) {
    depthwise_pixels<Isa, kKernelW, kStrideW, kPixels, false>(line, channel, ox, kx_begin, kx_end);
  }
}

// Outputs begin <= ox < end, whose windows lie inside the line.
template <class Isa, int kKernelW, int kStrideW, class Weight>
void depthwise_interior(const DepthwiseLine<Weight>& line, int32_t begin, int32_t end) {
  constexpr int kPixels = F32<Isa>::width == 1 ? 2 : 8;
  int32_t ox = begin;
  for (; ox + kPixels <= end; ox += kPixels) {
    depthwise_block<Isa, kKernelW, kStrideW, kPixels>(line, ox, 0, line.kernel_w);
  }
  if constexpr (kPixels == 8) {
    if (ox + 4 <= end) {
      depthwise_block<Isa, kKernelW, kStrideW, 4>(line, ox, 0, line.kernel_w);
      ox += 4;
    }
  }
  for (; ox < end; ++ox) depthwise_block<Isa, kKernelW, kStrideW, 1>(line, ox, 0, line.kernel_w);
}

// The same, with the usual kernels known at compile time: plain C++, which has no strips.
template <class Isa, class Weight>
LINNET_INLINE void depthwise_usual_interior(const DepthwiseLine<Weight>& line, int32_t begin, int32_t end) {
  const bool known = line.dilation_w == 1 && (line.stride_w == 1 || line.stride_w == 2);
  if (known && line.kernel_w == 3) {
    line.stride_w == 1 ? depthwise_interior<Isa, 3, 1>(line, begin, end)
                       : depthwise_interior<Isa, 3, 2>(line, begin, end);
  } else if (known && line.kernel_w == 5) {
    line.stride_w == 1 ? depthwise_interior<Isa, 5, 1>(line, begin, end)
                       : depthwise_interior<Isa, 5, 2>(line, begin, end);
  } else {
    depthwise_interior<Isa, 0, 0>(line, begin, end);
  }
}

template <class Isa, class Weight>
void depthwise_border(const DepthwiseLine<Weight>& line, int32_t in_w, int32_t begin, int32_t end) {
  for (int32_t ox = begin; ox < end; ++ox) {
    const int32_t left = line.left + ox * line.stride_w;
    const int32_t kx_begin = left < 0 ? (-left + line.dilation_w - 1) / line.dilation_w : 0;
    const int32_t inside = left < in_w ? (in_w - 1 - left) / line.dilation_w + 1 : 0;
    depthwise_block<Isa, 0, 0, 1>(line, ox, kx_begin, inside < line.kernel_w ? inside : line.kernel_w);
  }
}

template <class Isa, class Weight>
void depthwise_line(const DepthwiseLine<Weight>& line, int32_t in_w, int32_t out_w) {
  // Outputs whose whole window lies inside: left + ox * stride >= 0, left + ox * stride + reach <= in_w.
  const int32_t reach = (line.kernel_w - 1) * line.dilation_w + 1;
  const int32_t room = in_w - reach - line.left;
  int32_t end = room < 0 ? 0 : room / line.stride_w + 1;
  end = end < out_w ? end : out_w;
  int32_t begin = (-line.left + line.stride_w - 1) / line.stride_w;
  begin = begin < 0 ? 0 : begin < end ? begin : end;
  depthwise_border<Isa>(line, in_w, 0, begin);
  if constexpr (F32<Isa>::width == 1) {
    depthwise_usual_interior<Isa>(line, begin, end);
  } else {
    depthwise_interior<Isa, 0, 0>(line, begin, end);
  }
  depthwise_border<Isa>(line, in_w, end, out_w);
}

template <class Isa, class Weight>
void depthwise_row(const DepthwiseArgsOf<Weight>& args, int32_t row) {
  const Window& w = args.window;
  const Epilogue& e = args.epilogue;
  const int32_t top = row % args.out_h * w.stride_h - w.pad_top;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(row) * args.out_w;
  const int32_t inside = top < args.in_h ? (args.in_h - 1 - top) / w.dilation_h + 1 : 0;

  DepthwiseLine<Weight> line{};
  line.line_stride = static_cast<ptrdiff_t>(w.dilation_h) * args.in_w * args.x_stride;
  line.x_stride = args.x_stride;
  line.packed = args.packed;
  line.channels = args.channels;
  line.taps = w.kernel_h * w.kernel_w;
  line.ky_begin = top < 0 ? (-top + w.dilation_h - 1) / w.dilation_h : 0;
  line.ky_end = inside < w.kernel_h ? inside : w.kernel_h;
  const ptrdiff_t image_line = line.ky_begin < line.ky_end ? top + line.ky_begin * w.dilation_h : 0;
  line.x = args.x + (static_cast<ptrdiff_t>(row / args.out_h) * args.in_h + image_line) * args.in_w * args.x_stride;
  line.kernel_w = w.kernel_w;
  line.stride_w = w.stride_w;
  line.dilation_w = w.dilation_w;
  line.left = -w.pad_left;
  line.y = args.y + pixel * args.y_stride;
  line.y_stride = args.y_stride;
  line.residual = e.residual ? e.residual + pixel * e.residual_stride : nullptr;
  line.residual_stride = e.residual_stride;
  line.clamp = make_clamp<Isa>(e.activation);
  depthwise_line<Isa>(line, args.in_w, args.out_w);
  if (line.clamp.deferred) {
    activate_rows<Isa>(e.activation, args.out_w, args.channels, line.y, args.y_stride, line.y, args.y_stride);
  }
}

template <class Weight>
using DepthwiseStrips = void (*)(const DepthwiseLines<Weight>&);

// The strips of a window, or null where it has none.
template <class Isa, class Weight>
LINNET_INLINE DepthwiseStrips<Weight> depthwise_strips_of(const DepthwiseArgsOf<Weight>& args) {
  const Window& w = args.window;
  const bool windows_begin_inside = (args.out_w - 1) * w.stride_w - w.pad_left < args.in_w;
  if (w.dilation_h != 1 || w.dilation_w != 1 || w.pad_left >= w.kernel_w || !windows_begin_inside) return nullptr;
  if (w.kernel_w == 3 && w.stride_w == 1) return depthwise_strips<Isa, 3, 1, Weight>;
  if (w.kernel_w == 3 && w.stride_w == 2) return depthwise_strips<Isa, 3, 2, Weight>;
  if (w.kernel_w == 5 && w.stride_w == 1) return depthwise_strips<Isa, 5, 1, Weight>;
  if (w.kernel_w == 5 && w.stride_w == 2) return depthwise_strips<Isa, 5, 2, Weight>;
  if (w.kernel_w == 7 && w.stride_w == 1) return depthwise_strips<Isa, 7, 1, Weight>;
  return nullptr;
}

// Output rows row .. row + count of one image.
template <class Isa, class Weight>
void depthwise_rows_by_strips(const DepthwiseArgsOf<Weight>& args, DepthwiseStrips<Weight> strips, int32_t row,
                              int32_t count) {
  const Epilogue& e = args.epilogue;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(row) * args.out_w;
  DepthwiseLines<Weight> lines{};
  lines.window = args.window;
  lines.in_h = args.in_h;
  lines.in_w = args.in_w;
  lines.out_w = args.out_w;
  lines.channels = args.channels;
  lines.begin = row % args.out_h;
  lines.end = lines.begin + count;
  lines.x_stride = args.x_stride;
  lines.x_line = args.in_w * args.x_stride;
  lines.x = args.x + row / args.out_h * args.in_h * lines.x_line;
  lines.packed = args.packed;
  lines.y = args.y + pixel * args.y_stride;
  lines.y_stride = args.y_stride;
  lines.y_line = args.out_w * args.y_stride;
  lines.residual = e.residual ? e.residual + pixel * e.residual_stride : nullptr;
  lines.residual_stride = e.residual_stride;
  lines.residual_line = args.out_w * e.residual_stride;
  lines.clamp = make_clamp<Isa>(e.activation);
  strips(lines);
  if (lines.clamp.deferred) {
    activate_rows<Isa>(e.activation, count * args.out_w, args.channels, args.y + pixel * args.y_stride, args.y_stride,
                       args.y + pixel * args.y_stride, args.y_stride);
  }
}

// How many lines strips walk down: all of them where input and output are likely to be in the L2 cache. Otherwise so
// many that a block of them is (measured: with AVX-512 it is better to walk across the image, as it lies in memory).
template <class Isa, class Weight>
LINNET_INLINE int32_t depthwise_block_lines(const DepthwiseArgsOf<Weight>& args) {
  constexpr int64_t kCachedBytes = F32<Isa>::width >= 8 ? 3 << 19 : 1 << 18;
  constexpr int64_t kBlockBytes = F32<Isa>::width == 8 ? 1 << 19 : 1 << 16;
  const int64_t new_lines = args.window.stride_h < args.in_h ? args.window.stride_h : args.in_h;
  const int64_t line_bytes = 4 * (args.in_w * args.x_stride * new_lines + args.out_w * args.y_stride);
  const int32_t rows = args.row_end - args.row_begin;
  if (rows <= kCachedBytes / line_bytes) return rows;
  return static_cast<int32_t>((kBlockBytes + line_bytes - 1) / line_bytes);
}

template <class Isa, class Weight>
LINNET_INLINE void convolve_depthwise(const DepthwiseArgsOf<Weight>& args) {
  if constexpr (F32<Isa>::width > 1) {
    if (const DepthwiseStrips<Weight> strips = depthwise_strips_of<Isa>(args)) {
      const int32_t block = depthwise_block_lines<Isa>(args);
      for (int32_t row = args.row_begin, count; row < args.row_end; row += count) {
        const int32_t in_image = args.out_h - row % args.out_h, in_range = args.row_end - row;
        const int32_t left = in_image < in_range ? in_image : in_range;
        count = left < block ? left : block;
        depthwise_rows_by_strips<Isa>(args, strips, row, count);
      }
      return;
    }
  }
  for (int32_t row = args.row_begin; row < args.row_end; ++row) depthwise_row<Isa>(args, row);
}

template <class Isa>
void depthwise_f32_impl(const DepthwiseArgs& args) {
  convolve_depthwise<Isa>(args);
}

template <class Isa>
void depthwise_f32x8_impl(const DepthwiseFloat32x8Args& args) {
  convolve_depthwise<Isa>(args);
}

}  // namespace linnet::kernels
