// Convolutions and products with weights of 4 or 2 bits. A run of the inputs of one panel, or of those that make a
// tile, is decoded into a buffer of a few KB, and multiplied with all rows of a block by the register tile of float
// weights; what the runs before have given waits in the output. Sums are the bits that decoded weights would give, but
// in a layer of one row, for which decoding in advance would not pay.
#pragma once

#include "kernels/codes/decode.hpp"
#include "kernels/conv/conv2d.hpp"

namespace linnet::kernels {

// Floats that are decoded at a time.
template <class Isa>
constexpr int32_t kDecodedFloats = F32<Isa>::width >= 8  ? 4096
                                   : F32<Isa>::width > 1 ? 2048
                                                         : 256;

// One tile's panels of a section of [k, n], and a run of their inputs as a section of floats.
template <class Isa>
struct DecodedSpan {
  static constexpr int32_t kMostPanels = TileShape<Isa>::panels;
  // For a vector that is written beyond a narrow panel.
  static constexpr int32_t kSlack = F32<Isa>::width > kTailPanel ? kTailPanel : 0;

  const CodeFormat& format;
  const uint8_t* packed;  // its first panel
  int32_t column, columns, k;
  int32_t panels = 1;  // wide ones
  bool narrow;         // a narrow one besides, or alone
  alignas(64) float weights[kDecodedFloats<Isa> + kMostPanels * kPanel + kSlack];
  float biases[kMostPanels * kPanel + kSlack];

  LINNET_INLINE DecodedSpan(const CodeFormat& f, const uint8_t* p, int32_t first, int32_t left, int32_t inputs)
      : format(f), packed(p), column(first), k(inputs) {
    const bool tail = left <= kTailPanel;
    narrow = tail || (TileShape<Isa>::mixed && left > kPanel && left <= kMixedPanels);
    if (!narrow && kMostPanels > 1 && left > (kMostPanels - 1) * kPanel + kTailPanel) panels = kMostPanels;
    if (tail) panels = 0;
    const int32_t width = panels * kPanel + (narrow ? kTailPanel : 0);
    columns = left < width ? left : width;
  }
  LINNET_INLINE int64_t bytes() const {
    return panels * codes_panel_bytes(format, kPanel, k) + (narrow ? codes_panel_bytes(format, kTailPanel, k) : 0);
  }

