// Where the window of an output pixel lies.
#pragma once

#include "kernels/contract.hpp"

namespace linnet::kernels {

// The window of an output pixel: its first tap is the input pixel (top, left) of the image that begins at `image`
// (elements). x and y: the output pixel's column and line.
struct WindowPlace {
  ptrdiff_t image;
  int32_t top, left, x, y;
};

// Of a pixel counted through all images.
template <class Args>
LINNET_INLINE WindowPlace window_place(const Args& args, ptrdiff_t pixel) {
  const int32_t row = static_cast<int32_t>(pixel / args.out_w), x = static_cast<int32_t>(pixel % args.out_w);
  const int32_t image = row / args.out_h, y = row % args.out_h;
  return {static_cast<ptrdiff_t>(image) * args.in_h * args.in_w * args.x_stride,
          y * args.window.stride_h - args.window.pad_top, x * args.window.stride_w - args.window.pad_left, x, y};
}

template <class Args>
LINNET_INLINE WindowPlace next_place(const Args& args, WindowPlace p) {
  p.left += args.window.stride_w;
  if (++p.x < args.out_w) return p;
  p.x = 0;
  p.left = -args.window.pad_left;
  p.top += args.window.stride_h;
  if (++p.y < args.out_h) return p;
  p.y = 0;
  p.top = -args.window.pad_top;
  p.image += static_cast<ptrdiff_t>(args.in_h) * args.in_w * args.x_stride;
  return p;
}

}  // namespace linnet::kernels
