// Depthwise convolution: a vector of channels, several output pixels of one line at a time. Inputs of a line are loaded once
// for all the outputs that meet them, so that 3x3 and 5x5 kernels are bound by multiply-adds. Taps outside the image are
// skipped, in every path, and the others are added in the order (ky, kx).
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// One vector of channels of one output line.
struct DepthwiseLine {
  const float* x;         // first pixel of input line `top` (which may lie outside the image), at the first channel
  ptrdiff_t line_stride;  // between the kernel's lines in x: dilation_h * in_w * x_stride
  ptrdiff_t x_stride;
  const float* bias;     // [width], then weights [kernel_h * kernel_w][width]
  ptrdiff_t width;       // of the panel
  int32_t ky_begin, ky_end;  // lines of the kernel inside the image
  int32_t kernel_w, stride_w, dilation_w;
  int32_t left;  // input column of the first output's first tap
  float* y;      // first output of the line
  ptrdiff_t y_stride;
  const float* residual;
  ptrdiff_t residual_stride;
  int32_t channels;  // valid lanes, at most a vector
  Clamp clamp;
};

template <class Isa, bool kFull>
LINNET_INLINE F32<Isa> load_channels(const float* p, int32_t channels) {
  return kFull ? F32<Isa>::load(p) : F32<Isa>::load_n(p, channels);
}

// Outputs ox .. ox + kPixels, taps kx_begin <= kx < kx_end only. With kKernelW > 0 the window lies inside the line and
// kernel_w, stride_w and a dilation of 1 are known at compile time.
template <class Isa, int kKernelW, int kStrideW, int kPixels, bool kFull>
LINNET_INLINE void depthwise_pixels(const DepthwiseLine& line, int32_t ox, int32_t kx_begin, int32_t kx_end) {
  using V = F32<Isa>;
  const V bias = V::load(line.bias);
  V acc[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) acc[p] = bias;
  const ptrdiff_t stride_w = kKernelW > 0 ? kStrideW : line.stride_w;
  const ptrdiff_t kernel_w = kKernelW > 0 ? kKernelW : line.kernel_w;
  const float* x = line.x + (line.left + ox * stride_w) * line.x_stride + line.ky_begin * line.line_stride;
  const float* w = line.bias + (1 + line.ky_begin * kernel_w) * line.width;
  for (int32_t ky = line.ky_begin; ky < line.ky_end; ++ky, x += line.line_stride, w += kernel_w * line.width) {
    if constexpr (kKernelW > 0) {
      V weights[kKernelW];
#pragma GCC unroll 8
      for (int kx = 0; kx < kKernelW; ++kx) weights[kx] = V::load(w + kx * line.width);
      const float* xi = x;
#pragma GCC unroll 32
      for (int ix = 0; ix < (kPixels - 1) * kStrideW + kKernelW; ++ix, xi += line.x_stride) {
        const V input = load_channels<Isa, kFull>(xi, line.channels);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          const int kx = ix - p * kStrideW;
          if (kx >= 0 && kx < kKernelW) acc[p] = fma(input, weights[kx], acc[p]);
        }
      }
    } else {
      for (int32_t kx = kx_begin; kx < kx_end; ++kx) {
        const V weight = V::load(w + kx * line.width);
        const float* xi = x + kx * static_cast<ptrdiff_t>(line.dilation_w) * line.x_stride;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          acc[p] = fma(load_channels<Isa, kFull>(xi + p * stride_w * line.x_stride, line.channels), weight, acc[p]);
        }
      }
    }
  }
  const ClampVectors<Isa> clamp(line.clamp);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
    V v = acc[p];
    if (line.residual) {
      v = v + load_channels<Isa, kFull>(line.residual + (ox + p) * line.residual_stride, line.channels);
    }
    v = clamp(v);
    float* y = line.y + (ox + p) * line.y_stride;
    if (kFull) {
      v.store(y);
    } else {
      v.store_n(y, line.channels);
    }
  }
}

// Outputs begin <= ox < end, whose windows lie inside the line.
template <class Isa, int kKernelW, int kStrideW, bool kFull>
__attribute__((noinline)) void depthwise_interior(const DepthwiseLine& line, int32_t begin, int32_t end) {
  constexpr int kPixels = F32<Isa>::width == 1 ? 2 : 8;
  int32_t ox = begin;
  for (; ox + kPixels <= end; ox += kPixels) {
    depthwise_pixels<Isa, kKernelW, kStrideW, kPixels, kFull>(line, ox, 0, line.kernel_w);
  }
  if constexpr (kPixels == 8) {
    if (ox + 4 <= end) {
      depthwise_pixels<Isa, kKernelW, kStrideW, 4, kFull>(line, ox, 0, line.kernel_w);
      ox += 4;
    }
  }
  for (; ox < end; ++ox) depthwise_pixels<Isa, kKernelW, kStrideW, 1, kFull>(line, ox, 0, line.kernel_w);
}

