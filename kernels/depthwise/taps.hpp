// The taps of a depthwise convolution of integers.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"

namespace linnet::kernels {

// Writes the taps of output pixel ox of row `row`, and `padding` for those behind the last.
template <class Args, class Element>
LINNET_INLINE void place_taps(const Args& args, int32_t row, int32_t ox, const Element* padding, int32_t count,
                              DepthwiseTap<Element>* taps) {
  const Window& w = args.window;
  const WindowPlace p = window_place(args, static_cast<ptrdiff_t>(row) * args.out_w + ox);
  const ptrdiff_t step = w.stride_w * args.x_stride;
  DepthwiseTap<Element>* const end = taps + count;
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    const int32_t iy = p.top + ky * w.dilation_h;
    for (int32_t kx = 0; kx < w.kernel_w; ++kx, ++taps) {
      const int32_t ix = p.left + kx * w.dilation_w;
      const bool inside = iy >= 0 && iy < args.in_h && ix >= 0 && ix < args.in_w;
      *taps = {padding, 0};
      if (inside) *taps = {args.x + p.image + (static_cast<ptrdiff_t>(iy) * args.in_w + ix) * args.x_stride, step};
    }
  }
  while (taps < end) *taps++ = {padding, 0};
}

}  // namespace linnet::kernels
