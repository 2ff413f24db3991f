// int8 depthwise convolution with the usual windows: strips of neighbouring outputs of one output line or two, a panel
// of channels at a time. The inputs of each column are brought into the order of their products once and multiplied for
// all outputs.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/depthwise/lanes_int8.hpp"

namespace linnet::kernels {

// How lines are divided into groups that are multiplied together.
template <class Lanes, int kLines>
constexpr int kLineGroups = (kLines + Lanes::lines - 1) / Lanes::lines;

// The inputs of a column as they are multiplied.
template <class L, int kLines>
struct DepthwiseColumn {
  typename L::Taps groups[kLineGroups<L, kLines>];

  template <int kGroup = 0>
  LINNET_INLINE void gather(const int8_t* const (&x)[kLines], typename L::Part part) {
    constexpr int kFirst = kGroup * L::lines, kLeft = kLines - kFirst;
    groups[kGroup] = L::template inputs<(kLeft < L::lines ? kLeft : L::lines)>(x + kFirst, part);
    if constexpr (kGroup + 1 < kLineGroups<L, kLines>) gather<kGroup + 1>(x, part);
  }
};

// Neighbouring outputs of some lines, one below the other, under which lie kLines lines of the image.
template <class L, int kLines>
struct DepthwiseStripInt8 {
  const int8_t* lines[kLines];                // null: outside of the image
  ptrdiff_t step;                             // from pixel to pixel
  int32_t left, in_w;                         // column of the first output's first tap; columns of the image
  const int8_t* padding;                      // a pixel outside of the image
  const DepthwiseColumn<L, kLines>* outside;  // a column of such pixels
  int32_t channels;                           // L::channels of them, or a part
  int32_t count;                              // outputs of each line
  const int32_t* start;                       // what sums begin with
  int32_t* sums;                              // a panel's 16 from output to output, lines one behind the other
};

// The columns of a strip, one after the other. kInside: all lines lie inside of the image.
template <class L, int kLines, bool kInside>
struct DepthwiseColumns {
  const int8_t* lines[kLines];
  ptrdiff_t offsets[kInside ? 1 : kLines], steps[kInside ? 1 : kLines];
  int32_t ix, in_w;
  typename L::Part part;
  const DepthwiseColumn<L, kLines>* outside;

  explicit LINNET_INLINE DepthwiseColumns(const DepthwiseStripInt8<L, kLines>& s)
      : ix(s.left), in_w(s.in_w), part(L::part(s.channels)), outside(s.outside) {
#pragma GCC unroll 8
    for (int ky = 0; ky < kLines; ++ky) lines[ky] = kInside || s.lines[ky] ? s.lines[ky] : s.padding;
#pragma GCC unroll 8
    for (int i = 0; i < (kInside ? 1 : kLines); ++i) {
      steps[i] = kInside || s.lines[i] ? s.step : 0;
      offsets[i] = (ix > 0 ? ix : 0) * steps[i];
    }
  }
  LINNET_INLINE void next(DepthwiseColumn<L, kLines>& column) {
    if (static_cast<uint32_t>(ix++) < static_cast<uint32_t>(in_w)) {
      const int8_t* x[kLines];
#pragma GCC unroll 8
      for (int ky = 0; ky < kLines; ++ky) x[ky] = lines[ky] + offsets[kInside ? 0 : ky];
#pragma GCC unroll 8
      for (int i = 0; i < (kInside ? 1 : kLines); ++i) offsets[i] += steps[i];
      column.gather(x, part);
    } else {
      column = *outside;
    }
  }
};

// Sums of a strip of kRows lines. Each column is multiplied for all outputs that it is a tap of, the latest of which is
// kPhase of the kSums that are under way.
template <class L, int kKernel, int kStrideW, int kRows, bool kInside>
struct DepthwiseRoll {
  static constexpr int kLines = kKernel + kRows - 1, kGroups = kLineGroups<L, kLines>;
  static constexpr int kSums = (kKernel + kStrideW - 1) / kStrideW;

