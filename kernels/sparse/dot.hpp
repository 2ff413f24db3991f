// SparseDot<Isa>: sums of products of four int8 inputs of a vector of pixels with the same four weights. Inputs of a
// group are `words` vectors, of which `spread`, where it is not four bytes for each pixel as they are, makes the others
// and changes the first, `distance` words apart. Sums are a vector of int32 pixels when they are stored. flips_inputs:
// products are those of inputs 128 larger.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Isa>
struct SparseDot;

template <>
struct SparseDot<isa::scalar> {
  static constexpr bool flips_inputs = false;
  static constexpr int words = 1;
  using Sum = int32_t;
  using Weights = int32_t;  // four bytes
  static LINNET_INLINE Sum set(int32_t x) { return x; }
  static LINNET_INLINE Sum restart(const int32_t* p) { return *p; }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { *p = sum; }
  static LINNET_INLINE Weights weights(const uint8_t* p) { return load_as<isa::scalar, int32_t>(p); }
  static LINNET_INLINE void add(Sum* sum, Weights w, const int32_t* x, ptrdiff_t) {
    for (int shift = 0; shift < 32; shift += 8)
      *sum += static_cast<int8_t>(w >> shift) * static_cast<int8_t>(*x >> shift);
  }
};

#ifdef LINNET_ISA_IS_SIMD
#if defined(__AVX512F__)

// Products of sign-extended bytes: those of even places, and those of odd ones.
template <class Isa>
struct SparseDotPairs512 {
  static constexpr bool flips_inputs = false;
  static constexpr int words = 2;
  using Sum = __m512i;
  struct Weights {
    __m512i even, odd;
  };
  static LINNET_INLINE Sum set(int32_t x) { return _mm512_set1_epi32(x); }
  static LINNET_INLINE Sum restart(const int32_t* p) { return _mm512_loadu_si512(p); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { _mm512_storeu_si512(p, sum); }
  static LINNET_INLINE Weights split(__m512i bytes) {
    return {_mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8), _mm512_srai_epi16(bytes, 8)};
  }
  static LINNET_INLINE void spread(int32_t* x, ptrdiff_t distance) {
    const Weights both = split(_mm512_loadu_si512(x));
    _mm512_storeu_si512(x, both.even);
    _mm512_storeu_si512(x + distance, both.odd);
  }
  static LINNET_INLINE Weights weights(const uint8_t* p) { return split(_mm512_set1_epi32(load_as<Isa, int32_t>(p))); }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, const int32_t* x, ptrdiff_t distance) {
    *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(w.even, _mm512_loadu_si512(x)));
    *sum = _mm512_add_epi32(*sum, _mm512_madd_epi16(w.odd, _mm512_loadu_si512(x + distance)));
  }
};
template <>
struct SparseDot<isa::avx512> : SparseDotPairs512<isa::avx512> {};

#if defined(__AVX512VNNI__)
// vpdpbusd multiplies unsigned by signed bytes.
template <>
struct SparseDot<isa::avx512vnni> {
  static constexpr bool flips_inputs = true;
  static constexpr int words = 1;
  using Sum = __m512i;
  using Weights = __m512i;
  static LINNET_INLINE Sum set(int32_t x) { return _mm512_set1_epi32(x); }
  static LINNET_INLINE Sum restart(const int32_t* p) { return _mm512_loadu_si512(p); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { _mm512_storeu_si512(p, sum); }
  static LINNET_INLINE void spread(int32_t* x, ptrdiff_t) {
    _mm512_storeu_si512(x, _mm512_xor_si512(_mm512_loadu_si512(x), _mm512_set1_epi8(static_cast<char>(0x80))));
  }
  static LINNET_INLINE Weights weights(const uint8_t* p) {
    return _mm512_set1_epi32(load_as<isa::avx512vnni, int32_t>(p));
  }
  static LINNET_INLINE void add(Sum* sum, Weights w, const int32_t* x, ptrdiff_t) {
    *sum = _mm512_dpbusd_epi32(*sum, _mm512_loadu_si512(x), w);
  }
};
#endif

#elif defined(__AVX2__)

template <class Isa>
struct SparseSums256 {
  using Sum = __m256i;
  static LINNET_INLINE __m256i load(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static LINNET_INLINE Sum set(int32_t x) { return _mm256_set1_epi32(x); }
  static LINNET_INLINE Sum restart(const int32_t* p) { return load(p); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), sum); }
};

