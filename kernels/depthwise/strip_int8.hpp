// int8 depthwise convolution with the usual windows. The lines under a block of outputs are copied with their padding,
// a panel of channels at a time, and are then one strip where the window moves by one line and one column: it goes on
// from line to line, and the outputs whose windows lie across two lines are left out. The inputs of each column are
// brought into the order of their products once and multiplied for all outputs.
#pragma once

#include "kernels/conv/conv2d_int8.hpp"
#include "kernels/depthwise/lanes_int8.hpp"

namespace linnet::kernels {

// Neighbouring outputs of copied lines.
struct DepthwiseStripInt8 {
  const int8_t* x;  // the first tap of the first output
  ptrdiff_t line;   // bytes from line to line
  int32_t count;    // outputs
  int32_t first,
      valid;  // of a line of `width` outputs, those up to `valid` are stored; `first`: where the strip begins
  int32_t width;
  const int32_t* start;  // what sums begin with
  int32_t* sums;         // a panel's 16 from output to output; one more is written
};

// How the lines of a kernel are divided into groups that are multiplied together.
template <class Isa, int kKernel>
constexpr int kLineGroups = (kKernel + DepthwiseLanes<Isa>::lines - 1) / DepthwiseLanes<Isa>::lines;

// Sums of a strip. Each column is multiplied for all outputs that it is a tap of, the latest of which is kPhase of the
// kSums that are under way.
template <class Isa, int kKernel, int kStrideW>
struct DepthwiseRoll {
  using L = DepthwiseLanes<Isa>;
  static constexpr int kGroups = kLineGroups<Isa, kKernel>, kSums = (kKernel + kStrideW - 1) / kStrideW;
  using Column = typename L::Taps[kGroups];

  const int8_t* lines[kKernel];
  ptrdiff_t offset;
  const typename L::Taps* w;  // [kernel_w][kGroups]
  int32_t column, valid, width;
  const int32_t* start;
  typename L::Sum sums[kSums];

