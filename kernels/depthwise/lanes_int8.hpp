// DepthwiseLanes<Isa>: how strips multiply (strip_int8.hpp). The inputs that one output channel takes from `lines`
// lines of the kernel lie side by side, so that an instruction multiplies and adds them up, and weights lie likewise.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

// `channels`: that a Taps holds. start: sums that begin with numbers in memory. taps: of the first kLines of `lines`,
// from `channels` bytes of each. keep: sums are made where they stand in the program, not behind the branches that
// follow. rows: output lines that are best computed together, where their windows overlap. inputs: the same of inputs.
// flips_inputs: they are made 128 larger. loads_parts: they may be part(n) of the channels. any_weights: false where
// two weights of -128 are too much.
template <class Isa>
struct DepthwiseLanes {
  static constexpr int channels = 0;  // no strips
};

// Those for a panel of 8 channels.
template <class Isa>
struct TailLanesOf {
  using type = DepthwiseLanes<Isa>;
};
template <class Isa>
using TailLanes = typename TailLanesOf<Isa>::type;

// Lanes that are loaded as a whole.
struct WholeLanes {
  static constexpr bool loads_parts = false;
  struct Part {};
  static LINNET_INLINE Part part(int) { return {}; }
};

// 16 channels of each of four taps, from 64 bytes of packed weights.
template <class Isa>
void split_taps(const int8_t* packed, int8_t (*rows)[kPanel]);

#ifdef LINNET_ISA_IS_SIMD

#if defined(__AVX2__)
LINNET_INLINE __m128i load_channels(const int8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

template <class Isa>
LINNET_INLINE void split_taps(const int8_t* packed, int8_t (*rows)[kPanel]) {
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const auto tap_by_tap = [&](int i)
                              LINNET_INLINE_LAMBDA { return _mm_shuffle_epi8(load_channels(packed + 16 * i), order); };
  const __m128i a = tap_by_tap(0), b = tap_by_tap(1), c = tap_by_tap(2), d = tap_by_tap(3);
  const __m128i low_ab = _mm_unpacklo_epi32(a, b), low_cd = _mm_unpacklo_epi32(c, d);
  const __m128i high_ab = _mm_unpackhi_epi32(a, b), high_cd = _mm_unpackhi_epi32(c, d);
  __m128i* const to = reinterpret_cast<__m128i*>(rows);
  _mm_storeu_si128(to, _mm_unpacklo_epi64(low_ab, low_cd));
  _mm_storeu_si128(to + 1, _mm_unpackhi_epi64(low_ab, low_cd));
  _mm_storeu_si128(to + 2, _mm_unpacklo_epi64(high_ab, high_cd));
  _mm_storeu_si128(to + 3, _mm_unpackhi_epi64(high_ab, high_cd));
}
#endif

#if defined(__AVX512F__)

// Pairs of bytes of two lines.
LINNET_INLINE __m256i byte_pairs(const int8_t* first, const int8_t* second, __mmask16 part) {
  const __m128i a = _mm_maskz_loadu_epi8(part, first), b = _mm_maskz_loadu_epi8(part, second);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(a, b)), _mm_unpackhi_epi8(a, b), 1);
}

template <class Isa>
struct DepthwiseLanes512 {
  static constexpr int channels = 16, rows = 2;
  static constexpr bool any_weights = true, loads_parts = true;
  using Part = __mmask16;
  static LINNET_INLINE Part part(int n) { return static_cast<Part>((1u << n) - 1u); }
  using Sum = __m512i;
  using Taps = __m512i;
  static LINNET_INLINE Sum start(const int32_t* p) { return _mm512_loadu_si512(p); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { _mm512_storeu_si512(p, sum); }
  static LINNET_INLINE void keep(Sum& sum) { asm volatile("" : "+v"(sum)); }
};

template <>
struct DepthwiseLanes<isa::avx512> : DepthwiseLanes512<isa::avx512> {
  static constexpr int lines = 2;
  static constexpr bool flips_inputs = false;
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x, Part part = 0xffff) {
    if constexpr (kLines == 1) return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(part, x[0]));
    return _mm512_cvtepi8_epi16(byte_pairs(x[0], x[1], part));
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part part) {
    return taps<kLines>(x, part);
  }
  static LINNET_INLINE void add(Sum* sum, Taps x, const Taps& w) {
    *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(x, w));
  }
};

