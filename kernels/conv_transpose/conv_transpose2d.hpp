#pragma once

#include "kernels/conv_transpose/phase.hpp"
#include "kernels/gemm/tile.hpp"

namespace linnet::kernels {

// One output line's pixels of one horizontal phase: outputs first, first + stride_w, ...
template <class Isa, class Weight>
struct TransposedLine {
  const ConvTranspose2DArgsOf<Weight>& args;
  const float** pointers;
  const float* zero;
  int32_t row;      // output row, through all images
  int32_t phase_y;  // of this line
  int32_t phase_x;

  // Row pointers of the outputs first + r * stride_w, r < rows; returns the number of taps.
  int32_t place(const float* x, int32_t first, int32_t rows) const;
  void run(int32_t group, const Weight* packed, int32_t k) const;
};

template <class Isa, class Weight>
int32_t TransposedLine<Isa, Weight>::place(const float* x, int32_t first, int32_t rows) const {
  const Window& w = args.window;
  const int32_t image = row / args.out_h, oy = row % args.out_h;
  const float** out = pointers;
  int32_t taps = 0;
  for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
    if (!in_phase(ky, w.dilation_h, w.stride_h, phase_y)) continue;
    const int32_t iy = (oy + w.pad_top - ky * w.dilation_h) / w.stride_h;
    const bool line_inside = iy >= 0 && iy < args.in_h;
    const ptrdiff_t line = line_inside ? (static_cast<ptrdiff_t>(image) * args.in_h + iy) * args.in_w : 0;
    for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
      if (!in_phase(kx, w.dilation_w, w.stride_w, phase_x)) continue;
      const int32_t left = (first + w.pad_left - kx * w.dilation_w) / w.stride_w;
      for (int32_t r = 0; r < rows; ++r) {
        const int32_t ix = left + r;
        out[r] = line_inside && ix >= 0 && ix < args.in_w ? x + (line + ix) * args.x_stride : zero;
      }
      out += TileShape<Isa>::rows;
      ++taps;
    }
  }
  return taps;
}

template <class Isa, class Weight>
void TransposedLine<Isa, Weight>::run(int32_t group, const Weight* packed, int32_t k) const {
  const int32_t stride = args.window.stride_w;
  const int32_t begin = (phase_x + stride - args.window.pad_left % stride) % stride;
  const ptrdiff_t line = static_cast<ptrdiff_t>(row) * args.out_w;
  const ptrdiff_t out_channel = static_cast<ptrdiff_t>(group) * args.out_channels;
  const float* x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
  const Epilogue& e = args.epilogue;
  int32_t rows = 0;
  for (int32_t first = begin; first < args.out_w; first += rows * stride) {
    rows = next_tile_rows<Isa>((args.out_w - first + stride - 1) / stride);
    TileArgsOf<Weight> t{};
    t.rows = pointers;
    t.taps = place(x, first, rows);
    t.k = args.in_channels;
    t.c = args.y + (line + first) * args.y_stride + out_channel;
    t.c_stride = args.y_stride * stride;
    t.residual_stride = e.residual_stride * stride;
    t.residual = e.residual ? e.residual + (line + first) * e.residual_stride + out_channel : nullptr;
    for_each_span<Isa>(packed, args.out_channels, k, [&](const auto& span) LINNET_INLINE_LAMBDA {
      TileArgsOf<Weight> part = t;
      run_rows<Isa>(span, rows, e.activation, part);
    });
  }
}

template <class Isa, class Weight>
LINNET_INLINE void convolve_transposed(const ConvTranspose2DArgsOf<Weight>& args) {
  const ConvTransposePlan plan =
      plan_conv_transpose2d(args.window, args.in_channels, traits(isa_id<Isa>), sizeof(void*));
  float* zero = reinterpret_cast<float*>(static_cast<char*>(args.scratch) + plan.zero_offset);
  std::memset(zero, 0, static_cast<size_t>(args.in_channels) * sizeof(float));
  const Weight* packed = args.packed;
  for_each_section(args, [&](const PhaseSection& section) LINNET_INLINE_LAMBDA {
    const int32_t k = section.taps * args.in_channels;
    for_each_line(args, section, [&](const PhaseLine& line) LINNET_INLINE_LAMBDA {
      TransposedLine<Isa, Weight>{args,        static_cast<const float**>(args.scratch), zero, line.row, line.phase_y,
                                  line.phase_x}
          .run(section.group, packed, k);
    });
    packed += panel_elements<Weight>(args.out_channels, k);
  });
}

template <class Isa>
void conv_transpose2d_f32_impl(const ConvTranspose2DArgs& args) {
  convolve_transposed<Isa>(args);
}

template <class Isa>
void conv_transpose2d_f32x8_impl(const ConvTranspose2DFloat32x8Args& args) {
  convolve_transposed<Isa>(args);
}

}  // namespace linnet::kernels
