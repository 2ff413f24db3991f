// What the kernels with sparse weights share: where the inputs of a tile's pixels are, and how its outputs are stored.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/conv/window_place.hpp"
#include "kernels/kernels.hpp"
#include "kernels/sparse/plan.hpp"

namespace linnet::kernels {

// Output pixels begin .. begin + count of all images together.
struct SparseTile {
  ptrdiff_t begin;
  int32_t count;
};

// Calls body(SparseTile) for the pixels of the rows in tiles of nearly equal size.
template <class Args, class Body>
LINNET_INLINE void for_each_tile(const Args& args, int32_t pixels, int32_t step, Body body) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  ptrdiff_t begin = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  const ptrdiff_t tiles = (end - begin + pixels - 1) / pixels;
  if (tiles == 0) return;
  const ptrdiff_t equal = ((end - begin + tiles - 1) / tiles + step - 1) / step * step;
  const ptrdiff_t size = equal < pixels ? equal : pixels;
  for (; begin < end; begin += size)
    body(SparseTile{begin, static_cast<int32_t>(end - begin < size ? end - begin : size)});
}

// Pointers to the inputs of the tile's pixels at each tap, [taps][plan.pixels]; those behind the last pixel are
// padding.
template <class Args, class Element>
LINNET_INLINE void place_pixels(const Args& args, const SparsePlan& plan, SparseTile tile, const Element* padding,
                                const Element** pointers) {
  const Window& w = args.window;
  WindowPlace place = window_place(args, tile.begin);
  for (int32_t p = 0; p < plan.pixels; ++p) {
    const Element** out = pointers + p;
    if (p >= tile.count) {
      for (int32_t tap = 0; tap < plan.taps; ++tap, out += plan.pixels) *out = padding;
      continue;
    }
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      const int32_t iy = place.top + ky * w.dilation_h;
      const bool line_inside = iy >= 0 && iy < args.in_h;
      const Element* const line =
          args.x + place.image + static_cast<ptrdiff_t>(line_inside ? iy : 0) * args.in_w * args.x_stride;
      for (int32_t kx = 0; kx < w.kernel_w; ++kx, out += plan.pixels) {
        const int32_t ix = place.left + kx * w.dilation_w;
        *out = line_inside && ix >= 0 && ix < args.in_w ? line + ix * args.x_stride : padding;
      }
    }
    place = next_place(args, place);
  }
}

// Whether the inputs of an output pixel are those of the input pixel of the same number.
template <class Args>
LINNET_INLINE bool keeps_pixels(const Args& args) {
  const Window& w = args.window;
  return w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_top == 0 &&
         w.pad_left == 0 && args.in_h == args.out_h && args.in_w == args.out_w;
}

// The windows of the pixels that place_pixels() has placed, [count][taps][channels], sparse_window_stride() apart.
LINNET_INLINE void copy_windows(const SparsePlan& plan, int32_t channels, int32_t count, const float* const* pointers,
                                float* windows) {
  const ptrdiff_t stride = static_cast<ptrdiff_t>(sparse_window_stride(int64_t{plan.taps} * channels));
  for (int32_t p = 0; p < count; ++p, windows += stride) {
    float* out = windows;
    for (int32_t tap = 0; tap < plan.taps; ++tap, out += channels) {
      std::memcpy(out, pointers[static_cast<ptrdiff_t>(tap) * plan.pixels + p],
                  static_cast<size_t>(channels) * sizeof(float));
    }
  }
}

// Outputs `column` on of a panel: n of them, of one pixel.
template <class Isa>
LINNET_INLINE void store_outputs(F32<Isa> sum, const ClampVectors<Isa>& clamp, int32_t n, float* c,
                                 const float* residual) {
  if (residual) sum = sum + F32<Isa>::load_n(residual, n);
  clamp(sum).store_n(c, n);
}

// What store_outputs() leaves to do.
template <class Args>
LINNET_INLINE void finish_tile(const Args& args, const Clamp& clamp, SparseTile tile) {
  if (!clamp.deferred) return;
  float* const y = args.y + tile.begin * args.y_stride + args.output_begin;
  LINNET_ISA_BASE::unary_f32(
      {tile.count, args.output_end - args.output_begin, y, args.y_stride, y, args.y_stride, args.epilogue.activation});
}

}  // namespace linnet::kernels