template <class Isa, bool kFull>
__attribute__((noinline)) void depthwise_border(const DepthwiseLine& line, int32_t in_w, int32_t begin, int32_t end) {
  for (int32_t ox = begin; ox < end; ++ox) {
    const int32_t left = line.left + ox * line.stride_w;
    const int32_t kx_begin = left < 0 ? (-left + line.dilation_w - 1) / line.dilation_w : 0;
    const int32_t inside = left < in_w ? (in_w - 1 - left) / line.dilation_w + 1 : 0;
    depthwise_pixels<Isa, 0, 0, 1, kFull>(line, ox, kx_begin, inside < line.kernel_w ? inside : line.kernel_w);
  }
}

template <class Isa, bool kFull>
LINNET_INLINE void depthwise_line(const DepthwiseLine& line, int32_t in_w, int32_t out_w) {
  // Outputs whose whole window lies inside: left + ox * stride >= 0, left + ox * stride + reach <= in_w.
  const int32_t reach = (line.kernel_w - 1) * line.dilation_w + 1;
  const int32_t room = in_w - reach - line.left;
  int32_t end = room < 0 ? 0 : room / line.stride_w + 1;
  end = end < out_w ? end : out_w;
  int32_t begin = (-line.left + line.stride_w - 1) / line.stride_w;
  begin = begin < 0 ? 0 : begin < end ? begin : end;
  depthwise_border<Isa, kFull>(line, in_w, 0, begin);
  const int32_t shape = line.dilation_w == 1 ? line.kernel_w * 4 + line.stride_w : 0;
  switch (shape) {
    case 3 * 4 + 1: depthwise_interior<Isa, 3, 1, kFull>(line, begin, end); break;
    case 3 * 4 + 2: depthwise_interior<Isa, 3, 2, kFull>(line, begin, end); break;
    case 5 * 4 + 1: depthwise_interior<Isa, 5, 1, kFull>(line, begin, end); break;
    case 5 * 4 + 2: depthwise_interior<Isa, 5, 2, kFull>(line, begin, end); break;
    default: depthwise_interior<Isa, 0, 0, kFull>(line, begin, end);
  }
  depthwise_border<Isa, kFull>(line, in_w, end, out_w);
}

template <class Isa>
void depthwise_row(const DepthwiseArgs& args, int32_t row) {
  constexpr int32_t step = F32<Isa>::width;
  const Window& w = args.window;
  const Epilogue& e = args.epilogue;
  const int32_t top = row % args.out_h * w.stride_h - w.pad_top;
  const ptrdiff_t in_line = static_cast<ptrdiff_t>(row / args.out_h) * args.in_h + top;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(row) * args.out_w;
  const ptrdiff_t taps = static_cast<ptrdiff_t>(w.kernel_h) * w.kernel_w;
  float* y = args.y + pixel * args.y_stride;

  DepthwiseLine line{};
  line.line_stride = static_cast<ptrdiff_t>(w.dilation_h) * args.in_w * args.x_stride;
  line.x_stride = args.x_stride;
  line.ky_begin = top < 0 ? (-top + w.dilation_h - 1) / w.dilation_h : 0;
  const int32_t inside = top < args.in_h ? (args.in_h - 1 - top) / w.dilation_h + 1 : 0;
  line.ky_end = inside < w.kernel_h ? inside : w.kernel_h;
  line.kernel_w = w.kernel_w;
  line.stride_w = w.stride_w;
  line.dilation_w = w.dilation_w;
  line.left = -w.pad_left;
  line.y_stride = args.y_stride;
  line.residual_stride = e.residual_stride;
  line.clamp = make_clamp(e.activation);
  for (int32_t channel = 0; channel < args.channels; channel += step) {
    const int32_t panel = channel / kPanel * kPanel;
    line.width = args.channels - panel > kTailPanel ? kPanel : kTailPanel;
    line.bias = args.packed + panel * (taps + 1) + (channel - panel);
    line.x = args.x + in_line * args.in_w * args.x_stride + channel;
    line.y = y + channel;
    line.residual = e.residual ? e.residual + pixel * e.residual_stride + channel : nullptr;
    line.channels = args.channels - channel;
    if (line.channels >= step) {
      depthwise_line<Isa, true>(line, args.in_w, args.out_w);
    } else {
      depthwise_line<Isa, false>(line, args.in_w, args.out_w);
    }
  }
  if (!line.clamp.deferred) return;
  for (int32_t ox = 0; ox < args.out_w; ++ox) apply_activation<Isa>(e.activation, y + ox * args.y_stride, args.channels);
}

template <class Isa>
void depthwise_f32_impl(const DepthwiseArgs& args) {
  for (int32_t row = args.row_begin; row < args.row_end; ++row) depthwise_row<Isa>(args, row);
}

}  // namespace linnet::kernels
