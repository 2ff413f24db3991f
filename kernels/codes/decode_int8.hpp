// Codes of int8 weights become the bytes of a Panel16Int8, sixteen looked up in a table together: by tables of outputs
// those of one output, whose groups of four inputs then go where those of the outputs beside it are.
#pragma once

#include "kernels/code_format.hpp"
#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

// Lanes of 16 bytes, kLanes of them, of as many outputs four apart.
template <class Isa, int kLanes>
struct ByteLanes;

#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)

template <class Isa>
struct ByteLanes<Isa, 2> {
  __m256i v;
  static LINNET_INLINE ByteLanes load(const void* p) { return {load_as<Isa, __m256i>(p)}; }
  static LINNET_INLINE ByteLanes repeat(const void* p) {
    return {_mm256_broadcastsi128_si256(load_as<Isa, __m128i>(p))};
  }
  LINNET_INLINE void store(int8_t* p) const { std::memcpy(p, &v, sizeof(v)); }
  // Of bytes, the bits from kShift on.
  template <int kBits, int kShift>
  LINNET_INLINE ByteLanes codes() const {
    return {_mm256_and_si256(_mm256_srli_epi16(v, kShift), _mm256_set1_epi8((1 << kBits) - 1))};
  }
  LINNET_INLINE ByteLanes operator()(ByteLanes code) const { return {_mm256_shuffle_epi8(v, code.v)}; }
  // Words of four bytes: of each lane, word i of x[j] and word j of x[i] change places.
  static LINNET_INLINE void transpose(ByteLanes (&x)[4]) {
    const __m256i a = _mm256_unpacklo_epi32(x[0].v, x[1].v), b = _mm256_unpackhi_epi32(x[0].v, x[1].v);
    const __m256i c = _mm256_unpacklo_epi32(x[2].v, x[3].v), d = _mm256_unpackhi_epi32(x[2].v, x[3].v);
    x[0].v = _mm256_unpacklo_epi64(a, c), x[1].v = _mm256_unpackhi_epi64(a, c);
    x[2].v = _mm256_unpacklo_epi64(b, d), x[3].v = _mm256_unpackhi_epi64(b, d);
  }
};

#if defined(__AVX512F__)
template <class Isa>
struct ByteLanes<Isa, 4> {
  __m512i v;
  static LINNET_INLINE ByteLanes load(const void* p) { return {load_as<Isa, __m512i>(p)}; }
  static LINNET_INLINE ByteLanes repeat(const void* p) { return {_mm512_broadcast_i32x4(load_as<Isa, __m128i>(p))}; }
  LINNET_INLINE void store(int8_t* p) const { std::memcpy(p, &v, sizeof(v)); }
  template <int kBits, int kShift>
  LINNET_INLINE ByteLanes codes() const {
    return {_mm512_and_si512(_mm512_srli_epi16(v, kShift), _mm512_set1_epi8((1 << kBits) - 1))};
  }
  LINNET_INLINE ByteLanes operator()(ByteLanes code) const { return {_mm512_shuffle_epi8(v, code.v)}; }
  static LINNET_INLINE void transpose(ByteLanes (&x)[4]) {
    const __m512i a = _mm512_unpacklo_epi32(x[0].v, x[1].v), b = _mm512_unpackhi_epi32(x[0].v, x[1].v);
    const __m512i c = _mm512_unpacklo_epi32(x[2].v, x[3].v), d = _mm512_unpackhi_epi32(x[2].v, x[3].v);
    x[0].v = _mm512_unpacklo_epi64(a, c), x[1].v = _mm512_unpackhi_epi64(a, c);
    x[2].v = _mm512_unpacklo_epi64(b, d), x[3].v = _mm512_unpackhi_epi64(b, d);
  }
};
template <class Isa>
constexpr int kByteLanes = 4;
#else
template <class Isa>
constexpr int kByteLanes = 2;
#endif

#elif defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)