  LINNET_INLINE DepthwiseRoll(const DepthwiseStripInt8& s, const typename L::Taps* weights)
      : offset(0), w(weights), column(s.first), valid(s.valid), width(s.width), start(s.start) {
#pragma GCC unroll 8
    for (int ky = 0; ky < kKernel; ++ky) lines[ky] = s.x + ky * s.line;
#pragma GCC unroll 8
    for (auto& sum : sums) sum = L::start(start);
  }
  template <int kGroup>
  LINNET_INLINE void gather(const int8_t* const (&x)[kKernel], Column& taps) const {
    constexpr int kFirst = kGroup * L::lines, kLeft = kKernel - kFirst;
    taps[kGroup] = L::template taps<(kLeft < L::lines ? kLeft : L::lines)>(x + kFirst);
    if constexpr (kGroup + 1 < kGroups) gather<kGroup + 1>(x, taps);
  }
  LINNET_INLINE void next(Column& taps) {
    const int8_t* x[kKernel];
#pragma GCC unroll 8
    for (int ky = 0; ky < kKernel; ++ky) x[ky] = lines[ky] + offset;
    offset += kPanel;
    gather<0>(x, taps);
  }
  template <int kPhase>
  LINNET_INLINE void step() {
    sums[kPhase] = L::start(start);
#pragma GCC unroll 2
    for (int i = 0; i < kStrideW; ++i) {
      Column taps;
      next(taps);
#pragma GCC unroll 8
      for (int group = 0; group < kGroups; ++group) {
#pragma GCC unroll 8
        for (int j = 0; j < kSums; ++j) {
          const int kx = i + j * kStrideW;
          if (kx < kKernel) L::add(&sums[(kPhase - j + kSums) % kSums], taps[group], w[kx * kGroups + group]);
        }
      }
    }
#pragma GCC unroll 8
    for (auto& sum : sums) L::keep(sum);
  }
  template <int kPhase>
  LINNET_INLINE void begin() {
    if constexpr (kPhase < kSums - 1) {
      step<kPhase>();
      begin<kPhase + 1>();
    }
  }
  // Returns whether all outputs are stored.
  template <int kPhase>
  LINNET_INLINE bool outputs(int32_t& left, int32_t*& out) {
    step<(kPhase + kSums - 1) % kSums>();
    L::store(sums[kPhase], out);
    out += column < valid ? kPanel : 0;
    column = column + 1 == width ? 0 : column + 1;
    if (--left == 0) return true;
    if constexpr (kPhase + 1 < kSums) return outputs<kPhase + 1>(left, out);
    return false;
  }
};

// Returns how many outputs were stored.
template <class Isa, int kKernel, int kStrideW>
__attribute__((noinline)) int32_t depthwise_strip_int8(const DepthwiseStripInt8& s,
                                                       const typename DepthwiseLanes<Isa>::Taps* w) {
  DepthwiseRoll<Isa, kKernel, kStrideW> roll(s, w);
  roll.template begin<0>();
  int32_t left = s.count;
  int32_t* out = s.sums;
  while (!roll.template outputs<0>(left, out)) {
  }
  return static_cast<int32_t>((out - s.sums) / kPanel);
}

// The first n channels of `count` pixels as panels of 16, made 128 larger if kFlips.
template <class Isa, bool kFlips>
LINNET_INLINE void copy_panels(const int8_t* x, ptrdiff_t x_stride, int32_t n, int32_t count, int8_t* to) {
  using Words = uint64_t __attribute__((vector_size(16)));
  const Words flip = Words{} + (kFlips ? 0x8080808080808080u : 0);
  for (; count > 0; --count, x += x_stride, to += kPanel) {
    if (n < kPanel) {
      std::memset(to, 0, kPanel);
      copy_bytes<Isa>(x, to, n);
    }
    Words words;
    std::memcpy(&words, n < kPanel ? to : x, sizeof(words));
    words ^= flip;
    std::memcpy(to, &words, sizeof(words));
  }
}

// The weights of a panel as strips take them: [16 / channels][kernel_w][groups of lines].
template <class Isa, int kKernel>
struct DepthwiseStripWeights {
  using L = DepthwiseLanes<Isa>;
  static constexpr int kGroups = kLineGroups<Isa, kKernel>;
  typename L::Taps taps[kPanel / L::channels][kKernel * kGroups];

  LINNET_INLINE void load(const int8_t* packed, int32_t width) {
    int8_t rows[1 + (kKernel * kKernel + kDot - 1) / kDot * kDot][kPanel];
    std::memset(rows[0], 0, kPanel);  // taken where a line is missing
    for (int32_t t = 0; t < kKernel * kKernel; t += kDot, packed += width * kDot) split_taps<Isa>(packed, rows + 1 + t);
    for (int32_t c = 0; c < kPanel; c += L::channels) {
      for (int32_t i = 0; i < kKernel * kGroups; ++i) {
        const int8_t* line[L::lines];
        for (int32_t l = 0; l < L::lines; ++l) {
          const int32_t ky = i % kGroups * L::lines + l;
          line[l] = rows[ky < kKernel ? 1 + ky * kKernel + i / kGroups : 0] + c;
        }
        taps[c / L::channels][i] = L::template taps<L::lines>(line);
      }
    }
  }
};

// The strips of panels, whose sums wait together for the epilogue.
template <class Isa, int kKernel, int kStrideW>
struct DepthwiseStripsInt8 {
  using L = DepthwiseLanes<Isa>;
  static constexpr int32_t kTogether = 64;

  const DepthwiseInt8Args& args;
  const DepthwiseInt8Plan& plan;
  int8_t* copies;  // [lines][columns][16]
  bool bounded;
  const int8_t* panel = nullptr;
  int32_t panel_width = 0, channel = 0, valid = 0;
  int32_t waiting = 0;  // outputs, of which the next is `pixel`
  ptrdiff_t pixel = 0;
  DepthwiseStripWeights<Isa, kKernel> weights;
  alignas(64) int32_t start[kPanel], sums[(kTogether + 1) * kPanel];