// Products of sign-extended bytes: those of even places, and those of odd ones.
template <>
struct SparseDot<isa::avx2> : SparseSums256<isa::avx2> {
  static constexpr bool flips_inputs = false;
  static constexpr int words = 2;
  struct Weights {
    __m256i even, odd;
  };
  static LINNET_INLINE Weights split(__m256i bytes) {
    return {_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8)};
  }
  static LINNET_INLINE void spread(int32_t* x, ptrdiff_t distance) {
    const Weights both = split(load(x));
    store(both.even, x);
    store(both.odd, x + distance);
  }
  static LINNET_INLINE Weights weights(const uint8_t* p) {
    return split(_mm256_set1_epi32(load_as<isa::avx2, int32_t>(p)));
  }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, const int32_t* x, ptrdiff_t distance) {
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(w.even, load(x)));
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(w.odd, load(x + distance)));
  }
};

#if defined(__AVXVNNI__)
// vpdpbusd multiplies unsigned by signed bytes.
template <>
struct SparseDot<isa::avxvnni> : SparseSums256<isa::avxvnni> {
  static constexpr bool flips_inputs = true;
  static constexpr int words = 1;
  using Weights = __m256i;
  static LINNET_INLINE void spread(int32_t* x, ptrdiff_t) {
    store(_mm256_xor_si256(load(x), _mm256_set1_epi8(static_cast<char>(0x80))), x);
  }
  static LINNET_INLINE Weights weights(const uint8_t* p) {
    return _mm256_set1_epi32(load_as<isa::avxvnni, int32_t>(p));
  }
  static LINNET_INLINE void add(Sum* sum, Weights w, const int32_t* x, ptrdiff_t) {
    *sum = _mm256_dpbusd_avx_epi32(*sum, load(x), w);
  }
};
#endif

#elif defined(__ARM_NEON)

#if defined(__ARM_FEATURE_DOTPROD)
template <>
struct SparseDot<isa::neon64dot> {
  static constexpr bool flips_inputs = false;
  static constexpr int words = 1;
  using Sum = int32x4_t;
  using Weights = int8x16_t;
  static LINNET_INLINE Sum set(int32_t x) { return vdupq_n_s32(x); }
  static LINNET_INLINE Sum restart(const int32_t* p) { return vld1q_s32(p); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { vst1q_s32(p, sum); }
  static LINNET_INLINE Weights weights(const uint8_t* p) {
    return vreinterpretq_s8_s32(vdupq_n_s32(load_as<isa::neon64dot, int32_t>(p)));
  }
  static LINNET_INLINE void add(Sum* sum, Weights w, const int32_t* x, ptrdiff_t) {
    *sum = vdotq_s32(*sum, vreinterpretq_s8_s32(vld1q_s32(x)), w);
  }
};
#endif

// Products of bytes, added up in pairs; two lanes for each pixel.
template <class Isa>
struct SparseDotNeon {
  static constexpr bool flips_inputs = false;
  static constexpr int words = 1;
  struct Sum {
    int32x4_t low, high;
  };
  using Weights = int8x8_t;
  static LINNET_INLINE int32x4_t in_even_lanes(int32x2_t pixels) {
    return vreinterpretq_s32_u64(vmovl_u32(vreinterpret_u32_s32(pixels)));
  }
  static LINNET_INLINE Sum set(int32_t x) { return {in_even_lanes(vdup_n_s32(x)), in_even_lanes(vdup_n_s32(x))}; }
  static LINNET_INLINE Sum restart(const int32_t* p) {
    return {in_even_lanes(vld1_s32(p)), in_even_lanes(vld1_s32(p + 2))};
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    vst1_s32(p, vpadd_s32(vget_low_s32(sum.low), vget_high_s32(sum.low)));
    vst1_s32(p + 2, vpadd_s32(vget_low_s32(sum.high), vget_high_s32(sum.high)));
  }
  static LINNET_INLINE Weights weights(const uint8_t* p) {
    return vreinterpret_s8_s32(vdup_n_s32(load_as<Isa, int32_t>(p)));
  }
  static LINNET_INLINE void add(Sum* sum, Weights w, const int32_t* x, ptrdiff_t) {
    const int8x16_t bytes = vreinterpretq_s8_s32(vld1q_s32(x));
    sum->low = vpadalq_s16(sum->low, vmull_s8(vget_low_s8(bytes), w));
    sum->high = vpadalq_s16(sum->high, vmull_s8(vget_high_s8(bytes), w));
  }
};
#if defined(__aarch64__)
template <>
struct SparseDot<isa::neon64> : SparseDotNeon<isa::neon64> {};
#else
template <>
struct SparseDot<isa::neon32> : SparseDotNeon<isa::neon32> {};
#endif

#endif
#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