#if defined(__AVX512VNNI__)
template <>
struct DepthwiseLanes<isa::avx512vnni> : DepthwiseLanes512<isa::avx512vnni> {
  static constexpr int lines = 4;
  static constexpr bool flips_inputs = true;
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x, Part part = 0xffff) {
    if constexpr (kLines == 1) return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(part, x[0]));
    const __m512i first = _mm512_cvtepu16_epi32(byte_pairs(x[0], x[1], part));
    if constexpr (kLines == 2) return first;
    const __m512i second = kLines == 3 ? _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(part, x[2]))
                                       : _mm512_cvtepu16_epi32(byte_pairs(x[2], x[3], part));
    return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part part) {
    return _mm512_xor_si512(taps<kLines>(x, part), _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  static LINNET_INLINE void add(Sum* sum, Taps x, const Taps& w) { *sum = _mm512_dpbusd_epi32(*sum, x, w); }
};
#endif

#elif defined(__AVX2__)

template <class Isa>
struct DepthwiseLanes8 : WholeLanes {
  static constexpr int channels = 8, lines = 2, rows = 1;
  static constexpr bool flips_inputs = false, any_weights = true;
  using Sum = __m256i;
  using Taps = __m256i;
  static LINNET_INLINE __m128i load(const int8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  static LINNET_INLINE Sum start(const int32_t* p) { return load_as<Isa, __m256i>(p); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { std::memcpy(p, &sum, sizeof(sum)); }
  static LINNET_INLINE void keep(Sum& sum) { asm volatile("" : "+x"(sum)); }
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x) {
    if constexpr (kLines == 1) return _mm256_cvtepi8_epi32(load(x[0]));
    return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(load(x[0]), load(x[1])));
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part) {
    return taps<kLines>(x);
  }
  static LINNET_INLINE void add(Sum* sum, Taps x, const Taps& w) {
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, w));
  }
};

template <>
struct TailLanesOf<isa::avx2> {
  using type = DepthwiseLanes8<isa::avx2>;
};

template <>
struct DepthwiseLanes<isa::avx2> : WholeLanes {
  static constexpr int channels = 16, lines = 2, rows = 1;
  static constexpr bool flips_inputs = false, any_weights = true;
  struct Sum {
    __m256i low, high;
  };
  using Taps = Sum;
  static LINNET_INLINE Sum start(const int32_t* p) {
    return {load_as<isa::avx2, __m256i>(p), load_as<isa::avx2, __m256i>(p + 8)};
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    std::memcpy(p, &sum.low, sizeof(sum.low));
    std::memcpy(p + 8, &sum.high, sizeof(sum.high));
  }
  static LINNET_INLINE void keep(Sum& sum) { asm volatile("" : "+x"(sum.low), "+x"(sum.high)); }
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x) {
    const __m128i first = load_channels(x[0]);
    if constexpr (kLines == 1) {
      return {_mm256_cvtepi8_epi32(first), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(first, first))};
    }
    const __m128i second = load_channels(x[kLines - 1]);
    return {_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second)),
            _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(first, second))};
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part) {
    return taps<kLines>(x);
  }
  static LINNET_INLINE void add(Sum* sum, const Taps& x, const Taps& w) {
    sum->low = _mm256_add_epi32(sum->low, _mm256_madd_epi16(x.low, w.low));
    sum->high = _mm256_add_epi32(sum->high, _mm256_madd_epi16(x.high, w.high));
  }
};

#if defined(__AVXVNNI__)
template <>
struct TailLanesOf<isa::avxvnni> {
  using type = DepthwiseLanes8<isa::avxvnni>;
};

// Lines are interleaved within each half of a vector: sums are of channels 0..3 and 8..11, and of 4..7 and 12..15.
template <>
struct DepthwiseLanes<isa::avxvnni> : WholeLanes {
  static constexpr int channels = 16, lines = 4, rows = 2;
  static constexpr bool flips_inputs = true, any_weights = true;
  struct Sum {
    __m256i low, high;
  };
  using Taps = Sum;
  static LINNET_INLINE Sum start(const int32_t* p) {
    const __m256i first = load_as<isa::avxvnni, __m256i>(p), second = load_as<isa::avxvnni, __m256i>(p + 8);
    return {_mm256_permute2x128_si256(first, second, 0x20), _mm256_permute2x128_si256(first, second, 0x31)};
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    __m128i* const to = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(to, _mm256_castsi256_si128(sum.low));
    _mm_storeu_si128(to + 1, _mm256_castsi256_si128(sum.high));
    _mm_storeu_si128(to + 2, _mm256_extracti128_si256(sum.low, 1));
    _mm_storeu_si128(to + 3, _mm256_extracti128_si256(sum.high, 1));
  }
  static LINNET_INLINE void keep(Sum& sum) { asm volatile("" : "+x"(sum.low), "+x"(sum.high)); }
  // Channels 0..7 in the low half, 8..15 in the high one.
  static LINNET_INLINE __m256i halves(const int8_t* p) {
    return _mm256_permute4x64_epi64(_mm256_castsi128_si256(load_channels(p)), 0x50);
  }
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i first = _mm256_unpacklo_epi8(halves(x[0]), kLines < 2 ? zero : halves(x[1]));
    const __m256i second = kLines < 3 ? zero : _mm256_unpacklo_epi8(halves(x[2]), kLines < 4 ? zero : halves(x[3]));
    return {_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second)};
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part) {
    const __m256i flip = _mm256_set1_epi8(static_cast<char>(0x80));
    const Taps t = taps<kLines>(x);
    return {_mm256_xor_si256(t.low, flip), _mm256_xor_si256(t.high, flip)};
  }
  static LINNET_INLINE void add(Sum* sum, const Taps& x, const Taps& w) {
    sum->low = _mm256_dpbusd_avx_epi32(sum->low, x.low, w.low);
    sum->high = _mm256_dpbusd_avx_epi32(sum->high, x.high, w.high);
  }
};
#endif