  LINNET_INLINE DepthwiseStripsInt8(const DepthwiseInt8Args& a, const DepthwiseInt8Plan& p, bool is_bounded)
      : args(a), plan(p), copies(static_cast<int8_t*>(a.scratch) + p.copies_offset), bounded(is_bounded) {}

  // Lines of an image from `top` on, `columns` columns of each from `left` on.
  LINNET_INLINE void copy_lines(int32_t image, int32_t top, int32_t lines, int32_t left, int32_t columns) const {
    const int32_t begin = left > 0 ? left : 0, end = left + columns < args.in_w ? left + columns : args.in_w;
    const int padding = L::flips_inputs ? args.input_zero_point ^ 0x80 : args.input_zero_point;
    int8_t* to = copies;
    const auto pad = [&](int32_t count) LINNET_INLINE_LAMBDA {
      if (count > 0) std::memset(to, padding, static_cast<size_t>(count) * kPanel);
      to += count > 0 ? static_cast<ptrdiff_t>(count) * kPanel : 0;
    };
    for (int32_t iy = top; iy < top + lines; ++iy) {
      if (iy < 0 || iy >= args.in_h || begin >= end) {
        pad(columns);
        continue;
      }
      pad(begin - left);
      const ptrdiff_t first = (static_cast<ptrdiff_t>(image) * args.in_h + iy) * args.in_w + begin;
      copy_panels<Isa, L::flips_inputs>(args.x + first * args.x_stride + channel, args.x_stride, valid, end - begin,
                                        to);
      to += static_cast<ptrdiff_t>(end - begin) * kPanel;
      pad(left + columns - end);
    }
  }

  LINNET_INLINE void finish() {
    const EpilogueInt8& e = args.epilogue;
    SumsInt8 s;
    s.sums = sums;
    s.stride = kPanel;
    s.rows = waiting;
    s.columns = valid;
    s.bounded = bounded;
    s.panel = panel;
    s.width = panel_width;
    s.column = 0;
    s.y = args.y + pixel * args.y_stride + channel;
    s.y_stride = args.y_stride;
    s.residual = e.residual ? e.residual + pixel * e.residual_stride + channel : nullptr;
    finish_sums<Isa>(s, e);
    pixel += waiting;
    waiting = 0;
  }

  // A strip of `count` outputs from copied lines, the first of which is output `first` of a line of `width`.
  LINNET_INLINE void multiply(const int8_t* x, int32_t columns, int32_t count, int32_t outputs, int32_t width) {
    DepthwiseStripInt8 s;
    s.line = static_cast<ptrdiff_t>(columns) * kPanel;
    s.valid = outputs;
    s.width = width;
    for (int32_t done = 0; done < count; done += s.count) {
      s.count = count - done < kTogether - waiting ? count - done : kTogether - waiting;
      s.first = done % width;
      int32_t stored = 0;
      for (int32_t c = 0; c < kPanel && c < valid; c += L::channels) {
        s.x = x + static_cast<ptrdiff_t>(done) * kStrideW * kPanel + c;
        s.start = start + c;
        s.sums = sums + waiting * kPanel + c;
        stored = depthwise_strip_int8<Isa, kKernel, kStrideW>(s, weights.taps[c / L::channels]);
      }
      waiting += stored;
      if (kTogether - waiting < kTogether / 4) finish();
    }
  }