  DepthwiseColumns<L, kLines, kInside> columns;
  const typename L::Taps* w;  // [kRows][kernel_w][kGroups]
  typename L::Sum start, sums[kRows][kSums];

  // kOutputs: of the latest, those that the column matters to.
  template <int kPhase, int kOutputs = kSums>
  LINNET_INLINE void step() {
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) sums[r][kPhase] = start;
#pragma GCC unroll 2
    for (int i = 0; i < kStrideW; ++i) {
      DepthwiseColumn<L, kLines> column;
      columns.next(column);
#pragma GCC unroll 8
      for (int group = 0; group < kGroups; ++group) {
#pragma GCC unroll 8
        for (int j = 0; j < kOutputs; ++j) {
          const int kx = i + j * kStrideW;
          if (kx >= kKernel) continue;
#pragma GCC unroll 2
          for (int r = 0; r < kRows; ++r)
            L::add(&sums[r][(kPhase - j + kSums) % kSums], column.groups[group],
                   w[(r * kKernel + kx) * kGroups + group]);
        }
      }
    }
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (auto& sum : sums[r]) L::keep(sum);
    }
  }
  template <int kPhase>
  LINNET_INLINE void begin() {
    if constexpr (kPhase < kSums - 1) {
      step<kPhase, kPhase + 1>();
      begin<kPhase + 1>();
    }
  }
  // Returns whether all outputs are stored. row_step: from line to line of the sums.
  template <int kPhase>
  LINNET_INLINE bool outputs(int32_t& left, int32_t*& out, ptrdiff_t row_step) {
    step<(kPhase + kSums - 1) % kSums>();
#pragma GCC unroll 2
    for (int r = 0; r < kRows; ++r) L::store(sums[r][kPhase], out + r * row_step);
    out += kPanel;
    if (--left == 0) return true;
    if constexpr (kPhase + 1 < kSums) return outputs<kPhase + 1>(left, out, row_step);
    return false;
  }
};

template <class L, int kKernel, int kStrideW, int kRows, bool kInside>
__attribute__((noinline)) void depthwise_strip_int8(const DepthwiseStripInt8<L, kKernel + kRows - 1>& s,
                                                    const typename L::Taps* w) {
  DepthwiseRoll<L, kKernel, kStrideW, kRows, kInside> roll{
      DepthwiseColumns<L, kKernel + kRows - 1, kInside>(s), w, L::start(s.start), {}};
  roll.template begin<0>();
  int32_t left = s.count;
  int32_t* out = s.sums;
  const ptrdiff_t row_step = static_cast<ptrdiff_t>(s.count) * kPanel;
  while (!roll.template outputs<0>(left, out, row_step)) {
  }
}

// The weights of a panel as strips take them: [16 / channels][kRows][kernel_w][groups of lines].
template <class Isa, class L, int kKernel, int kRows>
struct DepthwiseStripWeights {
  static constexpr int kGroups = kLineGroups<L, kKernel + kRows - 1>;
  typename L::Taps taps[kPanel / L::channels][kRows * kKernel * kGroups];

  LINNET_INLINE void load(const int8_t* packed, int32_t width) {
    int8_t rows[1 + (kKernel * kKernel + kDot - 1) / kDot * kDot][kPanel];
    std::memset(rows[0], 0, kPanel);  // taken where a line is missing
    for (int32_t t = 0; t < kKernel * kKernel; t += kDot, packed += width * kDot) split_taps<Isa>(packed, rows + 1 + t);
    for (int32_t c = 0; c < kPanel; c += L::channels) {
      for (int32_t i = 0; i < kRows * kKernel * kGroups; ++i) {
        const int32_t row = i / (kKernel * kGroups), kx = i / kGroups % kKernel;
        const int8_t* line[L::lines];
        for (int32_t l = 0; l < L::lines; ++l) {
          const int32_t ky = i % kGroups * L::lines + l - row;
          line[l] = rows[ky >= 0 && ky < kKernel ? 1 + ky * kKernel + kx : 0] + c;
        }
        taps[c / L::channels][i] = L::template taps<L::lines>(line);
      }
    }
  }
};