#elif defined(__ARM_NEON)

template <class Isa>
LINNET_INLINE void split_taps(const int8_t* packed, int8_t (*rows)[kPanel]) {
  const int8x16x4_t taps = vld4q_s8(packed);
#pragma GCC unroll 4
  for (int i = 0; i < kDot; ++i) vst1q_s8(rows[i], taps.val[i]);
}

// Two products of bytes fit into 16 bits unless all four are -128.
template <class Isa>
struct DepthwiseLanesNeon : WholeLanes {
  static constexpr int channels = 8, lines = 2, rows = 1;
  static constexpr bool flips_inputs = false, any_weights = false;
  struct Sum {
    int32x4_t low, high;
  };
  struct Taps {
    int8x8_t first, second;
  };
  static LINNET_INLINE Sum start(const int32_t* p) { return {vld1q_s32(p), vld1q_s32(p + 4)}; }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    vst1q_s32(p, sum.low);
    vst1q_s32(p + 4, sum.high);
  }
  static LINNET_INLINE void keep(Sum& sum) { asm volatile("" : "+w"(sum.low), "+w"(sum.high)); }
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x) {
    return {vld1_s8(x[0]), vld1_s8(x[kLines - 1])};
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part) {
    return taps<kLines>(x);
  }
  static LINNET_INLINE void add(Sum* sum, const Taps& x, const Taps& w) {
    const int16x8_t products = vmlal_s8(vmull_s8(x.first, w.first), x.second, w.second);
    sum->low = vaddw_s16(sum->low, vget_low_s16(products));
    sum->high = vaddw_s16(sum->high, vget_high_s16(products));
  }
};
template <>
struct DepthwiseLanes<isa::neon32> : DepthwiseLanesNeon<isa::neon32> {};
template <>
struct DepthwiseLanes<isa::neon64> : DepthwiseLanesNeon<isa::neon64> {};

#if defined(__ARM_FEATURE_DOTPROD)
template <>
struct DepthwiseLanes<isa::neon64dot> : WholeLanes {
  static constexpr int channels = 16, lines = 4, rows = 2;
  static constexpr bool flips_inputs = false, any_weights = true;
  struct Sum {
    int32x4_t v[4];
  };
  static LINNET_INLINE Sum start(const int32_t* p) {
    return {{vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)}};
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) vst1q_s32(p + 4 * i, sum.v[i]);
  }
  static LINNET_INLINE void keep(Sum& sum) {
    asm volatile("" : "+w"(sum.v[0]), "+w"(sum.v[1]), "+w"(sum.v[2]), "+w"(sum.v[3]));
  }
  struct Taps {
    int8x16_t v[4];
  };
  template <int kLines>
  static LINNET_INLINE Taps taps(const int8_t* const* x) {
    const int8x16_t zero = vdupq_n_s8(0);
    const int8x16x2_t first = vzipq_s8(vld1q_s8(x[0]), kLines < 2 ? zero : vld1q_s8(x[1]));
    const int8x16x2_t second = vzipq_s8(kLines < 3 ? zero : vld1q_s8(x[2]), kLines < 4 ? zero : vld1q_s8(x[3]));
    Taps t;
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const int16x8x2_t quads =
          vzipq_s16(vreinterpretq_s16_s8(first.val[half]), vreinterpretq_s16_s8(second.val[half]));
      t.v[2 * half] = vreinterpretq_s8_s16(quads.val[0]);
      t.v[2 * half + 1] = vreinterpretq_s8_s16(quads.val[1]);
    }
    return t;
  }
  template <int kLines>
  static LINNET_INLINE Taps inputs(const int8_t* const* x, Part) {
    return taps<kLines>(x);
  }
  static LINNET_INLINE void add(Sum* sum, const Taps& x, const Taps& w) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum->v[i] = vdotq_s32(sum->v[i], x.v[i], w.v[i]);
  }
};
#endif

#endif
#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