template <class Isa>
struct ByteLanes<Isa, 1> {
  uint8x16_t v;
  static LINNET_INLINE ByteLanes load(const void* p) { return {vld1q_u8(static_cast<const uint8_t*>(p))}; }
  static LINNET_INLINE ByteLanes repeat(const void* p) { return load(p); }
  LINNET_INLINE void store(int8_t* p) const { vst1q_s8(p, vreinterpretq_s8_u8(v)); }
  template <int kBits, int kShift>
  LINNET_INLINE ByteLanes codes() const {
    uint8x16_t moved = v;
    if constexpr (kShift > 0) moved = vshrq_n_u8(v, kShift);
    if constexpr (kShift + kBits < 8) moved = vandq_u8(moved, vdupq_n_u8((1 << kBits) - 1));
    return {moved};
  }
  LINNET_INLINE ByteLanes operator()(ByteLanes code) const {
#if defined(__aarch64__)
    return {vqtbl1q_u8(v, code.v)};
#else
    const uint8x8x2_t table = {{vget_low_u8(v), vget_high_u8(v)}};
    return {vcombine_u8(vtbl2_u8(table, vget_low_u8(code.v)), vtbl2_u8(table, vget_high_u8(code.v)))};
#endif
  }
  static LINNET_INLINE void transpose(ByteLanes (&x)[4]) {
    const auto words = [&](int i) LINNET_INLINE_LAMBDA { return vreinterpretq_u32_u8(x[i].v); };
    const uint32x4x2_t a = vtrnq_u32(words(0), words(1)), b = vtrnq_u32(words(2), words(3));
    const auto put = [&](int i, uint32x2_t low, uint32x2_t high)
                         LINNET_INLINE_LAMBDA { x[i].v = vreinterpretq_u8_u32(vcombine_u32(low, high)); };
    put(0, vget_low_u32(a.val[0]), vget_low_u32(b.val[0]));
    put(1, vget_low_u32(a.val[1]), vget_low_u32(b.val[1]));
    put(2, vget_high_u32(a.val[0]), vget_high_u32(b.val[0]));
    put(3, vget_high_u32(a.val[1]), vget_high_u32(b.val[1]));
  }
};
template <class Isa>
constexpr int kByteLanes = 1;

#else
template <class Isa>
constexpr int kByteLanes = 0;
#endif

constexpr ptrdiff_t kLineBytes = 64;  // of a cache

// What is decoded of a panel: `blocks` of kCodeInputs inputs each.
struct Int8CodesRun {
  const int8_t* tables;
  const int8_t* codes;
  int32_t width, blocks;
};

// The outputs of kLanes fours, from `first` of the panel's on.
template <class Isa, int kLanes, int kBits, bool kByOutput>
LINNET_INLINE void decode_lanes(const Int8CodesRun& run, int32_t first, int8_t* out) {
  using Lanes = ByteLanes<Isa, kLanes>;
  const ptrdiff_t fours = run.width / 4, vectors = fours * kCodeInputs, groups = ptrdiff_t{run.width} * kDot;
  Lanes tables[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    tables[i] = kByOutput ? Lanes::load(run.tables + (i * fours + first) * kInt8TableBytes) : Lanes::repeat(run.tables);
  const int8_t* codes = run.codes + first * kCodeInputs;
  out += first * kCodeInputs;
  // Panels take turns: what is fetched ahead is the panel's next run.
  const ptrdiff_t block_bytes = kBits / 2 * vectors, ahead = run.blocks * block_bytes;
  for (int32_t block = 0; block < run.blocks; ++block, codes += block_bytes) {
    Lanes x[4];
    for (ptrdiff_t line = 0; first == 0 && line < block_bytes; line += kLineBytes)
      __builtin_prefetch(codes + ahead + line);
    const Lanes low = Lanes::load(codes);
    if constexpr (kBits == 4) {
      const Lanes high = Lanes::load(codes + vectors);
      x[0] = tables[0](low.template codes<4, 0>()), x[1] = tables[1](low.template codes<4, 4>());
      x[2] = tables[2](high.template codes<4, 0>()), x[3] = tables[3](high.template codes<4, 4>());
    } else {
      x[0] = tables[0](low.template codes<2, 0>()), x[1] = tables[1](low.template codes<2, 2>());
      x[2] = tables[2](low.template codes<2, 4>()), x[3] = tables[3](low.template codes<2, 6>());
    }
    if constexpr (kByOutput) Lanes::transpose(x);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i, out += groups) x[i].store(out);
  }
}

