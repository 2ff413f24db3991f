// Depthwise convolution with the usual kernel widths: strips of a few output pixels across are walked down the image, a
// panel of channels at a time, so that the lines that one output shares with the next are still in the L1 cache. Taps
// outside the image are skipped, and the others are added in the order (ky, kx).
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// Consecutive output lines of one image.
struct DepthwiseLines {
  Window window;  // without dilation
  int32_t in_h, in_w, out_w, channels;
  int32_t begin, end;
  const float* x;  // the image's first pixel
  ptrdiff_t x_stride, x_line;
  const float* packed;
  float* y;  // first pixel of line `begin`
  ptrdiff_t y_stride, y_line;
  const float* residual;
  ptrdiff_t residual_stride, residual_line;
  Clamp clamp;
};

// One vector of channels of the outputs of a strip in one line.
template <class Isa>
struct DepthwiseOutputs {
  const float* x;  // first pixel under the kernel's first line; either may lie outside the image
  const float* packed;
  ptrdiff_t width;  // of the panel that `packed` points into
  int32_t channels;
  int32_t ky_begin, ky_end;          // lines of the kernel inside the image
  int32_t column_begin, column_end;  // input columns inside the image, counted from x
  float* y;
  const float* residual;
};

// The widest strip. Seven divides the widths of most networks' images.
template <class Isa>
constexpr int kDepthwisePixels = F32<Isa>::width == 1 ? 2 : 7;

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

// Stores the outputs of neighbouring pixels.
template <class Isa, int kPixels, bool kFull>
LINNET_INLINE void finish_depthwise(F32<Isa> (&acc)[kPixels], const ClampVectors<Isa>& clamp, int32_t channels,
                                    float* y, ptrdiff_t y_stride, const float* residual, ptrdiff_t residual_stride) {
  if (residual) {
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p, residual += residual_stride) {
      acc[p] = acc[p] + load_channels<Isa, kFull>(residual, channels);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p, y += y_stride) store_channels<Isa, kFull>(clamp(acc[p]), y, channels);
}

template <class Isa, int kKernelW, int kStrideW, int kPixels, bool kFull>
LINNET_INLINE void depthwise_outputs(const DepthwiseLines& lines, const DepthwiseOutputs<Isa>& o) {
  using V = F32<Isa>;
  constexpr int kLastOutput = (kPixels - 1) * kStrideW;
  const ptrdiff_t x_stride = lines.x_stride, x_line = lines.x_line, width = o.width;
  const int32_t column_begin = o.column_begin, column_end = o.column_end, channels = o.channels;
  const V bias = V::load(o.packed);
  V acc[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) acc[p] = bias;
  const float* line = o.x + o.ky_begin * x_line;
  const float* w = o.packed + (1 + o.ky_begin * kKernelW) * width;
  for (int32_t ky = o.ky_begin; ky < o.ky_end; ++ky, line += x_line, w += kKernelW * width) {
    V weights[kKernelW];
#pragma GCC unroll 8
    for (int kx = 0; kx < kKernelW; ++kx) weights[kx] = V::load(w + kx * width);
    const float* x = line;
#pragma GCC unroll 32
    for (int ix = 0; ix < kLastOutput + kKernelW; ++ix, x += x_stride) {
      if ((ix < kKernelW - 1 && ix < column_begin) || (ix > kLastOutput && ix >= column_end)) continue;
      const V input = in_register(load_channels<Isa, kFull>(x, channels));
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
        const int kx = ix - p * kStrideW;
        if (kx >= 0 && kx < kKernelW) acc[p] = fma(input, weights[kx], acc[p]);
      }
    }
  }
  finish_depthwise<Isa, kPixels, kFull>(acc, ClampVectors<Isa>(lines.clamp), channels, o.y, lines.y_stride, o.residual,
                                        lines.residual_stride);
}

// Outputs ox <= x < ox + kPixels of all lines.
template <class Isa, int kKernelW, int kStrideW, int kPixels>
__attribute__((noinline)) void depthwise_strip(const DepthwiseLines& caller_lines, int32_t ox) {
  const DepthwiseLines lines = caller_lines;  // a copy that no store can change
  const Window& w = lines.window;
  const int32_t left = ox * kStrideW - w.pad_left, taps = w.kernel_h * kKernelW;
  for (int32_t panel = 0; panel < lines.channels; panel += kPanel) {
    const int32_t channels = lines.channels - panel;
    DepthwiseOutputs<Isa> o{};
    o.width = channels > kTailPanel ? kPanel : kTailPanel;
    o.column_begin = -left;
    o.column_end = lines.in_w - left;
    const float* const packed = lines.packed + panel * (static_cast<ptrdiff_t>(taps) + 1);
    for (int32_t oy = lines.begin; oy < lines.end; ++oy) {
      const int32_t top = oy * w.stride_h - w.pad_top, line = oy - lines.begin;
      o.ky_begin = top < 0 ? -top : 0;
      o.ky_end = lines.in_h - top < w.kernel_h ? lines.in_h - top : w.kernel_h;
      o.x = lines.x + top * lines.x_line + left * lines.x_stride + panel;
      o.packed = packed;
      o.y = lines.y + line * lines.y_line + ox * lines.y_stride + panel;
      o.residual =
          lines.residual ? lines.residual + line * lines.residual_line + ox * lines.residual_stride + panel : nullptr;
      o.channels = channels < kPanel ? channels : kPanel;
      constexpr int32_t step = F32<Isa>::width;
      for (; o.channels >= step; o.channels -= step) {
        depthwise_outputs<Isa, kKernelW, kStrideW, kPixels, true>(lines, o);
        o.x += step;
        o.packed += step;
        o.y += step;
        if (o.residual) o.residual += step;
      }
      if (o.channels > 0) depthwise_outputs<Isa, kKernelW, kStrideW, kPixels, false>(lines, o);
    }
  }
}

template <class Isa, int kKernelW, int kStrideW, int kPixels>
LINNET_INLINE void depthwise_strip_of(int32_t pixels, const DepthwiseLines& lines, int32_t ox) {
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
template <class Isa, int kKernelW, int kStrideW>
void depthwise_strips(const DepthwiseLines& lines) {
  constexpr int32_t kWidest = kDepthwisePixels<Isa>;
  int32_t strips = (lines.out_w + kWidest - 1) / kWidest;
  for (int32_t ox = 0, pixels; ox < lines.out_w; ox += pixels, --strips) {
    pixels = (lines.out_w - ox + strips - 1) / strips;
    depthwise_strip_of<Isa, kKernelW, kStrideW, kWidest>(pixels, lines, ox);
  }
}

}  // namespace linnet::kernels
