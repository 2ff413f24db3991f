// int8 and int16 pooling: a vector of channels of one output pixel at a time.
#pragma once

#include "kernels/contract_int16.hpp"
#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/simd/words.hpp"

namespace linnet::kernels {

// Lines or columns of the window inside the image, from the first position `at` of the window's taps on.
struct TapRange {
  int32_t begin, end;
};

LINNET_INLINE TapRange taps_inside(int32_t at, int32_t size, int32_t kernel, int32_t dilation) {
  const int32_t begin = at < 0 ? (-at + dilation - 1) / dilation : 0;
  const int32_t inside = at < size ? (size - 1 - at) / dilation + 1 : 0;
  return {begin, inside < kernel ? inside : kernel};
}

// x: the first of the window's pixels inside the image, if there is one.
template <class Isa, class Args, class Element, class Combine>
LINNET_INLINE I32<Isa> pool_taps(const Args& args, const Element* x, TapRange lines, TapRange columns, int channels,
                                 I32<Isa> start, Combine combine) {
  I32<Isa> result = start;
  const ptrdiff_t step = args.window.dilation_w * args.x_stride;
  const ptrdiff_t line_step = static_cast<ptrdiff_t>(args.window.dilation_h) * args.in_w * args.x_stride;
  for (int32_t ky = lines.begin; ky < lines.end; ++ky, x += line_step) {
    const Element* tap = x;
    for (int32_t kx = columns.begin; kx < columns.end; ++kx, tap += step) {
      result = combine(result, load_element<Isa>(tap, channels));
    }
  }
  return result;
}

// What is added to every number of a mean so that none is negative, where halves are rounded up.
LINNET_INLINE int32_t mean_offset(const Pool2DInt8Args& args) {
  return args.halves_up ? -INT8_MIN : 0;
}
LINNET_INLINE int32_t mean_offset(const Pool2DInt16Args&) {
  return 0;
}

template <class Isa, class Element, class Args>
LINNET_INLINE void pool_integers(const Args& args) {
  using V = I32<Isa>;
  constexpr int32_t kMostSmallTaps = sizeof(Element) == 1 ? 1 << 16 : 1 << 8;  // whose sums are below 2^24
  constexpr int32_t kLeast = sizeof(Element) == 1 ? INT8_MIN : INT16_MIN;
  const Window& w = args.window;
  const Range<Isa> range(args.requantize);
  const int32_t offset = mean_offset(args);
  const ptrdiff_t end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  for (WindowPlace p = window_place(args, pixel); pixel < end; ++pixel, p = next_place(args, p)) {
    const TapRange lines = taps_inside(p.top, args.in_h, w.kernel_h, w.dilation_h);
    const TapRange columns = taps_inside(p.left, args.in_w, w.kernel_w, w.dilation_w);
    const bool empty = lines.begin >= lines.end || columns.begin >= columns.end;
    const int32_t taps = empty ? 1 : (lines.end - lines.begin) * (columns.end - columns.begin);
    const F32<Isa> reciprocal = F32<Isa>::set(1.0f / static_cast<float>(taps));
    const ptrdiff_t line = empty ? 0 : p.top + static_cast<ptrdiff_t>(lines.begin) * w.dilation_h;
    const ptrdiff_t column = empty ? 0 : p.left + static_cast<ptrdiff_t>(columns.begin) * w.dilation_w;
    const Element* const x = args.x + p.image + (line * args.in_w + column) * args.x_stride;
    Element* const y = args.y + pixel * args.y_stride;
    for (int32_t c = 0; c < args.channels; c += V::width) {
      const int n = args.channels - c;
      V result;
      if (args.kind == PoolKind::Max) {
        result = range.finish(pool_taps<Isa>(args, x + c, lines, columns, n, V::set(kLeast), Int<Isa>::max));
      } else {
        const V sum = pool_taps<Isa>(args, x + c, lines, columns, n, V::set(offset * taps),
                                     [](V a, V b) LINNET_INLINE_LAMBDA { return a + b; });
        result = args.requantize.rounding == Rounding::FixedPoint
                     ? range.finish(divide_rounding<Isa>(sum, taps, taps < kMostSmallTaps) - V::set(offset))
                     : range.finish(to_float(sum) * reciprocal);
      }
      store_element<Isa>(result, y + c, n);
    }
  }
}

template <class Isa>
void pool2d_s8_impl(const Pool2DInt8Args& args) {
  pool_integers<Isa, int8_t>(args);
}

template <class Isa>
void pool2d_s16_impl(const Pool2DInt16Args& args) {
  pool_integers<Isa, int16_t>(args);
}

}  // namespace linnet::kernels
