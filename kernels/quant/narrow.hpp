// The last step of requantization: what makes bytes of a panel's outputs.
#pragma once

#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

// Half to even, saturated far outside of 16 bits.
template <class Isa>
LINNET_INLINE I32<Isa> round_saturated(F32<Isa> x) {
#if defined(LINNET_ISA_IS_SIMD) && defined(__aarch64__)
  return Int<Isa>::make(vcvtnq_s32_f32(x.v));
#else
  const F32<Isa> limited = min(F32<Isa>::set(1048576.0f), x);
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__) && !defined(__AVX512F__)
  return Int<Isa>::make(_mm256_cvtps_epi32(limited.v));  // too low ones become INT32_MIN
#else
  const F32<Isa> in_range = max(F32<Isa>::set(-1048576.0f), limited);
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX512F__)
  return Int<Isa>::make(_mm512_cvtps_epi32(in_range.v));
#else
  return round_even(in_range);
#endif
#endif
#endif
}

// Half to even, |x| < 2^31.
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)
constexpr bool kHasBoundedFloats = true;
template <class Isa>
LINNET_INLINE I32<Isa> round_bounded(F32<Isa> x) {
#if defined(__AVX512F__)
  return Int<Isa>::make(_mm512_cvtps_epi32(x.v));
#else
  return Int<Isa>::make(_mm256_cvtps_epi32(x.v));
#endif
}
#else
constexpr bool kHasBoundedFloats = false;
#endif

// Numbers |x| < 2^30 plus the zero point, within low..high, as bytes: a panel's, or a single one in plain C++. `rows`:
// those that are best stored together.
template <class Isa>
struct Narrow;

template <>
struct Narrow<isa::scalar> {
  static constexpr int vectors = 1, rows = 1;
  Range<isa::scalar> range;

  explicit LINNET_INLINE Narrow(const Requantize& r) : range(r) {}
  LINNET_INLINE void store(const I32<isa::scalar> (&q)[1], int8_t* y, int) const {
    Int<isa::scalar>::store_s8(range.finish(q[0]), y);
  }
  LINNET_INLINE void store_rows(const I32<isa::scalar> (&q)[1][1], int8_t* y, ptrdiff_t) const { store(q[0], y, 1); }
};

#ifdef LINNET_ISA_IS_SIMD

// The first n of 16 bytes.
template <class Isa, class Bytes>
LINNET_INLINE void store_bytes(Bytes bytes, int8_t* y, int n) {
  alignas(16) int8_t all[kPanel];
  std::memcpy(all, &bytes, sizeof(all));
  copy_bytes<Isa>(all, y, n);
}

#if defined(__AVX512F__)

template <class Isa>
struct Narrow {
  static constexpr int vectors = 1, rows = 4;
  __m512i zero_point, low, high;

  explicit LINNET_INLINE Narrow(const Requantize& r)
      : zero_point(_mm512_set1_epi16(static_cast<int16_t>(r.zero_point))),
        low(_mm512_set1_epi8(static_cast<char>(r.low))),
        high(_mm512_set1_epi8(static_cast<char>(r.high))) {}
  // Four columns of each of four vectors in turn.
  LINNET_INLINE __m512i bytes(__m512i a, __m512i b, __m512i c, __m512i d) const {
    const __m512i first = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
    const __m512i second = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
    return _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(first, second), low), high);
  }
  LINNET_INLINE void store_rows(const I32<Isa> (&q)[4][1], int8_t* y, ptrdiff_t y_stride) const {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i all = _mm512_permutexvar_epi32(order, bytes(q[0][0].v, q[1][0].v, q[2][0].v, q[3][0].v));
    const auto store_row = [&](__m128i row, int r) LINNET_INLINE_LAMBDA {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + r * y_stride), row);
    };
    store_row(_mm512_castsi512_si128(all), 0);
    store_row(_mm512_extracti32x4_epi32(all, 1), 1);
    store_row(_mm512_extracti32x4_epi32(all, 2), 2);
    store_row(_mm512_extracti32x4_epi32(all, 3), 3);
  }
  LINNET_INLINE void store(const I32<Isa> (&q)[1], int8_t* y, int n) const {
    const __m256i words = _mm256_adds_epi16(_mm512_cvtsepi32_epi16(q[0].v), _mm512_castsi512_si256(zero_point));
    const __m128i row = _mm_max_epi8(_mm256_cvtsepi16_epi8(words), _mm512_castsi512_si128(low));
    const __m128i clamped = _mm_min_epi8(row, _mm512_castsi512_si128(high));
    _mm_mask_storeu_epi8(y, Int<Isa>::lanes(n < kPanel ? n : kPanel), clamped);
  }
};

