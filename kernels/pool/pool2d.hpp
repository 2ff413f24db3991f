// A maximum is NaN where the window holds one. Of a window without any pixel of the image the maximum is -inf and the
// average 0. An average sums the lines of its window apart, which keeps the error of a global average small.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"

namespace linnet::kernels {

// The taps of one axis of a window: those inside the image are first..end, at positions start + tap * dilation;
// `padded` of them lie inside the image or its padding.
template <class Isa>
struct PoolRange {
  ptrdiff_t start;
  int32_t first, end, padded;
};

// Taps at positions below `limit`.
template <class Isa>
LINNET_INLINE int32_t taps_below(ptrdiff_t limit, ptrdiff_t start, int32_t kernel, int32_t dilation) {
  if (limit <= start) return 0;
  const ptrdiff_t taps = (limit - start - 1) / dilation + 1;
  return taps < kernel ? static_cast<int32_t>(taps) : kernel;
}

template <class Isa>
LINNET_INLINE PoolRange<Isa> pool_range(int32_t out, int32_t kernel, int32_t stride, int32_t dilation,
                                        int32_t pad_begin, int32_t pad_end, int32_t size) {
  const ptrdiff_t start = static_cast<ptrdiff_t>(out) * stride - pad_begin;
  const bool inside = start >= 0 && start + static_cast<ptrdiff_t>(kernel - 1) * dilation < size;
  if (inside) return {start, 0, kernel, kernel};
  return {start, taps_below<Isa>(0, start, kernel, dilation), taps_below<Isa>(size, start, kernel, dilation),
          taps_below<Isa>(static_cast<ptrdiff_t>(size) + pad_end, start, kernel, dilation)};
}

// The first pixel of a window inside the image, if there is one, and the distances to the next.
struct PoolPixels {
  const float* first;
  ptrdiff_t line_stride, pixel_stride;
};

template <class Isa>
LINNET_INLINE PoolPixels pool_pixels(const Pool2DArgs& args, const float* image, const PoolRange<Isa>& lines,
                                     const PoolRange<Isa>& pixels) {
  const Window& w = args.window;
  const bool inside = lines.first < lines.end && pixels.first < pixels.end;
  const ptrdiff_t line = inside ? lines.start + static_cast<ptrdiff_t>(lines.first) * w.dilation_h : 0;
  const ptrdiff_t pixel = inside ? pixels.start + static_cast<ptrdiff_t>(pixels.first) * w.dilation_w : 0;
  return {image + (line * args.in_w + pixel) * args.x_stride,
          static_cast<ptrdiff_t>(w.dilation_h) * args.in_w * args.x_stride, w.dilation_w * args.x_stride};
}

// kVectors vectors of channels side by side, the last with `count` of them.
template <class Isa, int kVectors>
LINNET_INLINE void pool_maximum(const Pool2DArgs& args, const float* image, const PoolRange<Isa>& lines,
                                const PoolRange<Isa>& pixels, int count, float* y) {
  using V = F32<Isa>;
  constexpr int kWidth = V::width;
  const auto lanes = [count](int v) LINNET_INLINE_LAMBDA { return v == kVectors - 1 ? count : kWidth; };
  PoolPixels at = pool_pixels<Isa>(args, image, lines, pixels);
  const V none = V::set(-kInfinity);
  V maximum[kVectors];
  Mask<Isa> is_number[kVectors];  // apart, so that a step waits for one maximum only
  for (int v = 0; v < kVectors; ++v) maximum[v] = none, is_number[v] = none == none;
  for (int32_t ky = lines.first; ky < lines.end; ++ky, at.first += at.line_stride) {
    const float* pixel = at.first;
    for (int32_t kx = pixels.first; kx < pixels.end; ++kx, pixel += at.pixel_stride) {
      for (int v = 0; v < kVectors; ++v) {
        const V x = V::load_n(pixel + v * kWidth, lanes(v));
        maximum[v] = max(maximum[v], x);
        is_number[v] = is_number[v] & (x == x);
      }
    }
  }
  const V nan = V::set(__builtin_nanf(""));
  for (int v = 0; v < kVectors; ++v) select(is_number[v], maximum[v], nan).store_n(y + v * kWidth, lanes(v));
}

template <class Isa, int kVectors>
LINNET_INLINE void pool_average(const Pool2DArgs& args, const float* image, const PoolRange<Isa>& lines,
                                const PoolRange<Isa>& pixels, F32<Isa> divisor, int count, float* y) {
  constexpr int kWidth = F32<Isa>::width;
  const auto lanes = [count](int v) LINNET_INLINE_LAMBDA { return v == kVectors - 1 ? count : kWidth; };
  F32<Isa> sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = F32<Isa>::set(0.0f);
  PoolPixels at = pool_pixels<Isa>(args, image, lines, pixels);
  for (int32_t ky = lines.first; ky < lines.end; ++ky, at.first += at.line_stride) {
    F32<Isa> line_sum[kVectors];
    for (int v = 0; v < kVectors; ++v) line_sum[v] = F32<Isa>::set(0.0f);
    const float* pixel = at.first;
    for (int32_t kx = pixels.first; kx < pixels.end; ++kx, pixel += at.pixel_stride) {
      for (int v = 0; v < kVectors; ++v) line_sum[v] = line_sum[v] + F32<Isa>::load_n(pixel + v * kWidth, lanes(v));
    }
    for (int v = 0; v < kVectors; ++v) sum[v] = sum[v] + line_sum[v];
  }
  for (int v = 0; v < kVectors; ++v) (sum[v] / divisor).store_n(y + v * kWidth, lanes(v));
}

template <class Isa>
LINNET_INLINE float pool_divisor(bool count_include_pad, const PoolRange<Isa>& lines, const PoolRange<Isa>& pixels) {
  const int32_t height = count_include_pad ? lines.padded : lines.end - lines.first;
  const int32_t width = count_include_pad ? pixels.padded : pixels.end - pixels.first;
  const bool empty = height <= 0 || width <= 0;
  return empty ? 1.0f : static_cast<float>(height) * static_cast<float>(width);
}

// One output pixel. Four vectors at a time: the steps of one wait for each other.
template <class Isa>
LINNET_INLINE void pool_pixel(const Pool2DArgs& args, const float* image, const PoolRange<Isa>& lines,
                              const PoolRange<Isa>& pixels, float* y) {
  constexpr int kVectors = 4, kWidth = F32<Isa>::width;
  const F32<Isa> divisor = F32<Isa>::set(pool_divisor<Isa>(args.count_include_pad, lines, pixels));
  const bool average = args.kind != PoolKind::Max;
  ptrdiff_t c = 0;
  for (; c + kVectors * kWidth <= args.channels; c += kVectors * kWidth) {
    if (average) {
      pool_average<Isa, kVectors>(args, image + c, lines, pixels, divisor, kWidth, y + c);
    } else {
      pool_maximum<Isa, kVectors>(args, image + c, lines, pixels, kWidth, y + c);
    }
  }
  for_each_vector<Isa>(args.channels - c, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    if (average) {
      pool_average<Isa, 1>(args, image + c + i, lines, pixels, divisor, count, y + c + i);
    } else {
      pool_maximum<Isa, 1>(args, image + c + i, lines, pixels, count, y + c + i);
    }
  });
  apply_activation<Isa>(args.activation, y, args.channels);
}

template <class Isa>
void pool2d_f32_impl(const Pool2DArgs& args) {
  const Window& w = args.window;
  for (int32_t r = args.row_begin; r < args.row_end; ++r) {
    const float* image = args.x + static_cast<ptrdiff_t>(r / args.out_h) * args.in_h * args.in_w * args.x_stride;
    const PoolRange<Isa> lines =
        pool_range<Isa>(r % args.out_h, w.kernel_h, w.stride_h, w.dilation_h, w.pad_top, args.pad_bottom, args.in_h);
    for (int32_t ox = 0; ox < args.out_w; ++ox) {
      const PoolRange<Isa> pixels =
          pool_range<Isa>(ox, w.kernel_w, w.stride_w, w.dilation_w, w.pad_left, args.pad_right, args.in_w);
      pool_pixel<Isa>(args, image, lines, pixels,
                      args.y + (static_cast<ptrdiff_t>(r) * args.out_w + ox) * args.y_stride);
    }
  }
}

}  // namespace linnet::kernels
