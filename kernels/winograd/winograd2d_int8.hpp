// int8 3x3 convolution by Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast algorithms for convolutional neural networks",
// section 4.1) in integers: the same sums as the direct one. Weights are transformed as they are read, a panel at a
// time, for a block of many tiles.
#pragma once

#include "kernels/conv/window_place.hpp"
#include "kernels/gemm/epilogue_int8.hpp"
#include "kernels/winograd/plan_int8.hpp"

namespace linnet::kernels {

// PointProducts<Isa>::multiply<kRows>: sums [rows][16] of products of rows of transformed inputs and the weights of one
// point, [channels / 2][half of the outputs] of 16 numbers as load_tap_weights has them.
template <class Isa>
struct PointProducts {
  static constexpr int tile_rows = 0;  // no Winograd
};

// Computes all outputs, if they are enough to transform the weights for.
template <class Isa>
bool winograd_int8(const Conv2DInt8Args& args, Scale scale);

#if defined(LINNET_ISA_IS_SIMD) && (defined(__AVX2__) || defined(__ARM_NEON))

#if defined(__AVX2__)

// 16 numbers of 16 bits.
struct Int16x16 {
  static constexpr int size = 16;
  __m256i v;
  static LINNET_INLINE Int16x16 load_s8(const int8_t* p) {
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  LINNET_INLINE void store(int16_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  friend LINNET_INLINE Int16x16 operator+(Int16x16 a, Int16x16 b) { return {_mm256_add_epi16(a.v, b.v)}; }
  friend LINNET_INLINE Int16x16 operator-(Int16x16 a, Int16x16 b) { return {_mm256_sub_epi16(a.v, b.v)}; }
};
using InputInts = Int16x16;  // that are transformed together

// The weights of one tap for four inputs and 16 outputs: [half of the outputs][pair of inputs] of 8 x 2 numbers, from
// [outputs][4].
template <class Isa>
LINNET_INLINE void load_tap_weights(const int8_t* p, bool has_second_half, Int16x16 (&w)[2][2]) {
  const __m256i pairs = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9, 12, 13,
                                         2, 3, 6, 7, 10, 11, 14, 15);
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const __m256i bytes = half == 0 || has_second_half ? load_as<Isa, __m256i>(p + 32 * half) : _mm256_setzero_si256();
    const __m256i sorted = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(bytes, pairs), 0xd8);
    w[half][0].v = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(sorted));
    w[half][1].v = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(sorted, 1));
  }
}

// Rows three to a pointer, as addresses have them.
template <class Isa, int kRows>
struct RowPointers {
  const char* p[(kRows + 2) / 3];
  ptrdiff_t step;

  LINNET_INLINE RowPointers(const int16_t* x, int32_t channels) : step(ptrdiff_t{channels} * 2) {
#pragma GCC unroll 4
    for (int i = 0; i < (kRows + 2) / 3; ++i) p[i] = reinterpret_cast<const char*>(x) + 3 * i * step;
  }
  LINNET_INLINE int32_t pair(int r) const {
    return load_as<Isa, int32_t>(p[r / 3] + r % 3 * step);
  }
  LINNET_INLINE void next() {
#pragma GCC unroll 4
    for (const char*& row : p) {
      row += 4;
      asm("" : "+r"(row));
    }
  }
};