#elif defined(__AVX2__)

template <class Isa>
struct Narrow {
  static constexpr int vectors = 2, rows = 2;
  __m256i zero_point, low, high;

  explicit LINNET_INLINE Narrow(const Requantize& r)
      : zero_point(_mm256_set1_epi16(static_cast<int16_t>(r.zero_point))),
        low(_mm256_set1_epi8(static_cast<char>(r.low))),
        high(_mm256_set1_epi8(static_cast<char>(r.high))) {}
  LINNET_INLINE __m256i words(const I32<Isa> (&q)[2]) const {
    return _mm256_adds_epi16(_mm256_packs_epi32(q[0].v, q[1].v), zero_point);  // 0..3 and 8..11, 4..7 and 12..15
  }
  LINNET_INLINE __m256i bytes(__m256i first, __m256i second) const {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i both = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(first, second), order);
    return _mm256_min_epi8(_mm256_max_epi8(both, low), high);
  }
  LINNET_INLINE void store_rows(const I32<Isa> (&q)[2][2], int8_t* y, ptrdiff_t y_stride) const {
    const __m256i both = bytes(words(q[0]), words(q[1]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm256_castsi256_si128(both));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + y_stride), _mm256_extracti128_si256(both, 1));
  }
  LINNET_INLINE void store(const I32<Isa> (&q)[2], int8_t* y, int n) const {
    const __m256i row = words(q);
    const __m128i result = _mm256_castsi256_si128(bytes(row, row));
    if (n >= kPanel) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y), result);
    } else {
      store_bytes<Isa>(result, y, n);
    }
  }
};

#elif defined(__ARM_NEON)

template <class Isa>
struct Narrow {
  static constexpr int vectors = 4, rows = 1;
  int16x8_t zero_point;
  int8x16_t low, high;

  explicit LINNET_INLINE Narrow(const Requantize& r)
      : zero_point(vdupq_n_s16(static_cast<int16_t>(r.zero_point))),
        low(vdupq_n_s8(static_cast<int8_t>(r.low))),
        high(vdupq_n_s8(static_cast<int8_t>(r.high))) {}
  LINNET_INLINE void store(const I32<Isa> (&q)[4], int8_t* y, int n) const {
    const int16x8_t first = vqaddq_s16(vcombine_s16(vqmovn_s32(q[0].v), vqmovn_s32(q[1].v)), zero_point);
    const int16x8_t second = vqaddq_s16(vcombine_s16(vqmovn_s32(q[2].v), vqmovn_s32(q[3].v)), zero_point);
    const int8x16_t bytes = vcombine_s8(vqmovn_s16(first), vqmovn_s16(second));
    const int8x16_t clamped = vminq_s8(vmaxq_s8(bytes, low), high);
    if (n >= kPanel) {
      vst1q_s8(y, clamped);
    } else {
      store_bytes<Isa>(clamped, y, n);
    }
  }
  LINNET_INLINE void store_rows(const I32<Isa> (&q)[1][4], int8_t* y, ptrdiff_t) const { store(q[0], y, kPanel); }
};

#endif
#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
