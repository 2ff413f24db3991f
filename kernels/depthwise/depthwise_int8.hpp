// int8 depthwise convolution. The usual windows have strips (strip_int8.hpp); with any other one each output line is
// walked a panel of channels at a time, and its taps are pointers that move on from pixel to pixel, those outside of
// the image to a pixel of padding.
#pragma once

#include "kernels/depthwise/dot_depthwise.hpp"
#include "kernels/depthwise/strip_int8.hpp"
#include "kernels/depthwise/taps.hpp"

namespace linnet::kernels {

// Pixels of one output line that share their taps' pointers.
struct DepthwiseRun {
  const DepthwiseTap<int8_t>* taps;
  int32_t count;  // of taps
  int32_t pixel;  // counted through all images
  Scale scale;    // see scale_of_sums
};

// Sums of kPixels outputs from `offset` pixels behind the run's first on, of the panel of `columns` valid channels at
// `channel`.
template <class Isa, int kPixels, bool kFull>
LINNET_INLINE void depthwise_sums(const DepthwiseRun& run, int32_t offset, int32_t channel, int32_t columns,
                                  const int8_t* w, ptrdiff_t weight_step, const int32_t* start, int32_t* sums) {
  using D = DepthwiseDot<Isa>;
  typename D::Sum sum[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) sum[p] = D::start(start);
  for (int32_t t = 0; t < run.count; t += kDot, w += weight_step) {
    const typename D::Weights weights = D::weights(w);
    const DepthwiseTap<int8_t>* const taps = run.taps + t;
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

// `pixels` outputs of a run, of the panel at `channel`; kFull: of 16 valid channels.
template <class Isa, bool kFull>
__attribute__((noinline)) void depthwise_panel_int8(const DepthwiseInt8Args& args, const DepthwiseRun& run,
                                                    int32_t pixels, int32_t channel, const int8_t* panel,
                                                    int32_t width) {
  constexpr int kPixels = DepthwiseDot<Isa>::pixels, kTogether = kPixels == 1 ? 1 : 32;
  const int32_t columns = kFull ? kPanel : args.channels - channel;
  const int8_t* const weights = panel + kPanelHeader * width;
  const EpilogueInt8& e = args.epilogue;
  alignas(64) int32_t start[kPanel], sums[kTogether * kPanel];
  start_sums<Isa, false>(panel, width, 0, kPanel, start);
  SumsInt8 s;
  s.sums = sums;
  s.stride = kPanel;
  s.columns = columns;
  s.scale = run.scale;
  s.panel = panel;
  s.width = width;
  s.column = 0;
  s.y_stride = args.y_stride;
  for (int32_t first = 0; first < pixels; first += s.rows) {
    s.rows = pixels - first < kTogether ? pixels - first : kTogether;
    int32_t p = 0;
    for (; p + kPixels <= s.rows; p += kPixels) {
      depthwise_sums<Isa, kPixels, kFull>(run, first + p, channel, columns, weights, width * kDot, start,
                                          sums + p * kPanel);
    }
    if constexpr (kPixels > 1) {
      for (; p < s.rows; ++p)
        depthwise_sums<Isa, 1, kFull>(run, first + p, channel, columns, weights, width * kDot, start,
                                      sums + p * kPanel);
    }
    const ptrdiff_t pixel = run.pixel + first;
    s.y = args.y + pixel * args.y_stride + channel;
    s.residual = e.residual ? e.residual + pixel * e.residual_stride + channel : nullptr;
    finish_sums<Isa>(s, e);
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

template <class Isa>
void depthwise_s8_impl(const DepthwiseInt8Args& args) {
  const Window& w = args.window;
  const DepthwiseInt8Plan plan = plan_depthwise_int8(w, args.channels, sizeof(void*));
  DepthwiseTap<int8_t>* const taps = static_cast<DepthwiseTap<int8_t>*>(args.scratch);
  int8_t* const padding = static_cast<int8_t*>(args.scratch) + plan.padding_offset;
  std::memset(padding, args.input_zero_point, static_cast<size_t>(args.channels));
  const Scale scale = scale_of_sums<Isa>(args.epilogue.requantize.rounding, args.packed, 1, args.channels, plan.taps);
  if constexpr (DepthwiseLanes<Isa>::channels > 0) {
    if (depthwise_by_strips<Isa>(args, padding, scale)) return;
  }
  // Outputs whose whole window lies between the image's sides.
  const int32_t room = args.in_w - ((w.kernel_w - 1) * w.dilation_w + 1) + w.pad_left;
  int32_t inner_end = room < 0 ? 0 : room / w.stride_w + 1;
  inner_end = inner_end < args.out_w ? inner_end : args.out_w;
  const int32_t inner_begin = (w.pad_left + w.stride_w - 1) / w.stride_w;
  for (int32_t row = args.row_begin; row < args.row_end; ++row) {
    for (int32_t ox = 0; ox < args.out_w;) {
      const int32_t end = ox >= inner_begin && ox < inner_end ? inner_end : ox + 1;
      place_taps(args, row, ox, padding, plan.taps, taps);
      const DepthwiseRun run = {taps, plan.taps, row * args.out_w + ox, scale};
      depthwise_panels_int8<Isa>(args, run, end - ox);
      ox = end;
    }
  }
}

}  // namespace linnet::kernels
