#pragma once

#include "kernels/conv/plan.hpp"
#include "kernels/gemm/gemm.hpp"

namespace linnet::kernels {

// An output pixel, counted through the rows of all images.
struct OutputPixel {
  int32_t image, y, x;
};

template <class Isa>
struct Convolution {
  const Conv2DArgs& args;
  ConvPlan plan;
  const float** pointers;
  const float* zero;
  bool can_merge;

  // Writes the row pointers of one tile; returns how many taps it has: kernel_h where every line of the kernel is one
  // run, otherwise kernel_h * kernel_w.
  int32_t place(const float* x, OutputPixel first, int32_t rows, const float** tile) const;
  void run() const;
};

template <class Isa>
LINNET_INLINE OutputPixel next_pixel(const Conv2DArgs& args, OutputPixel p) {
  if (++p.x < args.out_w) return p;
  p.x = 0;
  if (++p.y < args.out_h) return p;
  return {p.image + 1, 0, 0};
}

template <class Isa>
int32_t Convolution<Isa>::place(const float* x, OutputPixel first, int32_t rows, const float** tile) const {
  constexpr int32_t step = TileShape<Isa>::rows;
  const Window& w = args.window;
  bool merged = can_merge;
  OutputPixel p = first;
  for (int32_t r = 0; merged && r < rows; ++r, p = next_pixel<Isa>(args, p)) {
    const int32_t left = p.x * w.stride_w - w.pad_left;
    merged = left >= 0 && left + w.kernel_w <= args.in_w;
  }
  const int32_t columns = merged ? 1 : w.kernel_w;
  p = first;
  for (int32_t r = 0; r < rows; ++r, p = next_pixel<Isa>(args, p)) {
    const float** out = tile + r;
    const int32_t left = p.x * w.stride_w - w.pad_left;
    const int32_t top = p.y * w.stride_h - w.pad_top;
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      const int32_t iy = top + ky * w.dilation_h;
      const bool line_inside = iy >= 0 && iy < args.in_h;
      const ptrdiff_t line = (static_cast<ptrdiff_t>(p.image) * args.in_h + iy) * args.in_w;
      for (int32_t kx = 0; kx < columns; ++kx, out += step) {
        const int32_t ix = left + kx * w.dilation_w;
        *out = line_inside && ix >= 0 && ix < args.in_w ? x + (line + ix) * args.x_stride : zero;
      }
    }
  }
  return w.kernel_h * columns;
}

template <class Isa>
void Convolution<Isa>::run() const {
  constexpr int32_t step = TileShape<Isa>::rows;
  const int32_t k = plan.taps * args.in_channels;
  const ptrdiff_t section = panel_floats(args.out_channels, k);
  const ptrdiff_t pixel_end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
  const ptrdiff_t tile_pointers = static_cast<ptrdiff_t>(plan.taps) * step;
  OutputPixel first{args.row_begin / args.out_h, args.row_begin % args.out_h, 0};
  for (ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w; pixel < pixel_end;) {
    const ptrdiff_t remaining = pixel_end - pixel;
    const int32_t count = static_cast<int32_t>(remaining < plan.tiles * step ? remaining : plan.tiles * step);
    OutputPixel after = first;
    for (int32_t group = 0; group < args.groups; ++group) {
      int32_t taps[8];
      OutputPixel p = first;
      for (int32_t done = 0, tile = 0, rows; done < count; done += rows, ++tile) {
        rows = next_tile_rows<Isa>(count - done);
        taps[tile] =
            place(args.x + static_cast<ptrdiff_t>(group) * args.in_channels, p, rows, pointers + tile * tile_pointers);
        for (int32_t r = 0; r < rows; ++r) p = next_pixel<Isa>(args, p);
      }
      after = p;
      const ptrdiff_t out_channel = static_cast<ptrdiff_t>(group) * args.out_channels;
      for_each_span<Isa>(
          args.packed + group * section, args.out_channels, k, [&](const PanelSpan& span) LINNET_INLINE_LAMBDA {
            for (int32_t done = 0, tile = 0, rows; done < count; done += rows, ++tile) {
              rows = next_tile_rows<Isa>(count - done);
              TileArgs t{};
              t.rows = pointers + tile * tile_pointers;
              t.taps = taps[tile];
              t.k = k / t.taps;
              t.c = args.y + (pixel + done) * args.y_stride + out_channel;
              t.c_stride = args.y_stride;
              const Epilogue& e = args.epilogue;
              t.residual_stride = e.residual_stride;
              t.residual = e.residual ? e.residual + (pixel + done) * e.residual_stride + out_channel : nullptr;
              run_tile<Isa>(span, rows, e.activation, t);
            }
          });
    }
    first = after;
    pixel += count;
  }
}

// A 1x1 convolution that keeps the image's size is the matrix product of its pixels.
template <class Isa>
void pointwise(const Conv2DArgs& args) {
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  for (int32_t group = 0; group < args.groups; ++group) {
    GemmArgs gemm{};
    gemm.m = (args.row_end - args.row_begin) * args.out_w;
    gemm.n = args.out_channels;
    gemm.k = args.in_channels;
    gemm.a = args.x + pixel * args.x_stride + static_cast<ptrdiff_t>(group) * args.in_channels;
    gemm.a_stride = args.x_stride;
    gemm.packed = args.packed + group * panel_floats(args.out_channels, args.in_channels);
    const ptrdiff_t out_channel = static_cast<ptrdiff_t>(group) * args.out_channels;
    gemm.c = args.y + pixel * args.y_stride + out_channel;
    gemm.c_stride = args.y_stride;
    gemm.epilogue = args.epilogue;
    if (gemm.epilogue.residual) gemm.epilogue.residual += pixel * gemm.epilogue.residual_stride + out_channel;
    gemm_f32_impl<Isa>(gemm);
  }
}

template <class Isa>
void conv2d_f32_impl(const Conv2DArgs& args) {
  const Window& w = args.window;
  if (w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_top == 0 && w.pad_left == 0 &&
      args.in_h == args.out_h && args.in_w == args.out_w) {
    pointwise<Isa>(args);
    return;
  }
  const ConvPlan plan = plan_conv2d(w, args.in_channels, traits(isa_id<Isa>), sizeof(void*));
  float* zero = reinterpret_cast<float*>(static_cast<char*>(args.scratch) + plan.zero_offset);
  std::memset(zero, 0, static_cast<size_t>(plan.zero_floats) * sizeof(float));
  const bool can_merge =
      args.in_channels <= kMaxMergedChannels && w.dilation_w == 1 && args.x_stride == args.in_channels;
  Convolution<Isa>{args, plan, static_cast<const float**>(args.scratch), zero, can_merge}.run();
}

}  // namespace linnet::kernels