#if defined(__AVX512F__)
template <>
struct PointProducts<isa::avx512> {
  static constexpr int tile_rows = 12;
  template <int kRows>
  static LINNET_INLINE void multiply(const int16_t* x, int32_t channels, const int16_t* w, int32_t* out) {
    __m512i sums[kRows];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) sums[r] = _mm512_setzero_si512();
    RowPointers<isa::avx512, kRows> rows(x, channels);
    for (int32_t i = 0; i < channels; i += 2, w += 2 * kPanel, rows.next()) {
      const __m512i weights = _mm512_loadu_si512(w);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const __m512i inputs = _mm512_set1_epi32(rows.pair(r));
        sums[r] = _mm512_add_epi32(sums[r], _mm512_madd_epi16(weights, inputs));
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) _mm512_storeu_si512(out + r * kPanel, sums[r]);
  }
};
#else
template <>
struct PointProducts<isa::avx2> {
  static constexpr int tile_rows = 6;
  template <int kRows>
  static LINNET_INLINE void multiply(const int16_t* x, int32_t channels, const int16_t* w, int32_t* out) {
    __m256i low[kRows], high[kRows];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm256_setzero_si256();
    RowPointers<isa::avx2, kRows> rows(x, channels);
    for (int32_t i = 0; i < channels; i += 2, w += 2 * kPanel, rows.next()) {
      const __m256i first = load_as<isa::avx2, __m256i>(w), second = load_as<isa::avx2, __m256i>(w + kPanel);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
        const __m256i inputs = _mm256_set1_epi32(rows.pair(r));
        low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(first, inputs));
        high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(second, inputs));
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      std::memcpy(out + r * kPanel, &low[r], sizeof(low[r]));
      std::memcpy(out + r * kPanel + 8, &high[r], sizeof(high[r]));
    }
  }
};
#endif

#else

struct Int16x16 {
  static constexpr int size = 16;
  int16x8_t low, high;
  static LINNET_INLINE Int16x16 load_s8(const int8_t* p) {
    const int8x16_t bytes = vld1q_s8(p);
    return {vmovl_s8(vget_low_s8(bytes)), vmovl_s8(vget_high_s8(bytes))};
  }
  LINNET_INLINE void store(int16_t* p) const {
    vst1q_s16(p, low);
    vst1q_s16(p + 8, high);
  }
  friend LINNET_INLINE Int16x16 operator+(Int16x16 a, Int16x16 b) {
    return {vaddq_s16(a.low, b.low), vaddq_s16(a.high, b.high)};
  }
  friend LINNET_INLINE Int16x16 operator-(Int16x16 a, Int16x16 b) {
    return {vsubq_s16(a.low, b.low), vsubq_s16(a.high, b.high)};
  }
};

#if defined(__aarch64__)
using InputInts = Int16x16;
#else
struct InputInts {
  static constexpr int size = 8;
  int16x8_t v;

  struct Bytes {
    int8x8_t v;
    friend LINNET_INLINE InputInts operator+(Bytes a, Bytes b) { return {vaddl_s8(a.v, b.v)}; }
    friend LINNET_INLINE InputInts operator-(Bytes a, Bytes b) { return {vsubl_s8(a.v, b.v)}; }
  };
  static LINNET_INLINE Bytes load_s8(const int8_t* p) { return {vld1_s8(p)}; }
  LINNET_INLINE void store(int16_t* p) const { vst1q_s16(p, v); }
  friend LINNET_INLINE InputInts operator+(InputInts a, InputInts b) { return {vaddq_s16(a.v, b.v)}; }
  friend LINNET_INLINE InputInts operator-(InputInts a, InputInts b) { return {vsubq_s16(a.v, b.v)}; }
};
#endif

// The same, the two inputs one behind the other: 2 x 8 numbers.
template <class Isa>
LINNET_INLINE void load_tap_weights(const int8_t* p, bool has_second_half, Int16x16 (&w)[2][2]) {
  int8_t both[4 * kPanel];
  if (!has_second_half) {
    std::memset(both, 0, sizeof(both));
    std::memcpy(both, p, sizeof(both) / 2);
    p = both;
  }
  const int8x16x4_t inputs = vld4q_s8(p);
#pragma GCC unroll 2
  for (int pair = 0; pair < 2; ++pair) {
    const int8x16_t first = inputs.val[2 * pair], second = inputs.val[2 * pair + 1];
    w[0][pair] = {vmovl_s8(vget_low_s8(first)), vmovl_s8(vget_low_s8(second))};
    w[1][pair] = {vmovl_s8(vget_high_s8(first)), vmovl_s8(vget_high_s8(second))};
  }
}

