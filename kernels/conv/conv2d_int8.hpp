// int8 convolution with any window and groups; products are those of 1x1.
#pragma once

#include "kernels/conv/plan_int8.hpp"
#include "kernels/gemm/tile_int8.hpp"

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

template <class Isa>
struct ConvolutionInt8 {
  static constexpr int32_t kStep = traits(isa_id<Isa>).int8_rows;

  const Conv2DInt8Args& args;
  ConvInt8Plan plan;
  const int8_t** pointers;
  int8_t* inputs;
  ptrdiff_t tap_step = args.window.dilation_w * args.x_stride;
  ptrdiff_t line_step = static_cast<ptrdiff_t>(args.window.dilation_h) * args.in_w * args.x_stride;

  // `first`: the window's first pixel where all of them lie inside of the image, or null.
  void place(const int8_t* x, const WindowPlace& p, const int8_t* first, const int8_t** out) const;
  void gather(const int8_t* x, const WindowPlace& p, const int8_t* first, int8_t* row) const;
  void prepare(const int8_t* x, ptrdiff_t pixel, int32_t count) const;
  void run() const;
};

// Writes the pointers of one output pixel, a tile's rows apart.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::place(const int8_t* x, const WindowPlace& p, const int8_t* first,
                                               const int8_t** out) const {
  const Window& w = args.window;
  if (first) {
    for (int32_t ky = 0;; first += line_step) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx, out += kStep) *out = first + kx * tap_step;
      if (++ky == w.kernel_h) return;
    }
  }
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    const int32_t iy = p.top + ky * w.dilation_h;
    const bool line_inside = iy >= 0 && iy < args.in_h;
    for (int32_t kx = 0; kx < w.kernel_w; ++kx, out += kStep) {
      const int32_t ix = p.left + kx * w.dilation_w;
      const bool inside = line_inside && ix >= 0 && ix < args.in_w;
      *out = inside ? x + p.image + (static_cast<ptrdiff_t>(iy) * args.in_w + ix) * args.x_stride : inputs;
    }
  }
}

// Copies the inputs of one output pixel to a row of plan.k bytes.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::gather(const int8_t* x, const WindowPlace& p, const int8_t* first,
                                                int8_t* row) const {
  const Window& w = args.window;
  const ptrdiff_t channels = args.in_channels;
  std::memset(row + plan.k - kDot, 0, kDot);  // the end of the row that has no input, if there is one
  // Neighbouring taps that lie one behind the other are copied together.
  const bool joined = tap_step == channels;
  if (joined && first) {
    const ptrdiff_t run = w.kernel_w * channels;
    for (int32_t ky = 0;; first += line_step, row += run) {
      copy_bytes<Isa>(first, row, run);
      if (++ky == w.kernel_h) return;
    }
  }
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    const int32_t iy = p.top + ky * w.dilation_h;
    const bool line_inside = iy >= 0 && iy < args.in_h;
    const int8_t* const line = x + p.image + (line_inside ? static_cast<ptrdiff_t>(iy) * args.in_w * args.x_stride : 0);
    if (joined && line_inside && p.left >= 0 && p.left + w.kernel_w <= args.in_w) {
      copy_bytes<Isa>(line + p.left * args.x_stride, row, w.kernel_w * channels);
      row += w.kernel_w * channels;
      continue;
    }
    for (int32_t kx = 0; kx < w.kernel_w; ++kx, row += channels) {
      const int32_t ix = p.left + kx * w.dilation_w;
      if (line_inside && ix >= 0 && ix < args.in_w) {
        copy_bytes<Isa>(line + ix * args.x_stride, row, channels);
      } else {
        std::memset(row, args.input_zero_point, static_cast<size_t>(channels));
      }
    }
  }
}