  // Output lines row .. row + lines of one image, `columns` pixels of each from ox on.
  LINNET_INLINE void run_block(int32_t row, int32_t lines, int32_t ox, int32_t columns) {
    const Window& w = args.window;
    const int32_t top = row % args.out_h * w.stride_h - w.pad_top, left = ox * kStrideW - w.pad_left;
    const int32_t copied_lines = (lines - 1) * w.stride_h + kKernel, copied = (columns - 1) * kStrideW + kKernel;
    copy_lines(row / args.out_h, top, copied_lines, left, copied);
    pixel = static_cast<ptrdiff_t>(row) * args.out_w + ox;
    if (kStrideW == 1 && w.stride_h == 1) {
      multiply(copies, copied, (lines - 1) * copied + columns, columns, copied);
    } else {
      const ptrdiff_t step = static_cast<ptrdiff_t>(w.stride_h) * copied * kPanel;
      for (int32_t y = 0; y < lines; ++y) multiply(copies + y * step, copied, columns, columns, columns);
    }
    if (waiting > 0) finish();
  }

  LINNET_INLINE void run_lines(int32_t begin, int32_t end) {
    const auto part = [](int32_t all, int32_t most) LINNET_INLINE_LAMBDA {
      const int32_t parts = (all - 1) / most + 1;
      return (all - 1) / parts + 1;
    };
    for (int32_t row = begin, lines; row < end; row += lines) {
      const int32_t left = args.out_h - row % args.out_h, wanted = end - row;
      lines = part(left < wanted ? left : wanted, plan.lines);
      for (int32_t ox = 0, columns; ox < args.out_w; ox += columns) {
        columns = part(args.out_w - ox, plan.columns);
        run_block(row, lines, ox, columns);
      }
    }
  }

  LINNET_INLINE void run() {
    // So many lines at a time that they are likely to stay in a cache from panel to panel.
    constexpr int64_t kCachedBytes = 1 << 17;
    const Window& w = args.window;
    const int64_t line_bytes = args.in_w * args.x_stride * w.stride_h + args.out_w * args.y_stride;
    const int32_t block = static_cast<int32_t>(kCachedBytes / line_bytes) + 1;
    constexpr int32_t kTaps = (kKernel * kKernel + kDot - 1) / kDot * kDot;
    for (int32_t row = args.row_begin, end; row < args.row_end; row = end) {
      end = args.row_end - row < block ? args.row_end : row + block;
      panel = args.packed;
      for (channel = 0; channel < args.channels; channel += panel_width) {
        const int32_t left = args.channels - channel;
        panel_width = left > kTailPanel ? kPanel : kTailPanel;
        valid = left < panel_width ? left : panel_width;
        weights.load(panel + kPanelHeader * panel_width, panel_width);
        start_sums<Isa, L::flips_inputs>(panel, panel_width, 0, kPanel, start);
        run_lines(row, end);
        panel += panel_width * (kPanelHeader + kTaps);
      }
    }
  }
};

template <class Isa, int kKernel, int kStrideW>
__attribute__((noinline)) void depthwise_strips_run(const DepthwiseInt8Args& args, const DepthwiseInt8Plan& plan,
                                                    bool bounded) {
  DepthwiseStripsInt8<Isa, kKernel, kStrideW>(args, plan, bounded).run();
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

// All outputs, if the window has strips and the weights do not prevent them.
template <class Isa>
LINNET_INLINE bool depthwise_by_strips(const DepthwiseInt8Args& args, const DepthwiseInt8Plan& plan, bool bounded) {
  const Window& w = args.window;
  if (!has_strips_int8(w) || (!DepthwiseLanes<Isa>::any_weights && has_lowest_weights(args))) return false;
  switch (2 * w.kernel_w + w.stride_w) {
    case 2 * 3 + 1:
      depthwise_strips_run<Isa, 3, 1>(args, plan, bounded);
      break;
    case 2 * 3 + 2:
      depthwise_strips_run<Isa, 3, 2>(args, plan, bounded);
      break;
    case 2 * 5 + 1:
      depthwise_strips_run<Isa, 5, 1>(args, plan, bounded);
      break;
    case 2 * 5 + 2:
      depthwise_strips_run<Isa, 5, 2>(args, plan, bounded);
      break;
    default:
      depthwise_strips_run<Isa, 7, 1>(args, plan, bounded);
      break;
  }
  return true;
}

}  // namespace linnet::kernels