#if defined(__aarch64__)
template <>
struct PointProducts<isa::neon64> {
  static constexpr int tile_rows = 5;
  // Products of one of a row's four inputs.
  template <int kInput>
  static LINNET_INLINE void add(int32x4_t (&sums)[4], const int16x8_t (&w)[2], int16x4_t x) {
    sums[0] = vmlal_lane_s16(sums[0], vget_low_s16(w[0]), x, kInput);
    sums[1] = vmlal_high_lane_s16(sums[1], w[0], x, kInput);
    sums[2] = vmlal_lane_s16(sums[2], vget_low_s16(w[1]), x, kInput);
    sums[3] = vmlal_high_lane_s16(sums[3], w[1], x, kInput);
  }
  template <int kInput, int kRows>
  static LINNET_INLINE void add_rows(int32x4_t (&sums)[kRows][4], const int16_t* w, const int16x4_t (&x)[kRows]) {
    const int16_t* const pair = w + kInput / 2 * 2 * kPanel + kInput % 2 * 8;
    const int16x8_t weights[2] = {vld1q_s16(pair), vld1q_s16(pair + kPanel)};
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) add<kInput>(sums[r], weights, x[r]);
  }
  template <int kRows>
  static LINNET_INLINE void multiply(const int16_t* x, int32_t channels, const int16_t* w, int32_t* out) {
    int32x4_t sums[kRows][4];
#pragma GCC unroll 8
    for (auto& row : sums) row[0] = row[1] = row[2] = row[3] = vdupq_n_s32(0);
    for (int32_t i = 0; i < channels; i += 4, x += 4, w += 4 * kPanel) {
      int16x4_t inputs[kRows];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) inputs[r] = vld1_s16(x + static_cast<ptrdiff_t>(r) * channels);
      add_rows<0>(sums, w, inputs);
      add_rows<1>(sums, w, inputs);
      add_rows<2>(sums, w, inputs);
      add_rows<3>(sums, w, inputs);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) vst1q_s32(out + r * kPanel + 4 * i, sums[r][i]);
    }
  }
};
#else
template <>
struct PointProducts<isa::neon32> {
  static constexpr int tile_rows = 3;
  // Products of two of a row's four inputs, for half of the outputs; moves on to the next weights.
  template <int kInput, int kHalf, int kRows>
  static LINNET_INLINE void add(int32x4_t (&sums)[kRows][4], const int16_t*& w, const int16x4_t (&x)[kRows]) {
    const int64x1x4_t all = vld4_s64(reinterpret_cast<const int64_t*>(w));
    move_on<isa::neon32>(w, kPanel);
    int16x4_t weights[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) weights[i] = vreinterpret_s16_s64(all.val[i]);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      int32x4_t(&sum)[4] = sums[r];
      sum[2 * kHalf] = vmlal_lane_s16(sum[2 * kHalf], weights[0], x[r], kInput);
      sum[2 * kHalf + 1] = vmlal_lane_s16(sum[2 * kHalf + 1], weights[1], x[r], kInput);
      sum[2 * kHalf] = vmlal_lane_s16(sum[2 * kHalf], weights[2], x[r], kInput + 1);
      sum[2 * kHalf + 1] = vmlal_lane_s16(sum[2 * kHalf + 1], weights[3], x[r], kInput + 1);
    }
  }
  template <int kRows>
  static LINNET_INLINE void multiply(const int16_t* x, int32_t channels, const int16_t* w, int32_t* out) {
    int32x4_t sums[kRows][4];
    const int16_t* rows[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      rows[r] = x + static_cast<ptrdiff_t>(r) * channels;
      sums[r][0] = sums[r][1] = sums[r][2] = sums[r][3] = vdupq_n_s32(0);
    }
    for (; channels > 0; channels -= 4) {
      int16x4_t inputs[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        inputs[r] = vld1_s16(rows[r]);
        rows[r] += 4;
      }
      add<0, 0>(sums, w, inputs);
      add<0, 1>(sums, w, inputs);
      add<2, 0>(sums, w, inputs);
      add<2, 1>(sums, w, inputs);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        vst1q_s32(out, sums[r][i]);
        move_on<isa::neon32>(out, 4);
      }
    }
  }
};
#endif

#endif

// A block of tiles of 2x2 outputs, counted through the lines that the call computes.
template <class Isa>
struct WinogradInt8 {
  using Products = PointProducts<Isa>;
  static constexpr int kRun = 16;  // tiles of a line whose outputs are stored together