// The same one by one.
template <class Isa, int kBits, bool kByOutput>
LINNET_INLINE void decode_bytes(const Int8CodesRun& run, int8_t* out) {
  constexpr int32_t kParts = 8 / kBits, kMask = (1 << kBits) - 1;  // codes of a byte
  const ptrdiff_t fours = run.width / 4, group = ptrdiff_t{run.width} * kDot;
  const int8_t* codes = run.codes;
  for (int32_t block = 0; block < run.blocks; ++block, out += 4 * group) {
    for (int32_t first = 0; first < 4; first += kParts) {
      for (int32_t four = 0; four < fours; ++four, codes += kCodeInputs) {
        for (int32_t i = 0; i < kParts; ++i) {
          const int32_t part = first + i;
          const int8_t* const table = run.tables + (kByOutput ? (part * fours + four) * kInt8TableBytes : 0);
          int8_t* const to = out + four * kCodeInputs + part * (kByOutput ? kDot : group);
          for (int32_t j = 0; j < kCodeInputs; ++j) {
            const int32_t code = static_cast<uint8_t>(codes[j]) >> (i * kBits) & kMask;
            to[kByOutput ? j / kDot * group + j % kDot : j] = table[code];
          }
        }
      }
    }
  }
}

template <class Isa, int kBits, bool kByOutput>
LINNET_INLINE void decode_int8(const Int8CodesRun& run, int8_t* out) {
  constexpr int kLanes = kByteLanes<Isa>;
  if constexpr (kLanes == 0) {
    decode_bytes<Isa, kBits, kByOutput>(run, out);
  } else if (kLanes < 4 || run.width == kPanel) {
    for (int32_t first = 0; first < run.width / 4; first += kLanes)
      decode_lanes<Isa, kLanes, kBits, kByOutput>(run, first, out);
  } else {
    decode_lanes < Isa, kLanes<2 ? kLanes : 2, kBits, kByOutput>(run, 0, out);
  }
}

// The weights of inputs begin .. end of a panel of [k, n], begin and end multiples of four, so that those of `begin`
// are at `out`; whole blocks are written around them, with zeros from k to the next group.
template <class Isa>
__attribute__((noinline)) void decode_int8_panel(const CodeFormat& format, const int8_t* panel, int32_t width,
                                                 int32_t begin, int32_t end, int32_t k, int8_t* out) {
  const int32_t before = begin % kCodeInputs;
  Int8CodesRun run;
  run.tables = panel + kPanelHeader * width;
  run.codes =
      panel + int8_codes_head_bytes(format, width) + begin / kCodeInputs * int8_codes_block_bytes(format, width);
  run.width = width;
  run.blocks = (end - begin + before + kCodeInputs - 1) / kCodeInputs;
  int8_t* const first = out - ptrdiff_t{before} * width;
  if (format.kind == CodeKind::OutputTable) {
    format.bits == 4 ? decode_int8<Isa, 4, true>(run, first) : decode_int8<Isa, 2, true>(run, first);
  } else {
    format.bits == 4 ? decode_int8<Isa, 4, false>(run, first) : decode_int8<Isa, 2, false>(run, first);
  }
  for (int32_t input = k; input < end; ++input) {
    int8_t* const group = out + ptrdiff_t{(input - begin) / kDot} * width * kDot;
    for (int32_t column = 0; column < width; ++column) group[column * kDot + input % kDot] = 0;
  }
}

}  // namespace linnet::kernels
