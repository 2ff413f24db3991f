// Depthwise convolution with the usual kernel widths: strips of a few output pixels across are walked down the image, a
// panel of channels at a time, so that the lines that one output shares with the next are still in the L1 cache. Taps
// outside the image are skipped, and the others are added in the order (ky, kx).
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/contract.hpp"
#include "kernels/gemm/weights.hpp"

namespace linnet::kernels {

// Consecutive output lines of one image.
template <class Weight>
struct DepthwiseLines {
  Window window;  // without dilation
  int32_t in_h, in_w, out_w, channels;
  int32_t begin, end;
  const float* x;  // the image's first pixel
  ptrdiff_t x_stride, x_line;
  const Weight* packed;
  float* y;  // first pixel of line `begin`
  ptrdiff_t y_stride, y_line;
  const float* residual;
  ptrdiff_t residual_stride, residual_line;
  Clamp clamp;
};

// Vectors of channels of the outputs of a strip in one line.
template <class Weight>
struct DepthwiseOutputs {
  const float* x;                    // first pixel under the kernel's line ky_begin; it may lie left of the image
  const float* header;               // the channels' biases; of int8 weights their scales lie `width` behind
  const Weight* weights;             // of the first tap
  ptrdiff_t width;                   // of the panel that these point into
  int32_t channels;                  // from here to the panel's end
  int32_t ky_begin, ky_end;          // lines of the kernel inside the image
  int32_t column_begin, column_end;  // input columns inside the image, counted from x
  float* y;
  const float* residual;
};

// The widest strip. Seven divides the widths of most networks' images.
constexpr int kDepthwisePixels = 7;
// Strips of up to so many pixels have too few sums to hide the latency of multiply-adds, and take two vectors of
// channels at a time. Measured with AVX2: wider ones gain by it only where the kernel leaves registers.
constexpr int narrow_strip(int kernel_w, int stride_w) {
  return kernel_w == 3 ? 5 + stride_w : 5;
}

template <class Isa, bool kFull>
LINNET_INLINE F32<Isa> load_channels(const float* p, int32_t channels) {
  if (!kFull && channels >= F32<Isa>::width) __builtin_unreachable();
  return kFull ? F32<Isa>::load(p) : F32<Isa>::load_n(p, channels);
}

template <class Isa, bool kFull>
LINNET_INLINE void store_channels(F32<Isa> v, float* p, int32_t channels) {
  if (!kFull && channels >= F32<Isa>::width) __builtin_unreachable();
  if (kFull) {
    v.store(p);
  } else {
    v.store_n(p, channels);
  }
}

// Sums of products with int8 weights become outputs.
template <class Isa, class Weight, int kPixels>
LINNET_INLINE void scale_sums(F32<Isa> (&acc)[kPixels], const float* header, ptrdiff_t width) {
  if constexpr (kScaledAtTheEnd<Weight>) {
    const F32<Isa> bias = F32<Isa>::load(header), scale = F32<Isa>::load(header + width);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) acc[p] = fma(acc[p], scale, bias);
  }
}

// Stores the outputs of neighbouring pixels.
template <class Isa, int kPixels, bool kFull>
LINNET_INLINE void finish_depthwise(F32<Isa> (&acc)[kPixels], const Clamp& clamp, int32_t channels, float* y,
                                    ptrdiff_t y_stride, const float* residual, ptrdiff_t residual_stride) {
  if (residual) {
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p, residual += residual_stride) {
      acc[p] = acc[p] + load_channels<Isa, kFull>(residual, channels);
    }
  }
  clamp_each<Isa>(clamp, [&acc](auto bound) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) acc[p] = bound(acc[p]);
  });
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p, y += y_stride) store_channels<Isa, kFull>(acc[p], y, channels);
}

// Behind every column of a window, as the end of those inside the image.
constexpr int32_t kWholeWindow = INT32_MAX;

// acc[p] += w[kx] * x[p * kStrideW + kx] along one line, input columns begin <= column < end only.
template <class Isa, int kKernelW, int kStrideW, int kPixels, bool kFull, class Weight>
LINNET_INLINE void add_columns(F32<Isa> (&acc)[kPixels], const float* x, ptrdiff_t x_stride, const Weight* w,
                               ptrdiff_t width, int32_t begin, int32_t end, int32_t channels) {
  constexpr int kLastOutput = (kPixels - 1) * kStrideW;
  F32<Isa> weights[kKernelW];
#pragma GCC unroll 8
  for (int kx = 0; kx < kKernelW; ++kx) weights[kx] = load_weights<Isa>(w + kx * width);
#pragma GCC unroll 32
  for (int column = 0; column < kLastOutput + kKernelW; ++column, x += x_stride) {
    if ((column < kKernelW - 1 && column < begin) || (column > kLastOutput && column >= end)) continue;
    const F32<Isa> input = in_register(load_channels<Isa, kFull>(x, channels));
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
      const int kx = column - p * kStrideW;
      if (kx >= 0 && kx < kKernelW) acc[p] = fma(input, weights[kx], acc[p]);
    }
  }
}

