// DepthwiseDot<Isa>: sums over four taps of a depthwise convolution for the 16 channels of a panel, exact on every
// instruction set.
#pragma once

#include "kernels/gemm/dot.hpp"

namespace linnet::kernels {

// `pixels` neighbouring outputs are computed together. start: sums that begin with numbers in memory. Channels: how
// inputs of a tap are held, from 16 bytes or from the n that are valid.
template <class Isa>
struct DepthwiseDot;

template <>
struct DepthwiseDot<isa::scalar> {
  static constexpr int pixels = 1;
  struct Sum {
    int32_t v[kPanel];
  };
  using Weights = const int8_t*;
  struct Channels {
    int8_t v[kPanel];
  };
  static LINNET_INLINE Sum start(const int32_t* p) { return load_as<isa::scalar, Sum>(p); }
  static LINNET_INLINE Weights weights(const int8_t* p) { return p; }
  static LINNET_INLINE Channels load(const int8_t* p) { return load_as<isa::scalar, Channels>(p); }
  static LINNET_INLINE Channels load(const int8_t* p, int n) {
    Channels x = {};
    for (int c = 0; c < n; ++c) x.v[c] = p[c];
    return x;
  }
  static LINNET_INLINE void add(Sum* sum, Weights w, const Channels (&x)[kDot]) {
    for (int c = 0; c < kPanel; ++c, w += kDot) {
      sum->v[c] += w[0] * x[0].v[c] + w[1] * x[1].v[c] + w[2] * x[2].v[c] + w[3] * x[3].v[c];
    }
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) { std::memcpy(p, sum.v, sizeof(sum.v)); }
};

#ifdef LINNET_ISA_IS_SIMD
#if defined(__AVX2__)

// Pairs of taps are interleaved as 16-bit numbers, within each half of a vector: sums are of channels 0..3 and 8..11,
// and of 4..7 and 12..15.
template <class Isa>
struct DepthwiseDotX86 {
  static constexpr int pixels = I32<Isa>::width == 16 ? 8 : 4;
  struct Sum {
    __m256i low, high;
  };
  struct Weights {
    __m256i low[2], high[2];  // of taps 0 and 1, 2 and 3
  };
  using Channels = __m256i;
  static LINNET_INLINE Sum start(const int32_t* p) {
    const __m256i first = load_as<Isa, __m256i>(p), second = load_as<Isa, __m256i>(p + 8);
    return {_mm256_permute2x128_si256(first, second, 0x20), _mm256_permute2x128_si256(first, second, 0x31)};
  }
  // The weights of channels 2 i, 2 i + 1 and 8 + 2 i, 9 + 2 i.
  static LINNET_INLINE __m256 widen(const int8_t* p, int i) {
    const int64_t first = load_as<Isa, int64_t>(p + 8 * i), second = load_as<Isa, int64_t>(p + 32 + 8 * i);
    return _mm256_castsi256_ps(_mm256_cvtepi8_epi16(_mm_set_epi64x(second, first)));
  }
  static LINNET_INLINE Weights weights(const int8_t* p) {
    Weights w;
    const auto split = [](__m256 a, __m256 b, __m256i* first, __m256i* second) LINNET_INLINE_LAMBDA {
      *first = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
      *second = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
    };
    split(widen(p, 0), widen(p, 1), &w.low[0], &w.low[1]);
    split(widen(p, 2), widen(p, 3), &w.high[0], &w.high[1]);
    return w;
  }
  static LINNET_INLINE Channels load(const int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static LINNET_INLINE Channels load(const int8_t* p, int n) {
#if defined(__AVX512F__)
    return _mm256_cvtepi8_epi16(_mm_maskz_loadu_epi8(static_cast<__mmask16>((1u << n) - 1u), p));
#else
    uint64_t words[2];
    load_words<Isa>(p, n, words);
    return _mm256_cvtepi8_epi16(_mm_set_epi64x(static_cast<int64_t>(words[1]), static_cast<int64_t>(words[0])));
#endif
  }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, const Channels (&x)[kDot]) {
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const __m256i low = _mm256_unpacklo_epi16(x[2 * i], x[2 * i + 1]);
      const __m256i high = _mm256_unpackhi_epi16(x[2 * i], x[2 * i + 1]);
      sum->low = _mm256_add_epi32(sum->low, _mm256_madd_epi16(low, w.low[i]));
      sum->high = _mm256_add_epi32(sum->high, _mm256_madd_epi16(high, w.high[i]));
    }
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute2x128_si256(sum.low, sum.high, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), _mm256_permute2x128_si256(sum.low, sum.high, 0x31));
  }
};
template <class Isa>
struct DepthwiseDot : DepthwiseDotX86<Isa> {};

#elif defined(__ARM_NEON)

// Products of bytes, widened tap by tap: a sum of two may not fit into 16 bits.
template <class Isa>
struct DepthwiseDotNeon {
  static constexpr int pixels = isa_id<Isa> == IsaId::neon32 ? 2 : 4;
  struct Sum {
    int32x4_t v[4];
  };
  using Weights = int8x16x4_t;
  using Channels = int8x16_t;
  static LINNET_INLINE Sum start(const int32_t* p) {
    return {{vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)}};
  }
  static LINNET_INLINE Weights weights(const int8_t* p) { return vld4q_s8(p); }
  static LINNET_INLINE Channels load(const int8_t* p) { return vld1q_s8(p); }
  static LINNET_INLINE Channels load(const int8_t* p, int n) {
    uint64_t words[2];
    load_words<Isa>(p, n, words);
    return vcombine_s8(vcreate_s8(words[0]), vcreate_s8(words[1]));
  }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, const Channels (&x)[kDot]) {
#pragma GCC unroll 4
    for (int i = 0; i < kDot; ++i) {
      const int16x8_t low = vmull_s8(vget_low_s8(x[i]), vget_low_s8(w.val[i]));
      const int16x8_t high = vmull_s8(vget_high_s8(x[i]), vget_high_s8(w.val[i]));
      sum->v[0] = vaddw_s16(sum->v[0], vget_low_s16(low));
      sum->v[1] = vaddw_s16(sum->v[1], vget_high_s16(low));
      sum->v[2] = vaddw_s16(sum->v[2], vget_low_s16(high));
      sum->v[3] = vaddw_s16(sum->v[3], vget_high_s16(high));
    }
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) vst1q_s32(p + 4 * i, sum.v[i]);
  }
};
template <class Isa>
struct DepthwiseDot : DepthwiseDotNeon<Isa> {};

#if defined(__ARM_FEATURE_DOTPROD)
// The bytes of four taps are interleaved, channel by channel.
template <>
struct DepthwiseDot<isa::neon64dot> : DepthwiseDotNeon<isa::neon64dot> {
  struct Weights {
    int8x16_t v[4];
  };
  static LINNET_INLINE Weights weights(const int8_t* p) {
    return {{vld1q_s8(p), vld1q_s8(p + 16), vld1q_s8(p + 32), vld1q_s8(p + 48)}};
  }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, const Channels (&x)[kDot]) {
    const int8x16x2_t first = vzipq_s8(x[0], x[1]), second = vzipq_s8(x[2], x[3]);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const int16x8x2_t taps = vzipq_s16(vreinterpretq_s16_s8(first.val[half]), vreinterpretq_s16_s8(second.val[half]));
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        int32x4_t* const v = &sum->v[2 * half + i];
        *v = vdotq_s32(*v, vreinterpretq_s8_s16(taps.val[i]), w.v[2 * half + i]);
      }
    }
  }
};
#endif

#endif
#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