  const Conv2DInt8Args& args;
  const WinogradInt8Plan& plan;
  int8_t* padding;
  int16_t *inputs, *weights;
  int32_t* sums;  // [points][plan.tiles][16]
  Scale scale;
  int32_t tile_columns;

  void transform_tile(const int8_t* x, int32_t top, int32_t left, int16_t* out) const;
  void transform_weights(const int8_t* packed, int32_t width) const;
  void multiply(int32_t tiles) const;
  void transform_run(int32_t tile, int32_t count, const int32_t* start, int32_t (*out)[2 * kRun][kPanel]) const;
  void store_panel(int32_t row, int32_t lines, int32_t first, int32_t tiles, int32_t group, int32_t column,
                   const int8_t* panel, int32_t width) const;
  void run(int32_t row, int32_t lines) const;
};

// B^T d B of the inputs of one tile; x: the first input of the image's first pixel.
template <class Isa>
LINNET_INLINE void WinogradInt8<Isa>::transform_tile(const int8_t* x, int32_t top, int32_t left, int16_t* out) const {
  const int8_t* pixels[4][4];
  const ptrdiff_t line_step = args.in_w * args.x_stride;
  const bool all_inside = top >= 0 && top + 4 <= args.in_h && left >= 0 && left + 4 <= args.in_w;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const bool line_inside = all_inside || (top + i >= 0 && top + i < args.in_h);
    const int8_t* const line = x + (line_inside ? top + i : 0) * line_step;
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const bool inside = all_inside || (line_inside && left + j >= 0 && left + j < args.in_w);
      pixels[i][j] = inside ? line + (left + j) * args.x_stride : padding;
    }
  }
  constexpr int32_t kSize = InputInts::size;
  for (int32_t c = 0; c < args.in_channels; c += kSize) {
    const int32_t at = args.in_channels - c < kSize ? args.in_channels - kSize : c;
    const auto line = [&](int i, InputInts(&t)[4]) LINNET_INLINE_LAMBDA {
      const auto a = InputInts::load_s8(pixels[i][0] + at), b = InputInts::load_s8(pixels[i][1] + at);
      const auto c = InputInts::load_s8(pixels[i][2] + at), d = InputInts::load_s8(pixels[i][3] + at);
      t[0] = a - c;
      t[1] = b + c;
      t[2] = c - b;
      t[3] = b - d;
    };
    int16_t* const to = out + at;
    const ptrdiff_t point = plan.input_distance;
    InputInts second[4], third[4], other[4];
    line(1, second);
    line(2, third);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      (second[j] + third[j]).store(to + (4 + j) * point);
      (third[j] - second[j]).store(to + (8 + j) * point);
    }
    line(0, other);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) (other[j] - third[j]).store(to + j * point);
    line(3, other);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) (second[j] - other[j]).store(to + (12 + j) * point);
  }
}

// 2 G g (2 G)^T of a panel.
template <class Isa>
LINNET_INLINE void WinogradInt8<Isa>::transform_weights(const int8_t* packed, int32_t width) const {
  const ptrdiff_t tap = static_cast<ptrdiff_t>(args.in_channels) * width;
  int16_t* out = weights;
  for (int32_t i = 0; i < args.in_channels; i += kDot, packed += kDot * width, out += kDot * kPanel) {
    Int16x16 g[9][2][2];
#pragma GCC unroll 9
    for (int t = 0; t < 9; ++t) load_tap_weights<Isa>(packed + t * tap, width == kPanel, g[t]);
    for (int part = 0; part < 4; ++part) {
      const int half = part / 2, pair = part % 2;
      int16_t* const to = out + (2 * pair + half) * kPanel;
      const ptrdiff_t point = plan.weight_distance;
      const auto line = [=](int y, Int16x16 a, Int16x16 b, Int16x16 c) LINNET_INLINE_LAMBDA {
        const Int16x16 sum = a + c;
        (a + a).store(to + 4 * y * point);
        (sum + b).store(to + (4 * y + 1) * point);
        (sum - b).store(to + (4 * y + 2) * point);
        (c + c).store(to + (4 * y + 3) * point);
      };
      const auto tap_of = [&](int y, int x) LINNET_INLINE_LAMBDA { return g[3 * y + x][half][pair]; };
      const auto twice = [](Int16x16 a) LINNET_INLINE_LAMBDA { return a + a; };
      line(0, twice(tap_of(0, 0)), twice(tap_of(0, 1)), twice(tap_of(0, 2)));
      line(3, twice(tap_of(2, 0)), twice(tap_of(2, 1)), twice(tap_of(2, 2)));
      const Int16x16 a = tap_of(0, 0) + tap_of(2, 0), b = tap_of(0, 1) + tap_of(2, 1), c = tap_of(0, 2) + tap_of(2, 2);
      line(1, a + tap_of(1, 0), b + tap_of(1, 1), c + tap_of(1, 2));
      line(2, a - tap_of(1, 0), b - tap_of(1, 1), c - tap_of(1, 2));
    }
  }
}