// The strips of a panel's lines, kRows together, whose sums wait for the epilogue.
template <class Isa, class L, int kKernel, int kStrideW, int kRows>
struct DepthwiseStripsInt8 {
  static constexpr int32_t kTogether = 32 * kRows, kLines = kKernel + kRows - 1;
  using Strip = DepthwiseStripInt8<L, kLines>;

  const DepthwiseInt8Args& args;
  const int8_t* padding;  // [channels]
  Scale scale;
  int32_t channel = 0, valid = 0;  // of the panel
  DepthwiseColumn<L, kLines> outside[kPanel / L::channels];
  DepthwiseStripWeights<Isa, L, kKernel, kRows> weights;
  alignas(64) int32_t start[kPanel], sums[kTogether * kPanel];

  LINNET_INLINE DepthwiseStripsInt8(const DepthwiseInt8Args& a, const int8_t* padding_pixel, Scale sums_scale)
      : args(a), padding(padding_pixel), scale(sums_scale) {}

  // A strip of n < L::channels channels, which are copied: no line is read behind its end.
  __attribute__((noinline)) void multiply_copies(Strip s, int32_t n, const typename L::Taps* w) const {
    constexpr int kColumns = (kTogether / kRows - 1) * kStrideW + kKernel;
    int8_t copies[kLines][kColumns][L::channels];
    const int32_t columns = (s.count - 1) * kStrideW + kKernel;
    for (int32_t ky = 0; ky < kLines; ++ky) {
      for (int32_t column = 0; column < columns; ++column) {
        const ptrdiff_t ix = s.left + column;
        const bool inside = s.lines[ky] && ix >= 0 && ix < s.in_w;
        copy_bytes<Isa>(inside ? s.lines[ky] + ix * s.step : s.padding, copies[ky][column], n);
      }
      s.lines[ky] = copies[ky][0];
    }
    s.step = s.channels = L::channels;
    s.left = 0;
    s.in_w = columns;
    s.padding = copies[0][0];
    depthwise_strip_int8<L, kKernel, kStrideW, kRows, true>(s, w);
  }

  LINNET_INLINE void multiply_lanes(const Strip& s, int32_t c, bool inside) const {
    const typename L::Taps* const w = weights.taps[c / L::channels];
    if (!L::loads_parts && s.channels < L::channels) {
      multiply_copies(s, s.channels, w);
    } else if (inside) {
      depthwise_strip_int8<L, kKernel, kStrideW, kRows, true>(s, w);
    } else {
      depthwise_strip_int8<L, kKernel, kStrideW, kRows, false>(s, w);
    }
  }

  LINNET_INLINE void multiply(Strip& strip, bool inside) const {
    strip.channels = valid < L::channels ? valid : L::channels;
    if constexpr (L::channels == kPanel) return multiply_lanes(strip, 0, inside);
    Strip s = strip;
    for (int32_t c = 0; c < valid; c += L::channels) {
      s.channels = valid - c < L::channels ? valid - c : L::channels;
      multiply_lanes(s, c, inside);
      for (const int8_t*& line : s.lines) line += line ? L::channels : 0;
      s.padding += L::channels;
      ++s.outside;
      s.start += L::channels;
      s.sums += L::channels;
    }
  }

  LINNET_INLINE void gather_outside() {
    int8_t pixel[kPanel] = {};
    copy_bytes<Isa>(padding + channel, pixel, valid < kPanel ? valid : kPanel);
    for (int32_t c = 0; c < kPanel; c += L::channels) {
      const int8_t* x[kLines];
      for (const int8_t*& line : x) line = pixel + c;
      outside[c / L::channels].gather(x, L::part(L::channels));
    }
  }

  // `count` outputs from `pixel` on.
  LINNET_INLINE void finish(const int32_t* from, ptrdiff_t pixel, int32_t count, const int8_t* panel,
                            int32_t width) const {
    const EpilogueInt8& e = args.epilogue;
    SumsInt8 s;
    s.sums = from;
    s.stride = kPanel;
    s.rows = count;
    s.columns = valid;
    s.scale = scale;
    s.panel = panel;
    s.width = width;
    s.column = 0;
    s.y = args.y + pixel * args.y_stride + channel;
    s.y_stride = args.y_stride;
    s.residual = e.residual ? e.residual + pixel * e.residual_stride + channel : nullptr;
    finish_sums<Isa>(s, e);
  }

