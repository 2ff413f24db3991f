// int8 depthwise convolution with any window. Each output line is walked a panel of channels at a time; its taps are
// pointers that move on from pixel to pixel, those outside of the image to a pixel of padding.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/depthwise/dot_depthwise.hpp"
#include "kernels/depthwise/lanes_int8.hpp"

namespace linnet::kernels {

// Pixels of one output line that share their taps' pointers.
struct DepthwiseRun {
  const DepthwiseTap* taps;
  int32_t count;  // of taps
  int32_t pixel;  // counted through all images
};

// Sums of kPixels outputs from `offset` pixels behind the run's first on, of the panel of `columns` valid channels at
// `channel`.
template <class Isa, int kPixels, bool kFull>
LINNET_INLINE void depthwise_sums(const DepthwiseRun& run, int32_t offset, int32_t channel, int32_t columns,
                                  const int8_t* w, ptrdiff_t weight_step, int32_t* sums) {
  using D = DepthwiseDot<Isa>;
  typename D::Sum sum[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) D::clear(&sum[p]);
  for (int32_t t = 0; t < run.count; t += kDot, w += weight_step) {
    const typename D::Weights weights = D::weights(w);
    const DepthwiseTap* const taps = run.taps + t;
    const int8_t* source[kDot];
#pragma GCC unroll 4
    for (int i = 0; i < kDot; ++i) source[i] = taps[i].x + offset * taps[i].step + channel;
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
      typename D::Channels x[kDot];
#pragma GCC unroll 4
      for (int i = 0; i < kDot; ++i) {
        x[i] = kFull ? D::load(source[i]) : D::load(source[i], columns);
        source[i] += taps[i].step;
      }
      D::add(&sum[p], weights, x);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) D::store(sum[p], sums + p * kPanel);
}

// The same of DepthwiseLanes::pixels outputs and a whole panel.
template <class Isa>
LINNET_INLINE void depthwise_lane_sums(const DepthwiseRun& run, int32_t offset, int32_t channel, const int8_t* panel,
                                       int32_t* sums) {
  using L = DepthwiseLanes<Isa>;
  using V = typename L::V;
  const int32_t* const weight_sums = reinterpret_cast<const int32_t*>(panel) + kPanel;
  V sum0 = L::start(weight_sums), sum1 = L::start(weight_sums + 4), sum2 = L::start(weight_sums + 8);
  V sum3 = L::start(weight_sums + 12);
  const int8_t* w = panel + kPanelHeader * kPanel;
  for (int32_t t = 0; t < run.count; t += kDot, w += kPanel * kDot) {
    V x[kDot];
#pragma GCC unroll 4
    for (int i = 0; i < kDot; ++i) {
      const DepthwiseTap& tap = run.taps[t + i];
      x[i] = L::inputs(tap.x + offset * tap.step + channel, tap.step);
    }
    const V low = L::low8(x[0], x[1]), high = L::high8(x[0], x[1]);
    const V low_next = L::low8(x[2], x[3]), high_next = L::high8(x[2], x[3]);
    sum0 = L::dot(sum0, L::low16(low, low_next), L::broadcast(w));
    sum1 = L::dot(sum1, L::high16(low, low_next), L::broadcast(w + 16));
    sum2 = L::dot(sum2, L::low16(high, high_next), L::broadcast(w + 32));
    sum3 = L::dot(sum3, L::high16(high, high_next), L::broadcast(w + 48));
  }
  L::store(sum0, sums, kPanel);
  L::store(sum1, sums + 4, kPanel);
  L::store(sum2, sums + 8, kPanel);
  L::store(sum3, sums + 12, kPanel);
}

// The largest blocks of outputs, of which whole panels may have others.
template <class Isa, bool kFull>
LINNET_INLINE constexpr int depthwise_pixels() {
  if constexpr (kFull && kHasDepthwiseLanes<Isa>) return DepthwiseLanes<Isa>::pixels;
  return DepthwiseDot<Isa>::pixels;
}

// `pixels` outputs of a run, of the panel at `channel`; kFull: of 16 valid channels.
template <class Isa, bool kFull>
__attribute__((noinline)) void depthwise_panel_int8(const DepthwiseInt8Args& args, const DepthwiseRun& run,
                                                    int32_t pixels, int32_t channel, const int8_t* panel,
                                                    int32_t width) {
  constexpr int kPixels = depthwise_pixels<Isa, kFull>(), kTogether = kPixels == 1 ? 1 : 32;
  const int32_t columns = kFull ? kPanel : args.channels - channel;
  const int8_t* const weights = panel + kPanelHeader * width;
  const EpilogueInt8& e = args.epilogue;
  alignas(64) int32_t sums[kTogether * kPanel];
  SumsInt8 s;
  s.sums = sums;
  s.stride = kPanel;
  s.columns = columns;
  s.panel = panel;
  s.width = width;
  s.column = 0;
  s.y_stride = args.y_stride;
  for (int32_t first = 0; first < pixels; first += s.rows) {
    s.rows = pixels - first < kTogether ? pixels - first : kTogether;
    int32_t p = 0;
    for (; p + kPixels <= s.rows; p += kPixels) {
      if constexpr (kFull && kHasDepthwiseLanes<Isa>) {
        depthwise_lane_sums<Isa>(run, first + p, channel, panel, sums + p * kPanel);
      } else {
        depthwise_sums<Isa, kPixels, kFull>(run, first + p, channel, columns, weights, width * kDot, sums + p * kPanel);
      }
    }
    if constexpr (kPixels > 1) {
      for (; p < s.rows; ++p)
        depthwise_sums<Isa, 1, kFull>(run, first + p, channel, columns, weights, width * kDot, sums + p * kPanel);
    }
    const ptrdiff_t pixel = run.pixel + first;
    s.y = args.y + pixel * args.y_stride + channel;
    s.residual = e.residual ? e.residual + pixel * e.residual_stride + channel : nullptr;
    finish_sums<Isa, false>(s, e);
  }
}

template <class Isa>
LINNET_INLINE void depthwise_panels_int8(const DepthwiseInt8Args& args, const DepthwiseRun& run, int32_t pixels) {
  const int8_t* panel = args.packed;
  for (int32_t channel = 0, width; channel < args.channels; channel += width) {
    width = args.channels - channel > kTailPanel ? kPanel : kTailPanel;
    if (args.channels - channel >= kPanel) {
      depthwise_panel_int8<Isa, true>(args, run, pixels, channel, panel, width);
    } else {
      depthwise_panel_int8<Isa, false>(args, run, pixels, channel, panel, width);
    }
    panel += width * (kPanelHeader + run.count);
  }
}

// Writes the taps of output pixel ox of row `row`.
LINNET_INLINE void place_taps(const DepthwiseInt8Args& args, int32_t row, int32_t ox, const int8_t* padding,
                              int32_t count, DepthwiseTap* taps) {
  const Window& w = args.window;
  const WindowPlace p = window_place(args, static_cast<ptrdiff_t>(row) * args.out_w + ox);
  const ptrdiff_t step = w.stride_w * args.x_stride;
  DepthwiseTap* const end = taps + count;
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

template <class Isa>
void depthwise_s8_impl(const DepthwiseInt8Args& args) {
  const Window& w = args.window;
  const DepthwiseInt8Plan plan = plan_depthwise_int8(w, args.channels, sizeof(void*));
  DepthwiseTap* const taps = static_cast<DepthwiseTap*>(args.scratch);
  int8_t* const padding = static_cast<int8_t*>(args.scratch) + plan.padding_offset;
  std::memset(padding, args.input_zero_point, static_cast<size_t>(args.channels));
  // Outputs whose whole window lies between the image's sides.
  const int32_t room = args.in_w - ((w.kernel_w - 1) * w.dilation_w + 1) + w.pad_left;
  int32_t inner_end = room < 0 ? 0 : room / w.stride_w + 1;
  inner_end = inner_end < args.out_w ? inner_end : args.out_w;
  const int32_t inner_begin = (w.pad_left + w.stride_w - 1) / w.stride_w;
  for (int32_t row = args.row_begin; row < args.row_end; ++row) {
    for (int32_t ox = 0; ox < args.out_w;) {
      const int32_t end = ox >= inner_begin && ox < inner_end ? inner_end : ox + 1;
      place_taps(args, row, ox, padding, plan.taps, taps);
      const DepthwiseRun run = {taps, plan.taps, row * args.out_w + ox};
      depthwise_panels_int8<Isa>(args, run, end - ox);
      ox = end;
    }
  }
}

}  // namespace linnet::kernels
