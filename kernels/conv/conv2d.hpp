#pragma once

#include "kernels/conv/lines.hpp"
#include "kernels/conv/plan.hpp"
#include "kernels/gemm/gemm.hpp"

namespace linnet::kernels {

// An output pixel, counted through the rows of all images.
struct OutputPixel {
  int32_t image, y, x;
};

template <class Isa, class Weight>
struct Convolution {
  const Conv2DArgsOf<Weight>& args;
  ConvPlan plan;
  const float** pointers;  // [plan.tiles][plan.taps][tile rows]
  const float* zero;

  void place(const float* x, OutputPixel p, const float** out) const;
  void run() const;
};

template <class Weight>
LINNET_INLINE OutputPixel next_pixel(const Conv2DArgsOf<Weight>& args, OutputPixel p) {
  if (++p.x < args.out_w) return p;
  p.x = 0;
  if (++p.y < args.out_h) return p;
  return {p.image + 1, 0, 0};
}

// Writes the row pointers of one pixel, kernel_h * kernel_w of them, a tile's rows apart.
template <class Isa, class Weight>
LINNET_INLINE void Convolution<Isa, Weight>::place(const float* x, OutputPixel p, const float** out) const {
  constexpr int32_t step = TileShape<Isa>::rows;
  const Window& w = args.window;
  const int32_t left = p.x * w.stride_w - w.pad_left;
  const int32_t top = p.y * w.stride_h - w.pad_top;
  const ptrdiff_t line_stride = static_cast<ptrdiff_t>(args.in_w) * args.x_stride;
  const ptrdiff_t first = static_cast<ptrdiff_t>(p.image) * args.in_h * line_stride;
  if (left >= 0 && top >= 0 && left + (w.kernel_w - 1) * w.dilation_w < args.in_w &&
      top + (w.kernel_h - 1) * w.dilation_h < args.in_h) {
    const float* line = x + first + top * line_stride + left * args.x_stride;
    for (int32_t ky = 0; ky < w.kernel_h; ++ky, line += w.dilation_h * line_stride) {
      const float* tap = line;
      for (int32_t kx = 0; kx < w.kernel_w; ++kx, out += step, tap += w.dilation_w * args.x_stride) *out = tap;
    }
    return;
  }
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    const int32_t iy = top + ky * w.dilation_h;
    const bool line_inside = iy >= 0 && iy < args.in_h;
    for (int32_t kx = 0; kx < w.kernel_w; ++kx, out += step) {
      const int32_t ix = left + kx * w.dilation_w;
      *out = line_inside && ix >= 0 && ix < args.in_w ? x + first + iy * line_stride + ix * args.x_stride : zero;
    }
  }
}

