// Converted copies of inputs, as int8 products take them. What is written behind a copy's end is overwritten by the
// next one: copies are made in the order of their addresses.
#pragma once

#include "kernels/conv/window_place.hpp"
#include "kernels/gemm/dot.hpp"

namespace linnet::kernels {

// n >= 1.
template <class Isa>
LINNET_INLINE void convert_inputs(const int8_t* x, typename Dot<Isa>::Input* y, ptrdiff_t n) {
  using D = Dot<Isa>;
  if constexpr (D::converts) {
    constexpr ptrdiff_t kStep = D::kConverted;
    if (n < kStep) return D::convert(x, y, static_cast<int>(n));
    ptrdiff_t i = 0;
    for (; i + kStep <= n; i += kStep) D::convert(x + i, y + i);
    if (i < n) D::convert(x + n - kStep, y + n - kStep);
  } else {
    copy_bytes<Isa>(x, y, n);
  }
}

// The same, and touches nothing behind them.
template <class Isa>
LINNET_INLINE void convert_exactly(const int8_t* x, typename Dot<Isa>::Input* y, ptrdiff_t n) {
  using D = Dot<Isa>;
  if constexpr (D::converts) {
    if (n < D::kConverted) {
      typename D::Input all[D::kConverted];
      D::convert(x, all, static_cast<int>(n));
      std::memcpy(y, all, static_cast<size_t>(n) * sizeof(*y));
      return;
    }
  }
  convert_inputs<Isa>(x, y, n);
}

template <class Isa>
LINNET_INLINE void fill_inputs(int32_t value, typename Dot<Isa>::Input* y, ptrdiff_t n) {
  const auto filling = Dot<Isa>::converted(static_cast<int8_t>(value));
  if constexpr (sizeof(filling) == 1) {
    std::memset(y, filling, static_cast<size_t>(n));
  } else {
    for (ptrdiff_t i = 0; i < n; ++i) y[i] = filling;
  }
}

// `count` pixels of `channels` inputs each, one behind the other.
template <class Isa>
LINNET_INLINE typename Dot<Isa>::Input* convert_pixels(const int8_t* x, ptrdiff_t x_stride, ptrdiff_t channels,
                                                       ptrdiff_t count, typename Dot<Isa>::Input* y) {
  if (x_stride == channels) {
    if (count > 0) convert_inputs<Isa>(x, y, count * channels);
    return y + count * channels;
  }
  for (; count > 0; --count, x += x_stride, y += channels) convert_inputs<Isa>(x, y, channels);
  return y;
}

// Columns begin .. end of the image's line iy, those outside of the image with the padding's value. `image`: its first
// input.
template <class Isa, class Args>
LINNET_INLINE typename Dot<Isa>::Input* convert_line(const Args& args, const int8_t* image, int64_t iy, int64_t begin,
                                                     int64_t end, typename Dot<Isa>::Input* y) {
  const int64_t inside_end = iy < 0 || iy >= args.in_h ? begin : end < args.in_w ? end : args.in_w;
  const int64_t inside_begin = begin > 0 ? begin : 0;
  const auto fill = [&](int64_t columns) LINNET_INLINE_LAMBDA {
    fill_inputs<Isa>(args.input_zero_point, y, static_cast<ptrdiff_t>(columns * args.in_channels));
    y += columns * args.in_channels;
  };
  if (inside_begin >= inside_end) {
    fill(end - begin);
    return y;
  }
  if (begin < inside_begin) fill(inside_begin - begin);
  const int8_t* const x = image + (iy * args.in_w + inside_begin) * args.x_stride;
  y = convert_pixels<Isa>(x, args.x_stride, args.in_channels, static_cast<ptrdiff_t>(inside_end - inside_begin), y);
  if (inside_end < end) fill(end - inside_end);
  return y;
}

// n converted inputs; up to 32 bytes behind both are touched.
template <class Isa>
LINNET_INLINE void copy_converted(const typename Dot<Isa>::Input* x, typename Dot<Isa>::Input* y, ptrdiff_t n) {
  constexpr ptrdiff_t kStep = 16 / sizeof(*x);
  ptrdiff_t i = 0;
  do {
    std::memcpy(y + i, x + i, 16);
    i += kStep;
  } while (i < n);
}

// The window of one output pixel as a row of k inputs; x: the image's first input of the first image.
template <class Isa, class Args>
LINNET_INLINE void convert_window(const Args& args, const int8_t* x, const WindowPlace& p, ptrdiff_t k,
                                  typename Dot<Isa>::Input* row) {
  const Window& w = args.window;
  typename Dot<Isa>::Input* const end = row + k;
  const bool columns_inside = p.left >= 0 && p.left + (w.kernel_w - 1) * w.dilation_w < args.in_w;
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    const int32_t iy = p.top + ky * w.dilation_h;
    if (w.dilation_w == 1 && columns_inside && iy >= 0 && iy < args.in_h) {
      const int8_t* const first = x + p.image + (static_cast<ptrdiff_t>(iy) * args.in_w + p.left) * args.x_stride;
      row = convert_pixels<Isa>(first, args.x_stride, args.in_channels, w.kernel_w, row);
    } else {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        const int64_t ix = p.left + kx * w.dilation_w;
        row = convert_line<Isa>(args, x + p.image, iy, ix, ix + 1, row);
      }
    }
  }
  while (row < end) *row++ = Dot<Isa>::converted(0);
}

}  // namespace linnet::kernels
