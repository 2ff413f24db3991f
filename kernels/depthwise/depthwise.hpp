// Depthwise convolution: several neighbouring output pixels of a line at a time, one vector of channels after the
// other. Inputs of a line are loaded once for all the outputs that meet them, so that 3x3 and 5x5 kernels are bound by
// multiply-adds. Taps outside the image are skipped, in every path, and the others are added in the order (ky, kx).
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/contract.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// One output line.
struct DepthwiseLine {
  const float* x;  // first pixel of the input line under the kernel's first line (which may lie outside the image)
  ptrdiff_t line_stride;  // between the kernel's lines in x: dilation_h * in_w * x_stride
  ptrdiff_t x_stride;
  const float* packed;
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

template <class Isa, bool kFull>
LINNET_INLINE F32<Isa> load_channels(const float* p, int32_t channels) {
  return kFull ? F32<Isa>::load(p) : F32<Isa>::load_n(p, channels);
}

// Outputs ox .. ox + kPixels of the vector at `channel`, taps kx_begin <= kx < kx_end only. With kKernelW > 0 the
// window lies inside the line and kernel_w, stride_w and a dilation of 1 are known at compile time.
template <class Isa, int kKernelW, int kStrideW, int kPixels, bool kFull>
LINNET_INLINE void depthwise_pixels(const DepthwiseLine& line, const ClampVectors<Isa>& clamp, int32_t channel,
                                    int32_t ox, int32_t kx_begin, int32_t kx_end) {
  using V = F32<Isa>;
  const int32_t panel = channel / kPanel * kPanel;
  const ptrdiff_t width = line.channels - panel > kTailPanel ? kPanel : kTailPanel;
  const float* packed = line.packed + panel * (static_cast<ptrdiff_t>(line.taps) + 1) + (channel - panel);
  const ptrdiff_t stride_w = kKernelW > 0 ? kStrideW : line.stride_w;
  const ptrdiff_t kernel_w = kKernelW > 0 ? kKernelW : line.kernel_w;
  const int32_t lanes = line.channels - channel;
  const V bias = V::load(packed);
  V acc[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) acc[p] = bias;
  const float* x = line.x + (line.left + ox * stride_w) * line.x_stride + line.ky_begin * line.line_stride + channel;
  const float* w = packed + (1 + line.ky_begin * kernel_w) * width;
  for (int32_t ky = line.ky_begin; ky < line.ky_end; ++ky, x += line.line_stride, w += kernel_w * width) {
    if constexpr (kKernelW > 0) {
      V weights[kKernelW];
#pragma GCC unroll 8
      for (int kx = 0; kx < kKernelW; ++kx) weights[kx] = V::load(w + kx * width);
      const float* xi = x;
#pragma GCC unroll 32
      for (int ix = 0; ix < (kPixels - 1) * kStrideW + kKernelW; ++ix, xi += line.x_stride) {
        const V input = load_channels<Isa, kFull>(xi, lanes);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) {
          const int kx = ix - p * kStrideW;
          if (kx >= 0 && kx < kKernelW) acc[p] = fma(input, weights[kx], acc[p]);
        }
      }
    } else {
      for (int32_t kx = kx_begin; kx < kx_end; ++kx) {
        const V weight = V::load(w + kx * width);
        const float* xi = x + kx * static_cast<ptrdiff_t>(line.dilation_w) * line.x_stride;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p, xi += stride_w * line.x_stride) {
          acc[p] = fma(load_channels<Isa, kFull>(xi, lanes), weight, acc[p]);
        }
      }
    }
  }
  if (line.residual) {
    const float* residual = line.residual + ox * line.residual_stride + channel;
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p, residual += line.residual_stride) {
      acc[p] = acc[p] + load_channels<Isa, kFull>(residual, lanes);
    }
  }
  float* y = line.y + ox * line.y_stride + channel;
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p, y += line.y_stride) {
    const V v = clamp(acc[p]);
    if (kFull) {
      v.store(y);
    } else {
      v.store_n(y, lanes);
    }
  }
}