  LINNET_INLINE void load_panel(const uint8_t* panel, int32_t width, int32_t begin, int32_t end, float* to,
                                float* bias) {
    const CodesPanel codes(format, panel, width, k);
    std::memcpy(to, codes.bias, static_cast<size_t>(width) * sizeof(float));
    std::memcpy(bias, codes.bias, static_cast<size_t>(width) * sizeof(float));
    decode_panel<Isa>(format, codes, begin, end, to + width);
  }
  // Decodes inputs begin .. end.
  LINNET_INLINE PanelSpan load(int32_t begin, int32_t end) {
    const ptrdiff_t distance = static_cast<ptrdiff_t>(kPanel) * (end - begin + 1);
    const ptrdiff_t bytes_of_panel = codes_panel_bytes(format, kPanel, k);
    for (int32_t p = 0; p < panels; ++p)
      load_panel(packed + p * bytes_of_panel, kPanel, begin, end, weights + p * distance, biases + p * kPanel);
    if (narrow)
      load_panel(packed + panels * bytes_of_panel, kTailPanel, begin, end, weights + panels * distance,
                 biases + panels * kPanel);
    const bool mixed = narrow && panels > 0;
    return {weights, distance, 0, columns, mixed ? 1 : panels > 0 ? panels : 1, panels > 0, mixed, nullptr};
  }
};

// Inputs that are decoded at a time, for any span.
template <class Isa>
constexpr int32_t kDecodedInputs = kDecodedFloats<Isa> / (TileShape<Isa>::panels * kPanel);

// Inputs begin .. end of the k of every row.
struct CodesRun {
  int32_t begin, end;
  bool first, last;
  bool bias_last;  // the residual is the output itself, where sums then begin: the bias comes last
};

// The run's part of `count` rows; `t` has their inputs, and c and residual at their first row and column 0.
template <class Isa>
LINNET_INLINE void multiply_run(const DecodedSpan<Isa>& span, const PanelSpan& weights, const CodesRun& run,
                                const Epilogue& e, int32_t count, TileArgs& t) {
  t.resume = !run.first || run.bias_last;
  t.partial = !run.last;
  t.c += span.column;
  if (!run.last) {
    t.residual = nullptr;
  } else if (run.bias_last) {
    t.residual = span.biases;
    t.residual_stride = 0;
  } else if (t.residual) {
    t.residual += span.column;
  }
  run_rows<Isa>(weights, count, run.last ? e.activation : Activation{}, t);
}

template <class Isa, class Body>
LINNET_INLINE void for_each_decoded_span(const Conv2DCodesArgs& args, const uint8_t* section, int32_t k, Body body) {
  for (int32_t column = 0; column < args.out_channels;) {
    DecodedSpan<Isa> span(args.format, section, column, args.out_channels - column, k);
    body(span);
    section += span.bytes();
    column += span.columns;
  }
}

// ---- products ------------------------------------------------------------------------------------------------------

// A layer of one row: nothing is decoded in advance. By tables, weights are looked up in registers. Of grids a code is
// multiplied where it stands in its word, by the input over the power of two that this adds, and the sum of a group's
// products gets its step at the end; the offset, or zero, is a factor of the sum of the group's inputs.
template <class Isa>
constexpr int kRowVectors = 4;  // of outputs together

// Inputs that are prepared at a time: of one group.
constexpr int32_t kRowInputs = 256;

// Panel and column of a vector of outputs.
struct RowPlace {
  CodesPanel panel;
  int32_t column;
};

// x [count] over the powers of two, and their sum.
template <class Isa, int kBits>
LINNET_INLINE float scale_inputs(const float* x, int32_t count, float* scaled) {
  constexpr int32_t kInputs = 32 / kBits;
  float sum = 0;
  for (int32_t i = 0; i < count; i += kInputs) {
    float power = 1.0f;
#pragma GCC unroll 16
    for (int32_t j = 0; j < kInputs; ++j) {
      const float input = i + j < count ? x[i + j] : 0.0f;
      scaled[i + j] = input * power;
      sum += input;
      if (j < kInputs - 2) power *= 1.0f / (1 << kBits);
    }
  }
  return sum;
}

// Adds the products of `count` inputs with codes, those of even and of odd inputs apart, which hides the latency of
// multiply-adds.
template <class Isa, int kVectors, int kBits>
LINNET_INLINE void multiply_in_place(F32<Isa> (&sums)[2][kVectors], const RowPlace (&places)[kVectors],
                                     const float* scaled, int32_t begin, int32_t count) {
  using V = F32<Isa>;
  constexpr int32_t kInputs = 32 / kBits;
  for (int32_t i = 0; i < count; i += kInputs) {
    I32<Isa> words[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      words[v] = places[v].panel.template word<Isa>(places[v].column, (begin + i) / kInputs);
#pragma GCC unroll 16
    for (int32_t j = 0; j < kInputs; ++j) {
      // The sign bit is no code's: the last one is moved down.
      const bool last = j == kInputs - 1;
      const I32<Isa> mask = I32<Isa>::set(((1 << kBits) - 1) << ((last ? j - 1 : j) * kBits));
      const V input = V::set(scaled[i + j]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const I32<Isa> word = last ? words[v].template sar<kBits>() : words[v];
        sums[j % 2][v] = multiply_add(sums[j % 2][v], to_float(word & mask), input);
      }
    }
  }
}

template <class Isa, int kVectors, int kBits, CodeKind kKind>
LINNET_INLINE void multiply_row(F32<Isa> (&acc)[1][kVectors], const CodeFormat& format,
                                const RowPlace (&places)[kVectors], const float* x, int32_t k) {
  using V = F32<Isa>;
  const int32_t group = format.group < k ? format.group : k;
  float scaled[kRowInputs];
  for (int32_t begin = 0, end; begin < k; begin = end) {
    end = k - begin < group ? k : begin + group;
    V sums[2][kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[0][v] = sums[1][v] = V::set(0.0f);
    float inputs = 0;
    for (int32_t i = begin; i < end; i += kRowInputs) {
      const int32_t count = end - i < kRowInputs ? end - i : kRowInputs;
      inputs += scale_inputs<Isa, kBits>(x + i, count, scaled);
      multiply_in_place<Isa, kVectors, kBits>(sums, places, scaled, i, count);
    }
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const float* const grid = places[v].panel.template decoder<kKind>(format, places[v].column, begin);
      const V sum = sums[0][v] + sums[1][v];
      if constexpr (kKind == CodeKind::Grid) {
        const V centred = sum - V::set(inputs * static_cast<float>(format.zero));
        acc[0][v] = fma(centred, V::load(grid), acc[0][v]);
      } else {
        acc[0][v] = fma(sum, V::load(grid), acc[0][v]);
        acc[0][v] = fma(V::set(inputs), V::load(grid + places[v].panel.width), acc[0][v]);
      }
    }
  }
}

template <class Isa, int kVectors, int kBits>
LINNET_INLINE void look_up_row(F32<Isa> (&acc)[1][kVectors], const CodeFormat& format,
                               const RowPlace (&places)[kVectors], const float* x, int32_t k) {
  using V = F32<Isa>;
  constexpr int32_t kInputs = 32 / kBits;
  const I32<Isa> mask = I32<Isa>::set((1 << kBits) - 1);
  Decoder<Isa, CodeKind::Table> decoders[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const CodesPanel& panel = places[v].panel;
    decoders[v].load(format, panel.template decoder<CodeKind::Table>(format, 0, 0), panel.width);
  }
  for (int32_t i = 0; i < k; i += kInputs) {
    I32<Isa> words[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) words[v] = places[v].panel.template word<Isa>(places[v].column, i / kInputs);
    const auto step = [&](int32_t j) LINNET_INLINE_LAMBDA {
      const V input = V::set(x[i + j]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        acc[0][v] = multiply_add(acc[0][v], decoders[v](words[v] & mask), input);
        words[v] = words[v].template sar<kBits>();
      }
    };
    if (k - i >= kInputs) {
#pragma GCC unroll 16
      for (int32_t j = 0; j < kInputs; ++j) step(j);
    } else {
      for (int32_t j = 0; j < k - i; ++j) step(j);
    }
  }
}

// The outputs from `column` of `section` on that kVectors vectors hold; c and residual are those of the row.
template <class Isa, int kVectors>
__attribute__((noinline)) void multiply_outputs(const Conv2DCodesArgs& args, const uint8_t* section, int32_t column,
                                                const float* x, float* c, const float* residual) {
  using V = F32<Isa>;
  const int32_t k = args.in_channels, n = args.out_channels;
  const auto place_of = [&](int32_t at) LINNET_INLINE_LAMBDA {
    const int32_t panel = at / kPanel, width = n - panel * kPanel > kTailPanel ? kPanel : kTailPanel;
    return RowPlace{CodesPanel(args.format, section + panel * codes_panel_bytes(args.format, kPanel, k), width, k),
                    at % kPanel};
  };
  const auto run = [&](const RowPlace(&places)[kVectors]) LINNET_INLINE_LAMBDA {
    TileArgs t{};
    t.columns = n - column;
    t.clamp = make_clamp<Isa>(args.epilogue.activation);
    V acc[1][kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) acc[0][v] = V::load(places[v].panel.bias + places[v].column);
    with_format(args.format, [&](auto bits, auto kind) LINNET_INLINE_LAMBDA {
      if constexpr (kind == CodeKind::Table) {
        look_up_row<Isa, kVectors, bits>(acc, args.format, places, x, k);
      } else {
        multiply_row<Isa, kVectors, bits, kind>(acc, args.format, places, x, k);
      }
    });
    store_vectors<Isa, true>(acc, t, c + column, residual ? residual + column : nullptr);
  };
  if constexpr (kVectors == 1) {
    run({place_of(column)});
  } else {
    run({place_of(column), place_of(column + V::width), place_of(column + 2 * V::width),
         place_of(column + 3 * V::width)});
  }
}

template <class Isa>
LINNET_INLINE void multiply_one_row(const Conv2DCodesArgs& args, const uint8_t* section, const float* x, float* c,
                                    const float* residual) {
  constexpr int32_t kWidth = F32<Isa>::width, kTogether = kRowVectors<Isa> * kWidth;
  const int32_t n = args.out_channels;
  int32_t column = 0;
  for (; n - column > kTogether - kWidth; column += kTogether)
    multiply_outputs<Isa, kRowVectors<Isa>>(args, section, column, x, c, residual);
  for (; column < n; column += kWidth) multiply_outputs<Isa, 1>(args, section, column, x, c, residual);
  if (make_clamp<Isa>(args.epilogue.activation).deferred)
    activate_rows<Isa>(args.epilogue.activation, 1, n, c, args.y_stride, c, args.y_stride);
}

// Rows of a block, whose inputs of a run stay in the second-level cache.
template <class Isa>
LINNET_INLINE int32_t codes_block_rows(int32_t k) {
  constexpr int32_t kBytes = F32<Isa>::width >= 8 ? 256 * 1024 : F32<Isa>::width > 1 ? 64 * 1024 : 8 * 1024;
  constexpr int32_t rows = TileShape<Isa>::rows;
  const int32_t tiles = kBytes / 4 / k / rows;
  return (tiles < 8 ? 8 : tiles > 256 ? 256 : tiles) * rows;
}

// `m` rows of one group.
template <class Isa>
LINNET_INLINE void multiply_group(const Conv2DCodesArgs& args, const uint8_t* section, int32_t m, const float* a,
                                  float* c, const float* residual) {
  const int32_t k = args.in_channels, block = codes_block_rows<Isa>(k);
  const bool bias_last = residual != nullptr && residual == c && k > kDecodedInputs<Isa>;
  if (args.one_row) return multiply_one_row<Isa>(args, section, a, c, residual);
  for (int32_t row = 0; row < m; row += block) {
    const int32_t count = m - row < block ? m - row : block;
    for_each_decoded_span<Isa>(args, section, k, [&](DecodedSpan<Isa>& span) LINNET_INLINE_LAMBDA {
      for (int32_t begin = 0, end; begin < k; begin = end) {
        end = k - begin < kDecodedInputs<Isa> ? k : begin + kDecodedInputs<Isa>;
        const float* const inputs = a + row * args.x_stride + begin;
        TileArgs t{};
        t.lines = &inputs;
        t.row_stride = args.x_stride;
        t.taps = 1;
        t.k = end - begin;
        t.c = c + row * args.y_stride;
        t.c_stride = args.y_stride;
        t.residual_stride = args.epilogue.residual_stride;
        t.residual = residual ? residual + row * t.residual_stride : nullptr;
        multiply_run<Isa>(span, span.load(begin, end), {begin, end, begin == 0, end == k, bias_last}, args.epilogue,
                          count, t);
      }
    });
  }
}

template <class Isa>
LINNET_INLINE void multiply_pixels(const Conv2DCodesArgs& args) {
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w;
  const int32_t m = (args.row_end - args.row_begin) * args.out_w;
  const int64_t section = panel_codes_bytes(args.format, args.out_channels, args.in_channels);
  const Epilogue& e = args.epilogue;
  for (int32_t group = 0; group < args.groups; ++group) {
    const ptrdiff_t output = static_cast<ptrdiff_t>(group) * args.out_channels;
    multiply_group<Isa>(args, args.packed + group * section, m,
                        args.x + pixel * args.x_stride + static_cast<ptrdiff_t>(group) * args.in_channels,
                        args.y + pixel * args.y_stride + output,
                        e.residual ? e.residual + pixel * e.residual_stride + output : nullptr);
  }
}

// ---- windows -------------------------------------------------------------------------------------------------------

// Convolution<Isa, float> places the pointers; its own weights are not there.
template <class Isa>
struct CodesConvolution {
  static constexpr int32_t kStep = TileShape<Isa>::rows;
  const Conv2DCodesArgs& args;
  const Convolution<Isa, float>& dense;

  // The rows of `count` pixels from `first` on, and which pixel follows them.
  LINNET_INLINE OutputPixel place(int32_t group, OutputPixel first, int32_t count) const {
    const float* const x = args.x + static_cast<ptrdiff_t>(group) * args.in_channels;
    for (int32_t done = 0, tile = 0, rows; done < count; done += rows, ++tile) {
      rows = next_tile_rows<Isa>(count - done);
      const float** const out = dense.pointers + static_cast<ptrdiff_t>(tile) * dense.plan.taps * kStep;
      for (int32_t r = 0; r < rows; ++r, first = next_pixel(args, first)) dense.place(x, first, out + r);
    }
    return first;
  }
  LINNET_INLINE void move(int32_t count, ptrdiff_t inputs) const {
    const ptrdiff_t tiles = (count + kStep - 1) / kStep;
    for (ptrdiff_t i = 0; i < tiles * dense.plan.taps * kStep; ++i) dense.pointers[i] += inputs;
  }

  // Taps tap .. tap_end and their inputs i .. i_end, of all pixels and outputs.
  LINNET_INLINE void multiply_taps(int32_t group, ptrdiff_t pixel, int32_t count, int32_t tap, int32_t tap_end,
                                   int32_t i, int32_t i_end, bool bias_last) const {
    const int32_t taps = dense.plan.taps, channels = args.in_channels, k = taps * channels;
    const int64_t section = panel_codes_bytes(args.format, args.out_channels, k);
    const ptrdiff_t output = static_cast<ptrdiff_t>(group) * args.out_channels;
    const Epilogue& e = args.epilogue;
    const int32_t begin = tap * channels + i, end = (tap_end - 1) * channels + i_end;
    const CodesRun run = {begin, end, begin == 0, end == k, bias_last};
    for_each_decoded_span<Isa>(args, args.packed + group * section, k, [&](DecodedSpan<Isa>& span) {
      const PanelSpan weights = span.load(begin, end);
      for (int32_t done = 0, tile = 0, rows; done < count; done += rows, ++tile) {
        rows = next_tile_rows<Isa>(count - done);
        TileArgs t{};
        t.rows = dense.pointers + (static_cast<ptrdiff_t>(tile) * taps + tap) * kStep;
        t.taps = tap_end - tap;
        t.k = i_end - i;
        t.c = args.y + (pixel + done) * args.y_stride + output;
        t.c_stride = args.y_stride;
        t.residual_stride = e.residual_stride;
        t.residual = e.residual ? e.residual + (pixel + done) * e.residual_stride + output : nullptr;
        multiply_run<Isa>(span, weights, run, e, rows, t);
      }
    });
  }

  LINNET_INLINE void multiply(int32_t group, ptrdiff_t pixel, int32_t count) const {
    const int32_t taps = dense.plan.taps, channels = args.in_channels;
    const bool bias_last = args.epilogue.residual == args.y && taps * channels > kDecodedInputs<Isa>;
    const int32_t together = channels < kDecodedInputs<Isa> ? kDecodedInputs<Isa> / channels : 1;
    for (int32_t tap = 0; tap < taps; tap += together) {
      const int32_t end = taps - tap < together ? taps : tap + together;
      if (channels <= kDecodedInputs<Isa>) {
        multiply_taps(group, pixel, count, tap, end, 0, channels, bias_last);
        continue;
      }
      for (int32_t i = 0, i_end; i < channels; i = i_end) {
        i_end = channels - i < kDecodedInputs<Isa> ? channels : i + kDecodedInputs<Isa>;
        multiply_taps(group, pixel, count, tap, end, i, i_end, bias_last);
        move(count, i_end < channels ? i_end - i : -i);
      }
    }
  }

  LINNET_INLINE void run() const {
    const ptrdiff_t end = static_cast<ptrdiff_t>(args.row_end) * args.out_w;
    const int32_t block = dense.plan.tiles * kStep;
    OutputPixel first{args.row_begin / args.out_h, args.row_begin % args.out_h, 0};
    for (ptrdiff_t pixel = static_cast<ptrdiff_t>(args.row_begin) * args.out_w; pixel < end; pixel += block) {
      const int32_t count = static_cast<int32_t>(end - pixel < block ? end - pixel : block);
      OutputPixel after = first;
      for (int32_t group = 0; group < args.groups; ++group) {
        after = place(group, first, count);
        multiply(group, pixel, count);
      }
      first = after;
    }
  }
};

template <class Isa>
void conv2d_codes_f32_impl(const Conv2DCodesArgs& args) {
  const Window& w = args.window;
  if (w.kernel_h == 1 && w.kernel_w == 1 && w.stride_h == 1 && w.stride_w == 1 && w.pad_top == 0 && w.pad_left == 0 &&
      args.in_h == args.out_h && args.in_w == args.out_w) {
    return multiply_pixels<Isa>(args);
  }
  Conv2DArgs geometry{};
  geometry.window = w;
  geometry.in_h = args.in_h;
  geometry.in_w = args.in_w;
  geometry.x_stride = args.x_stride;
  const ConvPlan plan = plan_conv2d(w, args.in_channels, traits(isa_id<Isa>), sizeof(void*));
  char* const scratch = static_cast<char*>(args.scratch);
  float* const zero = reinterpret_cast<float*>(scratch + plan.zero_offset);
  std::memset(zero, 0, static_cast<size_t>(args.in_channels) * sizeof(float));
  const Convolution<Isa, float> dense{geometry, plan, reinterpret_cast<const float**>(scratch), zero};
  CodesConvolution<Isa>{args, dense}.run();
}

}  // namespace linnet::kernels