template <class Isa>
__attribute__((noinline)) void WinogradInt8<Isa>::multiply(int32_t tiles) const {
  for (int point = 0; point < 16; ++point) {
    const int16_t* const x = inputs + point * plan.input_distance;
    const int16_t* const w = weights + point * plan.weight_distance;
    int32_t* const out = sums + static_cast<ptrdiff_t>(point) * plan.tiles * kPanel;
    if (tiles < Products::tile_rows) {
      for (ptrdiff_t t = 0; t < tiles; ++t)
        Products::template multiply<1>(x + t * args.in_channels, args.in_channels, w, out + t * kPanel);
      continue;
    }
    for (ptrdiff_t t = 0; t < tiles; t += Products::tile_rows) {
      if (t > tiles - Products::tile_rows) t = tiles - Products::tile_rows;  // some once more
      Products::template multiply<Products::tile_rows>(x + t * args.in_channels, args.in_channels, w, out + t * kPanel);
    }
  }
}

// start + A^T m A / 4 of tiles of one line: two lines of outputs.
template <class Isa>
LINNET_INLINE void WinogradInt8<Isa>::transform_run(int32_t tile, int32_t count, const int32_t* start,
                                                    int32_t (*out)[2 * kRun][kPanel]) const {
  using I = Int<Isa>;
  using V = I32<Isa>;
  const ptrdiff_t point = static_cast<ptrdiff_t>(plan.tiles) * kPanel;
  for (int32_t t = 0; t < count; ++t) {
    for (int32_t c = 0; c < kPanel; c += V::width) {
      const int32_t* const m = sums + static_cast<ptrdiff_t>(tile + t) * kPanel + c;
      V rows[2][4];
#pragma GCC unroll 4
      for (int x = 0; x < 4; ++x) {
        const V a = I::load(m + x * point), b = I::load(m + (4 + x) * point), d = I::load(m + (12 + x) * point);
        const V e = I::load(m + (8 + x) * point);
        rows[0][x] = a + b + e;
        rows[1][x] = b - e - d;
      }
      const V first = I::load(start + c);
#pragma GCC unroll 2
      for (int y = 0; y < 2; ++y) {
        const V* const r = rows[y];
        I::store(first + (r[0] + r[1] + r[2]).template sar<2>(), out[y][2 * t] + c);
        I::store(first + (r[1] - r[2] - r[3]).template sar<2>(), out[y][2 * t + 1] + c);
      }
    }
  }
}