// depthwise_pixels for all channels.
template <class Isa, int kKernelW, int kStrideW, int kPixels>
__attribute__((noinline)) void depthwise_block(const DepthwiseLine& caller_line, int32_t ox, int32_t kx_begin,
                                               int32_t kx_end) {
  constexpr int32_t step = F32<Isa>::width;
  const DepthwiseLine line = caller_line;  // a copy that no store can change
  const ClampVectors<Isa> clamp(line.clamp);
  int32_t channel = 0;
  for (; channel + step <= line.channels; channel += step) {
    depthwise_pixels<Isa, kKernelW, kStrideW, kPixels, true>(line, clamp, channel, ox, kx_begin, kx_end);
  }
  if (channel < line.channels) {
    depthwise_pixels<Isa, kKernelW, kStrideW, kPixels, false>(line, clamp, channel, ox, kx_begin, kx_end);
  }
}

// Outputs begin <= ox < end, whose windows lie inside the line.
template <class Isa, int kKernelW, int kStrideW>
void depthwise_interior(const DepthwiseLine& line, int32_t begin, int32_t end) {
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

template <class Isa>
void depthwise_border(const DepthwiseLine& line, int32_t in_w, int32_t begin, int32_t end) {
  for (int32_t ox = begin; ox < end; ++ox) {
    const int32_t left = line.left + ox * line.stride_w;
    const int32_t kx_begin = left < 0 ? (-left + line.dilation_w - 1) / line.dilation_w : 0;
    const int32_t inside = left < in_w ? (in_w - 1 - left) / line.dilation_w + 1 : 0;
    depthwise_block<Isa, 0, 0, 1>(line, ox, kx_begin, inside < line.kernel_w ? inside : line.kernel_w);
  }
}

template <class Isa>
void depthwise_line(const DepthwiseLine& line, int32_t in_w, int32_t out_w) {
  // Outputs whose whole window lies inside: left + ox * stride >= 0, left + ox * stride + reach <= in_w.
  const int32_t reach = (line.kernel_w - 1) * line.dilation_w + 1;
  const int32_t room = in_w - reach - line.left;
  int32_t end = room < 0 ? 0 : room / line.stride_w + 1;
  end = end < out_w ? end : out_w;
  int32_t begin = (-line.left + line.stride_w - 1) / line.stride_w;
  begin = begin < 0 ? 0 : begin < end ? begin : end;
  depthwise_border<Isa>(line, in_w, 0, begin);
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
  depthwise_border<Isa>(line, in_w, end, out_w);
}

template <class Isa>
void depthwise_row(const DepthwiseArgs& args, int32_t row) {
  const Window& w = args.window;
  const Epilogue& e = args.epilogue;
  const int32_t top = row % args.out_h * w.stride_h - w.pad_top;
  const ptrdiff_t in_line = static_cast<ptrdiff_t>(row / args.out_h) * args.in_h + top;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(row) * args.out_w;
  const int32_t inside = top < args.in_h ? (args.in_h - 1 - top) / w.dilation_h + 1 : 0;

  DepthwiseLine line{};
  line.x = args.x + in_line * args.in_w * args.x_stride;
  line.line_stride = static_cast<ptrdiff_t>(w.dilation_h) * args.in_w * args.x_stride;
  line.x_stride = args.x_stride;
  line.packed = args.packed;
  line.channels = args.channels;
  line.taps = w.kernel_h * w.kernel_w;
  line.ky_begin = top < 0 ? (-top + w.dilation_h - 1) / w.dilation_h : 0;
  line.ky_end = inside < w.kernel_h ? inside : w.kernel_h;
  line.kernel_w = w.kernel_w;
  line.stride_w = w.stride_w;
  line.dilation_w = w.dilation_w;
  line.left = -w.pad_left;
  line.y = args.y + pixel * args.y_stride;
  line.y_stride = args.y_stride;
  line.residual = e.residual ? e.residual + pixel * e.residual_stride : nullptr;
  line.residual_stride = e.residual_stride;
  line.clamp = make_clamp(e.activation);
  depthwise_line<Isa>(line, args.in_w, args.out_w);
  if (line.clamp.deferred) {
    activate_rows<Isa>(e.activation, args.out_w, args.channels, line.y, args.y_stride, line.y, args.y_stride);
  }
}

template <class Isa>
void depthwise_f32_impl(const DepthwiseArgs& args) {
  for (int32_t row = args.row_begin; row < args.row_end; ++row) depthwise_row<Isa>(args, row);
}

}  // namespace linnet::kernels