  // The lines of the image under output line oy and the next ones; first_line: of the image. Returns whether all lie
  // inside.
  LINNET_INLINE bool place(int32_t oy, ptrdiff_t first_line, Strip& s) const {
    const Window& w = args.window;
    const ptrdiff_t line_step = args.in_w * args.x_stride, step = w.dilation_h * line_step;
    const uint32_t in_h = static_cast<uint32_t>(args.in_h), dilation = static_cast<uint32_t>(w.dilation_h);
    const int32_t top = oy * w.stride_h - w.pad_top;
    uint32_t iy = static_cast<uint32_t>(top);
    uintptr_t line =
        reinterpret_cast<uintptr_t>(args.x + channel) + static_cast<uintptr_t>((first_line + top) * line_step);
    bool all_inside = true;
#pragma GCC unroll 8
    for (int32_t ky = 0; ky < kLines; ++ky, iy += dilation, line += static_cast<uintptr_t>(step)) {
      const bool inside = iy < in_h;
      s.lines[ky] = inside ? reinterpret_cast<const int8_t*>(line) : nullptr;
      all_inside = all_inside && inside;
    }
    return all_inside;
  }

  LINNET_INLINE void panel_lines(int32_t begin, int32_t end, const int8_t* panel, int32_t width) {
    const int32_t out_w = args.out_w, out_h = args.out_h, most = kTogether / kRows;
    weights.load(panel + kPanelHeader * width, width);
    start_sums<Isa, L::flips_inputs>(panel, width, 0, kPanel, start);
    gather_outside();
    Strip s;
    s.step = args.x_stride;
    s.in_w = args.in_w;
    s.padding = padding + channel;
    s.outside = outside;
    s.start = start;
    const bool waits = out_w <= most;  // for the next lines' outputs
    int32_t waiting = 0;               // outputs before `row`
    int32_t oy = begin % out_h;
    ptrdiff_t first_line = static_cast<ptrdiff_t>(begin / out_h) * args.in_h;
    for (int32_t row = begin, rows; row < end; row += rows, oy += rows) {
      if (oy == out_h) {
        oy = 0;
        first_line += args.in_h;
      }
      rows = kRows > 1 && oy + 1 < out_h && row + 1 < end ? kRows : 1;
      const bool all_inside = place(oy, first_line, s);
      const ptrdiff_t pixel = static_cast<ptrdiff_t>(row) * out_w;
      if (waits && waiting + kRows * out_w > kTogether) {
        finish(sums, pixel - waiting, waiting, panel, width);
        waiting = 0;
      }
      for (int32_t ox = 0; ox < out_w; ox += s.count) {
        s.count = out_w - ox < most ? out_w - ox : most;
        s.left = ox * kStrideW - args.window.pad_left;
        s.sums = sums + waiting * kPanel;
        multiply(s, all_inside);
        for (int32_t r = 0; !waits && r < rows; ++r)
          finish(sums + r * s.count * kPanel, pixel + r * out_w + ox, s.count, panel, width);
      }
      if (waits) waiting += rows * out_w;
    }
    finish(sums, static_cast<ptrdiff_t>(end) * out_w - waiting, waiting, panel, width);
  }
};

// Lines begin .. end of the panel of channels at `channel`.
template <class Isa, class L, int kKernel, int kStrideW, int kRows>
__attribute__((noinline)) void depthwise_strip_panel(const DepthwiseInt8Args& args, const int8_t* padding, Scale scale,
                                                     int32_t begin, int32_t end, int32_t channel, const int8_t* panel) {
  DepthwiseStripsInt8<Isa, L, kKernel, kStrideW, kRows> strips(args, padding, scale);
  const int32_t left = args.channels - channel, width = left > kTailPanel ? kPanel : kTailPanel;
  strips.channel = channel;
  strips.valid = left < width ? left : width;
  strips.panel_lines(begin, end, panel, width);
}

