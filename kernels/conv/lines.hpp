// Convolution of dense images with few channels, most networks' first layer. The inputs of all pixels of an output line
// lie at equal distances in kernel_h lines of the input, so no pointer is kept for any of them. Strips of the image are
// walked from top to bottom; of each input line the strip's part is copied once, between zeros for the padding. Lines
// of the kernel above and below the image are left out.
#pragma once

#include "kernels/conv/line_tile.hpp"
#include "kernels/conv/plan.hpp"

namespace linnet::kernels {

// Output pixels begin <= x < end of one image's lines.
struct ConvStrip {
  int32_t begin, end;
};

template <class Isa, class Weight>
struct LineConvolution {
  const Conv2DArgsOf<Weight>& args;
  ConvPlan plan;
  const float** lines;  // [kernel_h]
  float* copies;

  float* copy_of(int32_t y) const { return copies + (y % args.window.kernel_h) * plan.line_floats; }
  void load(const float* image, ConvStrip strip, int32_t y) const;
  void multiply(ConvStrip strip, int32_t row, int32_t ky_begin, int32_t ky_end) const;
  void run_strip(ConvStrip strip, int32_t image, int32_t y_begin, int32_t y_end) const;
  void run() const;
};

template <class Isa, class Weight>
LINNET_INLINE void LineConvolution<Isa, Weight>::load(const float* image, ConvStrip strip, int32_t y) const {
  const Window& w = args.window;
  const int32_t left = strip.begin * w.stride_w - w.pad_left;
  const int32_t right = (strip.end - 1) * w.stride_w - w.pad_left + w.kernel_w;
  const int32_t begin = left < 0 ? 0 : left, end = right < args.in_w ? right : args.in_w;
  if (begin >= end) return;
  const ptrdiff_t c = args.in_channels;
  std::memcpy(copy_of(y) + (begin - left) * c, image + (static_cast<ptrdiff_t>(y) * args.in_w + begin) * c,
              static_cast<size_t>(end - begin) * c * sizeof(float));
}

// Lines ky_begin <= ky < ky_end of the kernel, which `lines` point to, on the strip in output row `row`.
template <class Isa, class Weight>
LINNET_INLINE void LineConvolution<Isa, Weight>::multiply(ConvStrip strip, int32_t row, int32_t ky_begin,
                                                          int32_t ky_end) const {
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(row) * args.out_w + strip.begin;
  const int32_t run = args.window.kernel_w * args.in_channels, k = args.window.kernel_h * run;
  const int64_t rows = args.row_end - args.row_begin;
  const LineRows<Weight> run_pixels = line_rows_of<Isa, Weight>(args.window, args.in_channels);
  for_each_span<Isa, TileShape<Isa>::panels, TileShape<Isa>::mixed>(
      args.packed, args.out_channels, k, [&](const auto& span) LINNET_INLINE_LAMBDA {
        const Epilogue& e = args.epilogue;
        TileArgsOf<Weight> t{};
        t.lines = lines;
        t.row_stride = static_cast<ptrdiff_t>(args.window.stride_w) * args.in_channels;
        t.taps = ky_end - ky_begin;
        t.k = run;
        t.k_begin = static_cast<ptrdiff_t>(ky_begin) * run;
        t.output_ahead = output_ahead(rows * args.out_w * args.y_stride * 4, k);
        t.c = args.y + pixel * args.y_stride;
        t.c_stride = args.y_stride;
        t.residual_stride = e.residual_stride;
        t.residual = e.residual ? e.residual + pixel * e.residual_stride : nullptr;
        run_pixels(span, strip.end - strip.begin, e.activation, t);
      });
}

template <class Isa, class Weight>
void LineConvolution<Isa, Weight>::run_strip(ConvStrip strip, int32_t image, int32_t y_begin, int32_t y_end) const {
  const Window& w = args.window;
  const float* x = args.x + static_cast<ptrdiff_t>(image) * args.in_h * args.in_w * args.in_channels;
  std::memset(copies, 0, static_cast<size_t>(w.kernel_h * plan.line_floats) * sizeof(float));
  int32_t loaded = 0;  // lines above it have been copied, or are not needed
  for (int32_t y = y_begin; y < y_end; ++y) {
    const int32_t top = y * w.stride_h - w.pad_top;
    const int32_t begin = top < 0 ? 0 : top, end = top + w.kernel_h < args.in_h ? top + w.kernel_h : args.in_h;
    for (loaded = loaded < begin ? begin : loaded; loaded < end; ++loaded) load(x, strip, loaded);
    for (int32_t line = begin; line < end; ++line) lines[line - begin] = copy_of(line);
    multiply(strip, image * args.out_h + y, begin - top, begin < end ? end - top : begin - top);
  }
}

template <class Isa, class Weight>
void LineConvolution<Isa, Weight>::run() const {
  constexpr int32_t step = TileShape<Isa>::rows;
  const int32_t strips = (args.out_w + plan.strip - 1) / plan.strip;
  const int32_t width = ((args.out_w + strips - 1) / strips + step - 1) / step * step;
  for (int32_t row = args.row_begin; row < args.row_end;) {
    const int32_t image = row / args.out_h, first = image * args.out_h;
    const int32_t end = args.row_end < first + args.out_h ? args.row_end : first + args.out_h;
    for (int32_t x = 0; x < args.out_w; x += width)
      run_strip({x, args.out_w - x < width ? args.out_w : x + width}, image, row - first, end - first);
    row = end;
  }
}

}  // namespace linnet::kernels