// Inputs of `count` output pixels; those of the last tile's missing rows are those of its first.
template <class Isa>
LINNET_INLINE void ConvolutionInt8<Isa>::prepare(const int8_t* x, ptrdiff_t pixel, int32_t count) const {
  const Window& w = args.window;
  const int32_t last_left = args.in_w - 1 - (w.kernel_w - 1) * w.dilation_w;
  const int32_t last_top = args.in_h - 1 - (w.kernel_h - 1) * w.dilation_h;
  const ptrdiff_t x_stride = args.x_stride;
  const int8_t** tile = pointers;
  const int8_t* line = nullptr;  // the image's line under the window's first, where all of them lie inside
  WindowPlace p = window_place(args, pixel);
  const auto enter_line = [&]() LINNET_INLINE_LAMBDA {
    const bool inside = p.top >= 0 && p.top <= last_top;
    line = inside ? x + p.image + static_cast<ptrdiff_t>(p.top) * args.in_w * x_stride : nullptr;
  };
  enter_line();
  const auto window = [&](const WindowPlace& at, const int8_t* from) LINNET_INLINE_LAMBDA {
    return from && at.left >= 0 && at.left <= last_left ? from + at.left * x_stride : nullptr;
  };
  for (int32_t first = 0; first < count; first += kStep, tile += kStep * plan.taps) {
    const WindowPlace first_place = p;
    const int8_t* const first_line = line;
    for (int32_t r = 0; r < kStep; ++r) {
      const bool valid = first + r < count;
      if (plan.gathers) {
        tile[r] = inputs + static_cast<ptrdiff_t>(first + (valid ? r : 0)) * plan.k;
        if (valid) gather(x, p, window(p, line), inputs + static_cast<ptrdiff_t>(first + r) * plan.k);
      } else if (valid) {
        place(x, p, window(p, line), tile + r);
      } else {
        place(x, first_place, window(first_place, first_line), tile + r);
      }
      if (!valid) continue;
      p = next_place(args, p);
      if (p.x == 0) enter_line();
    }
  }
}

template <class Isa>
void ConvolutionInt8<Isa>::run() const {
  const int64_t section = panel_int8_bytes(args.out_channels, int64_t{plan.taps} * plan.k);
  const ptrdiff_t pixel_end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  const ptrdiff_t pixel_begin = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  // Blocks of nearly equal size: a last one of a few pixels would read all weights for them.
  const ptrdiff_t tiles = (pixel_end - pixel_begin + kStep - 1) / kStep;
  const ptrdiff_t blocks = (tiles + plan.tiles - 1) / plan.tiles;
  const ptrdiff_t block = (tiles + blocks - 1) / blocks * kStep;
  const bool bounded = sums_are_bounded<Isa>(args.epilogue.requantize.rounding, args.packed, args.groups,
                                             args.out_channels, int64_t{plan.taps} * plan.k);
  if (!plan.gathers) std::memset(inputs, args.input_zero_point, static_cast<size_t>(args.in_channels));
  for (ptrdiff_t pixel = pixel_begin; pixel < pixel_end; pixel += block) {
    const int32_t count = static_cast<int32_t>(pixel_end - pixel < block ? pixel_end - pixel : block);
    for (int32_t group = 0; group < args.groups; ++group) {
      prepare(args.x + static_cast<ptrdiff_t>(group) * args.in_channels, pixel, count);
      const ptrdiff_t column = static_cast<ptrdiff_t>(group) * args.out_channels;
      const EpilogueInt8& e = args.epilogue;
      RowsInt8 rows;
      rows.pointers = pointers;
      rows.rows = count;
      rows.taps = plan.taps;
      rows.k = plan.k;
      rows.packed = args.packed + group * section;
      rows.columns = args.out_channels;
      rows.bounded = bounded;
      rows.y = args.y + pixel * args.y_stride + column;
      rows.y_stride = args.y_stride;
      rows.residual = e.residual ? e.residual + pixel * e.residual_stride + column : nullptr;
      multiply_int8<Isa>(rows, e);
    }
  }
}

template <class Isa>
void conv2d_s8_impl(const Conv2DInt8Args& args) {
  const ConvInt8Plan plan = plan_conv2d_int8(args.window, args.in_channels, traits(isa_id<Isa>), sizeof(void*));
  char* const scratch = static_cast<char*>(args.scratch);
  ConvolutionInt8<Isa>{args, plan, reinterpret_cast<const int8_t**>(scratch),
                       reinterpret_cast<int8_t*>(scratch + plan.inputs_offset)}
      .run();
}

}  // namespace linnet::kernels