template <class Isa, class L, int kKernel, int kStrideW>
LINNET_INLINE void depthwise_strip_lines(const DepthwiseInt8Args& args, const int8_t* padding, Scale scale,
                                         int32_t begin, int32_t end, int32_t channel, const int8_t* panel) {
  if constexpr (L::rows > 1) {
    const Window& w = args.window;
    if (w.stride_h == 1 && w.dilation_h == 1 && args.out_h > 1 && end - begin > 1) {
      depthwise_strip_panel<Isa, L, kKernel, kStrideW, L::rows>(args, padding, scale, begin, end, channel, panel);
      return;
    }
  }
  depthwise_strip_panel<Isa, L, kKernel, kStrideW, 1>(args, padding, scale, begin, end, channel, panel);
}

template <class Isa, int kKernel, int kStrideW>
__attribute__((noinline)) bool depthwise_strips_run(const DepthwiseInt8Args& args, const int8_t* padding, Scale scale) {
  // So many lines at a time that they are likely to stay in a cache from panel to panel.
  constexpr int64_t kCachedBytes = 1 << 17;
  const int64_t line_bytes = args.in_w * args.x_stride * args.window.stride_h + args.out_w * args.y_stride;
  const int32_t block = static_cast<int32_t>(kCachedBytes / line_bytes) + 1;
  constexpr int32_t kTaps = (kKernel * kKernel + kDot - 1) / kDot * kDot;
  for (int32_t row = args.row_begin, end; row < args.row_end; row = end) {
    end = args.row_end - row < block ? args.row_end : row + block;
    const int8_t* panel = args.packed;
    for (int32_t channel = 0; channel < args.channels; channel += kPanel, panel += kPanel * (kPanelHeader + kTaps)) {
      if (args.channels - channel > kTailPanel) {
        depthwise_strip_lines<Isa, DepthwiseLanes<Isa>, kKernel, kStrideW>(args, padding, scale, row, end, channel,
                                                                           panel);
      } else {
        depthwise_strip_lines<Isa, TailLanes<Isa>, kKernel, kStrideW>(args, padding, scale, row, end, channel, panel);
      }
    }
  }
  return true;
}

// Whether a weight is -128.
LINNET_INLINE bool has_lowest_weights(const DepthwiseInt8Args& args) {
  const int32_t taps = (args.window.kernel_h * args.window.kernel_w + kDot - 1) / kDot * kDot;
  const int8_t* panel = args.packed;
  int8_t lowest = 0;
  for (int32_t channel = 0, width; channel < args.channels; channel += width) {
    width = args.channels - channel > kTailPanel ? kPanel : kTailPanel;
    panel += width * kPanelHeader;
    for (int32_t i = 0; i < width * taps; ++i) lowest = panel[i] < lowest ? panel[i] : lowest;
    panel += width * taps;
  }
  return lowest == INT8_MIN;
}

// Computes all outputs by strips, if the window has them.
template <class Isa>
LINNET_INLINE bool depthwise_by_strips(const DepthwiseInt8Args& args, const int8_t* padding, Scale scale) {
  const Window& w = args.window;
  if (w.dilation_w != 1 || w.kernel_h != w.kernel_w) return false;
  if (!DepthwiseLanes<Isa>::any_weights && has_lowest_weights(args)) return false;
  if (w.kernel_w == 3 && w.stride_w == 1) return depthwise_strips_run<Isa, 3, 1>(args, padding, scale);
  if (w.kernel_w == 3 && w.stride_w == 2) return depthwise_strips_run<Isa, 3, 2>(args, padding, scale);
  if (w.kernel_w == 5 && w.stride_w == 1) return depthwise_strips_run<Isa, 5, 1>(args, padding, scale);
  if (w.kernel_w == 5 && w.stride_w == 2) return depthwise_strips_run<Isa, 5, 2>(args, padding, scale);
  if (w.kernel_w == 7 && w.stride_w == 1) return depthwise_strips_run<Isa, 7, 1>(args, padding, scale);
  return false;
}

}  // namespace linnet::kernels