template <class Isa, int kKernelW, int kStrideW, int kPixels, int kVectors, bool kFull, class Weight>
LINNET_INLINE void depthwise_outputs(const DepthwiseLines<Weight>& lines, const DepthwiseOutputs<Weight>& o) {
  constexpr int kWidth = F32<Isa>::width;
  const ptrdiff_t x_line = lines.x_line, width = o.width;
  F32<Isa> acc[kVectors][kPixels];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const F32<Isa> start = load_start<Isa, Weight>(o.header + v * kWidth);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) acc[v][p] = start;
  }
  const float* line = o.x;
  const Weight* w = o.weights + static_cast<ptrdiff_t>(o.ky_begin) * kKernelW * width;
  for (int32_t ky = o.ky_begin; ky < o.ky_end; ++ky, line += x_line, w += kKernelW * width) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      add_columns<Isa, kKernelW, kStrideW, kPixels, kFull>(acc[v], line + v * kWidth, lines.x_stride, w + v * kWidth,
                                                           width, o.column_begin, o.column_end, o.channels);
    }
  }
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    scale_sums<Isa, Weight>(acc[v], o.header + v * kWidth, width);
    finish_depthwise<Isa, kPixels, kFull>(acc[v], lines.clamp, o.channels, o.y + v * kWidth, lines.y_stride,
                                          o.residual ? o.residual + v * kWidth : nullptr, lines.residual_stride);
  }
}

// Calls outputs(lines, DepthwiseOutputs), which returns how many channels it has computed, until all of them are, for
// every line of the strip whose first output is ox.
template <class Isa, class Weight, class Outputs>
__attribute__((noinline)) void depthwise_walk(const DepthwiseLines<Weight>& caller_lines, int32_t ox, Outputs outputs) {
  const DepthwiseLines<Weight> lines = caller_lines;  // a copy that no store can change
  const Window& w = lines.window;
  const int32_t left = ox * w.stride_w - w.pad_left;
  for (int32_t panel = 0; panel < lines.channels; panel += kPanel) {
    const int32_t channels = lines.channels - panel;
    DepthwiseOutputs<Weight> o{};
    o.width = channels > kTailPanel ? kPanel : kTailPanel;
    o.column_begin = -left;
    o.column_end = lines.in_w - left;
    const Weight* const packed =
        lines.packed + panel * (static_cast<ptrdiff_t>(w.kernel_h) * w.kernel_w + kHeaderRows<Weight>);
    const float* const x = lines.x + left * lines.x_stride + panel;
    float* y = lines.y + ox * lines.y_stride + panel;
    const float* residual = lines.residual ? lines.residual + ox * lines.residual_stride + panel : nullptr;
    for (int32_t oy = lines.begin; oy < lines.end; ++oy) {
      const int32_t top = oy * w.stride_h - w.pad_top;
      o.ky_begin = top < 0 ? -top : 0;
      o.ky_end = lines.in_h - top < w.kernel_h ? lines.in_h - top : w.kernel_h;
      o.x = o.ky_begin < o.ky_end ? x + (top + o.ky_begin) * lines.x_line : x;
      o.header = reinterpret_cast<const float*>(packed);
      o.weights = packed + kHeaderRows<Weight> * o.width;
      o.y = y;
      o.residual = residual;
      for (o.channels = channels < kPanel ? channels : kPanel; o.channels > 0;) {
        const int32_t done = outputs(lines, o);
        o.channels -= done;
        o.x += done;
        o.header += done;
        o.weights += done;
        o.y += done;
        if (residual) o.residual += done;
      }
      y += lines.y_line;
      if (residual) residual += lines.residual_line;
    }
  }
}

// Outputs ox <= x < ox + kPixels of all lines.
template <class Isa, int kKernelW, int kStrideW, int kPixels, class Weight>
void depthwise_strip(const DepthwiseLines<Weight>& lines, int32_t ox) {
  constexpr int32_t kWidth = F32<Isa>::width;
  using Outputs = DepthwiseOutputs<Weight>;
  depthwise_walk<Isa>(lines, ox, [](const DepthwiseLines<Weight>& l, const Outputs& o) LINNET_INLINE_LAMBDA {
    if constexpr (kPixels <= narrow_strip(kKernelW, kStrideW) && 2 * kWidth <= kPanel) {
      if (o.channels >= 2 * kWidth) {
        depthwise_outputs<Isa, kKernelW, kStrideW, kPixels, 2, true>(l, o);
        return 2 * kWidth;
      }
    }
    if (o.channels >= kWidth) {
      depthwise_outputs<Isa, kKernelW, kStrideW, kPixels, 1, true>(l, o);
    } else {
      depthwise_outputs<Isa, kKernelW, kStrideW, kPixels, 1, false>(l, o);
    }
    return kWidth;
  });
}

template <class Isa, int kKernelW, int kStrideW, int kPixels, class Weight>
LINNET_INLINE void depthwise_strip_of(int32_t pixels, const DepthwiseLines<Weight>& lines, int32_t ox) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) {
      depthwise_strip_of<Isa, kKernelW, kStrideW, kPixels - 1>(pixels, lines, ox);
      return;
    }
  }
  depthwise_strip<Isa, kKernelW, kStrideW, kPixels>(lines, ox);
}

// All outputs, in strips of nearly equal width. The first tap of every window's line lies left of the image's right
// edge, and its last one right of the left edge.
template <class Isa, int kKernelW, int kStrideW, class Weight>
void depthwise_strips(const DepthwiseLines<Weight>& lines) {
  constexpr int32_t kWidest = kDepthwisePixels;
  int32_t strips = (lines.out_w + kWidest - 1) / kWidest;
  for (int32_t ox = 0, pixels; ox < lines.out_w; ox += pixels, --strips) {
    pixels = (lines.out_w - ox + strips - 1) / strips;
    depthwise_strip_of<Isa, kKernelW, kStrideW, kWidest>(pixels, lines, ox);
  }
}

}  // namespace linnet::kernels