// Outputs column .. column + width of a block's tiles.
template <class Isa>
LINNET_INLINE void WinogradInt8<Isa>::store_panel(int32_t row, int32_t lines, int32_t first, int32_t tiles,
                                                  int32_t group, int32_t column, const int8_t* panel,
                                                  int32_t width) const {
  const EpilogueInt8& e = args.epilogue;
  alignas(64) int32_t start[kPanel] = {};
  alignas(64) int32_t out[2][2 * kRun][kPanel];
  start_sums<Isa, false>(panel, width, 0, width, start);
  SumsInt8 s;
  s.stride = kPanel;
  s.columns = args.out_channels - column < width ? args.out_channels - column : width;
  s.scale = scale;
  s.panel = panel;
  s.width = width;
  s.column = 0;
  s.y_stride = args.y_stride;
  const ptrdiff_t channel = static_cast<ptrdiff_t>(group) * args.out_channels + column;
  for (int32_t tile = 0, count; tile < tiles; tile += count) {
    const int32_t line = (first + tile) / tile_columns, ox = (first + tile) % tile_columns;
    count = tile_columns - ox;
    count = count < kRun ? count : kRun;
    count = count < tiles - tile ? count : tiles - tile;
    transform_run(tile, count, start, out);
    s.rows = args.out_w - 2 * ox < 2 * count ? args.out_w - 2 * ox : 2 * count;
    for (int32_t y = 0; y < 2 && 2 * line + y < lines; ++y) {
      const ptrdiff_t pixel = static_cast<ptrdiff_t>(row + 2 * line + y) * args.out_w + 2 * ox;
      s.sums = out[y][0];
      s.y = args.y + pixel * args.y_stride + channel;
      s.residual = e.residual ? e.residual + pixel * e.residual_stride + channel : nullptr;
      finish_sums<Isa>(s, e);
    }
  }
}

// Output lines row .. row + lines of one image.
template <class Isa>
LINNET_INLINE void WinogradInt8<Isa>::run(int32_t row, int32_t lines) const {
  const int64_t terms = int64_t{9} * args.in_channels, section = panel_int8_bytes(args.out_channels, terms);
  const int32_t all = (lines + 1) / 2 * tile_columns, blocks = (all - 1) / plan.tiles + 1;
  const int32_t block = (all - 1) / blocks + 1;
  const ptrdiff_t image = static_cast<ptrdiff_t>(row / args.out_h) * args.in_h * args.in_w * args.x_stride;
  const int32_t top = row % args.out_h - args.window.pad_top;
  for (int32_t first = 0; first < all; first += block) {
    const int32_t tiles = all - first < block ? all - first : block;
    for (int32_t group = 0; group < args.groups; ++group) {
      const int8_t* const x = args.x + image + static_cast<ptrdiff_t>(group) * args.in_channels;
      for (int32_t t = 0; t < tiles; ++t) {
        const int32_t line = (first + t) / tile_columns, ox = (first + t) % tile_columns;
        transform_tile(x, top + 2 * line, 2 * ox - args.window.pad_left, inputs + ptrdiff_t{t} * args.in_channels);
      }
      const int8_t* panel = args.packed + group * section;
      for (int32_t column = 0, width; column < args.out_channels; column += width) {
        width = args.out_channels - column > kTailPanel ? kPanel : kTailPanel;
        transform_weights(panel + kPanelHeader * width, width);
        multiply(tiles);
        store_panel(row, lines, first, tiles, group, column, panel, width);
        panel += width * (kPanelHeader + terms);
      }
    }
  }
}

template <class Isa>
bool winograd_int8(const Conv2DInt8Args& args, Scale scale) {
  constexpr int32_t kLeastTiles = 8;
  const int32_t rows = args.row_end - args.row_begin, lines = rows < args.out_h ? rows : args.out_h;
  if (lines < 2 || int64_t{lines} * args.out_w < 4 * kLeastTiles) return false;
  const WinogradInt8Plan plan = plan_winograd_int8(args.in_channels, rows, args.out_w);
  char* const scratch = static_cast<char*>(args.scratch);
  int8_t* const padding = reinterpret_cast<int8_t*>(scratch);
  std::memset(padding, args.input_zero_point, static_cast<size_t>(args.in_channels));
  const WinogradInt8<Isa> winograd{args,
                                   plan,
                                   padding,
                                   reinterpret_cast<int16_t*>(scratch + plan.inputs_offset),
                                   reinterpret_cast<int16_t*>(scratch + plan.weights_offset),
                                   reinterpret_cast<int32_t*>(scratch + plan.sums_offset),
                                   scale,
                                   (args.out_w + 1) / 2};
  for (int32_t row = args.row_begin, count; row < args.row_end; row += count) {
    const int32_t left = args.out_h - row % args.out_h;
    count = left < args.row_end - row ? left : args.row_end - row;
    winograd.run(row, count);
  }
  return true;
}

#endif

}  // namespace linnet::kernels