template <class Isa, class Weight>
void Convolution<Isa, Weight>::run() const {
  constexpr int32_t step = TileShape<Isa>::rows;
  const int32_t k = plan.taps * args.in_channels;
  const ptrdiff_t section = panel_elements<Weight>(args.out_channels, k);
  const ptrdiff_t pixel_end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  const ptrdiff_t pixel_begin = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  const int64_t output_bytes = (pixel_end - pixel_begin) * int64_t{4} * args.y_stride;
  // Blocks of nearly equal size: a last one of a few pixels would read all weights for them.
  const ptrdiff_t tiles = (pixel_end - pixel_begin + step - 1) / step;
  const ptrdiff_t blocks = (tiles + plan.tiles - 1) / plan.tiles;
  const ptrdiff_t block = (tiles + blocks - 1) / blocks * step;
  OutputPixel first{args.row_begin / args.out_h, args.row_begin % args.out_h, 0};
  for (ptrdiff_t pixel = pixel_begin; pixel < pixel_end; pixel += block) {
    const int32_t count = static_cast<int32_t>(pixel_end - pixel < block ? pixel_end - pixel : block);
    OutputPixel after = first;
    for (int32_t group = 0; group < args.groups; ++group) {
      const float* x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
      after = first;
      for (int32_t done = 0, tile = 0, rows; done < count; done += rows, ++tile) {
        rows = next_tile_rows<Isa>(count - done);
        const float** out = pointers + static_cast<ptrdiff_t>(tile) * plan.taps * step;
        for (int32_t r = 0; r < rows; ++r, after = next_pixel(args, after)) place(x, after, out + r);
      }
      const ptrdiff_t out_channel = static_cast<ptrdiff_t>(group) * args.out_channels;
      for_each_span<Isa, TileShape<Isa>::panels, TileShape<Isa>::mixed>(
          args.packed + group * section, args.out_channels, k, [&](const auto& span) LINNET_INLINE_LAMBDA {
            TileArgsOf<Weight> t{};
            t.rows = pointers;
            t.taps = plan.taps;
            t.k = args.in_channels;
            t.output_ahead = output_ahead(output_bytes, k);
            t.c = args.y + pixel * args.y_stride + out_channel;
            t.c_stride = args.y_stride;
            const Epilogue& e = args.epilogue;
            t.residual_stride = e.residual_stride;
            t.residual = e.residual ? e.residual + pixel * e.residual_stride + out_channel : nullptr;
            run_rows<Isa>(span, count, e.activation, t);
          });
    }
    first = after;
  }
}

// A 1x1 convolution that keeps the image's size is the matrix product of its pixels.
template <class Isa, class Weight>
void pointwise(const Conv2DArgsOf<Weight>& args) {
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  for (int32_t group = 0; group < args.groups; ++group) {
    GemmArgsOf<Weight> gemm{};
    gemm.m = (args.row_end - args.row_begin) * args.out_w;
    gemm.n = args.out_channels;
    gemm.k = args.in_channels;
    gemm.a = args.x + pixel * args.x_stride + static_cast<ptrdiff_t>(group) * args.in_channels;
    gemm.a_stride = args.x_stride;
    gemm.packed = args.packed + group * panel_elements<Weight>(args.out_channels, args.in_channels);
    const ptrdiff_t out_channel = static_cast<ptrdiff_t>(group) * args.out_channels;
    gemm.c = args.y + pixel * args.y_stride + out_channel;
    gemm.c_stride = args.y_stride;
    gemm.epilogue = args.epilogue;
    if (gemm.epilogue.residual) gemm.epilogue.residual += pixel * gemm.epilogue.residual_stride + out_channel;
    multiply_blocks<Isa>(gemm);
  }
}

template <class Isa, class Weight>
LINNET_INLINE void convolve(const Conv2DArgsOf<Weight>& args) {
  const Window& w = args.window;
  if (w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_top == 0 && w.pad_left == 0 &&
      args.in_h == args.out_h && args.in_w == args.out_w) {
    pointwise<Isa>(args);
    return;
  }
  const ConvPlan plan = plan_conv2d(w, args.in_channels, traits(isa_id<Isa>), sizeof(void*));
  char* const scratch = static_cast<char*>(args.scratch);
  const float** pointers = reinterpret_cast<const float**>(scratch);
  if (plan.strip > 0 && args.x_stride == args.in_channels) {
    LineConvolution<Isa, Weight>{args, plan, pointers, reinterpret_cast<float*>(scratch + plan.lines_offset)}.run();
    return;
  }
  float* zero = reinterpret_cast<float*>(scratch + plan.zero_offset);
  std::memset(zero, 0, static_cast<size_t>(args.in_channels) * sizeof(float));
  Convolution<Isa, Weight>{args, plan, pointers, zero}.run();
}

template <class Isa>
void conv2d_f32_impl(const Conv2DArgs& args) {
  convolve<Isa>(args);
}

template <class Isa>
void conv2d_f32x8_impl(const Conv2DFloat32x8Args& args) {
  convolve<Isa>(args);
}

}  // namespace linnet::kernels
