// What the int8 kernels do with I32<Isa>: loads and stores of narrower integers, and arithmetic that the float kernels
// have no use for. Integers wrap around.
#pragma once

#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// Bytes of memory as an integer, without regard to its alignment and type.
template <class Isa, class T>
LINNET_INLINE T load_as(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

// Moves a pointer on where it stands in the program: the instruction before can do it then.
template <class Isa, class T>
LINNET_INLINE void move_on(T*& p, ptrdiff_t n) {
  p += n;
  asm("" : "+r"(p));
}

// The first n bytes, 1 <= n <= 16, in two words; the others are zero. Touches no memory beyond them.
template <class Isa>
LINNET_INLINE void load_words(const int8_t* p, int n, uint64_t (&words)[2]) {
  words[1] = 0;
  if (n >= 8) {
    words[0] = load_as<Isa, uint64_t>(p);
    if (n > 8) words[1] = load_as<Isa, uint64_t>(p + n - 8) >> (8 * (16 - n));
  } else if (n >= 4) {
    const uint64_t low = load_as<Isa, uint32_t>(p), high = load_as<Isa, uint32_t>(p + n - 4);
    words[0] = low | high << (8 * (n - 4));
  } else {
    words[0] = static_cast<uint8_t>(p[0]);
    for (int i = 1; i < n; ++i) words[0] |= static_cast<uint64_t>(static_cast<uint8_t>(p[i])) << (8 * i);
  }
}

template <class Isa>
LINNET_INLINE void store_words(uint64_t word, int8_t* p, int n) {
  for (int i = 0; i < n; ++i) p[i] = static_cast<int8_t>(word >> (8 * i));
}

// n bytes, n >= 1, of memory that does not overlap; most runs are short.
template <class Isa>
LINNET_INLINE void copy_bytes(const int8_t* x, int8_t* y, ptrdiff_t n) {
  const auto both_ends = [=](auto word) LINNET_INLINE_LAMBDA {
    using Word = decltype(word);
    const Word first = load_as<Isa, Word>(x), last = load_as<Isa, Word>(x + n - sizeof(Word));
    std::memcpy(y, &first, sizeof(Word));
    std::memcpy(y + n - sizeof(Word), &last, sizeof(Word));
  };
  if (n > 16) {
    std::memcpy(y, x, static_cast<size_t>(n));
  } else if (n >= 8) {
    both_ends(uint64_t{});
  } else if (n >= 4) {
    both_ends(uint32_t{});
  } else {
    for (ptrdiff_t i = 0; i < n; ++i) y[i] = x[i];
  }
}

// ---- scalar --------------------------------------------------------------------------------------------------------

LINNET_INLINE I32<isa::scalar> wrapped(int64_t x) {
  return {static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(x)))};
}

template <class Isa>
struct Int;  // the operations, as static members

template <>
struct Int<isa::scalar> {
  using V = I32<isa::scalar>;
  static LINNET_INLINE V load(const int32_t* p) { return {*p}; }
  static LINNET_INLINE void store(V a, int32_t* p) { *p = a.v; }
  static LINNET_INLINE V load_s8(const int8_t* p) { return {*p}; }
  static LINNET_INLINE V load_s8(const int8_t* p, int) { return {*p}; }
  static LINNET_INLINE void store_s8(V a, int8_t* p) { *p = static_cast<int8_t>(a.v); }
  static LINNET_INLINE void store_s8(V a, int8_t* p, int) { *p = static_cast<int8_t>(a.v); }
  static LINNET_INLINE V multiply(V a, V b) { return wrapped(int64_t{a.v} * b.v); }
  static LINNET_INLINE V min(V a, V b) { return a.v < b.v ? a : b; }
  static LINNET_INLINE V max(V a, V b) { return a.v < b.v ? b : a; }
  static LINNET_INLINE V less(V a, V b) { return {-static_cast<int32_t>(a.v < b.v)}; }
  static LINNET_INLINE bool all_negative(V a) { return a.v < 0; }
  static LINNET_INLINE V shift_left(V a, V count) {
    return {static_cast<int32_t>(static_cast<uint32_t>(a.v) << count.v)};
  }
  static LINNET_INLINE V doubling_high(V a, V b) { return wrapped((int64_t{a.v} * b.v + (int64_t{1} << 30)) >> 31); }
  static LINNET_INLINE V rounding_shift_right(V a, V count) {
    const uint32_t mask = (1u << count.v) - 1, remainder = static_cast<uint32_t>(a.v) & mask;
    return {(a.v >> count.v) + (remainder > (mask >> 1) + (a.v < 0 ? 1 : 0) ? 1 : 0)};
  }
};

#ifdef LINNET_ISA_IS_SIMD

#if defined(__AVX512F__)

template <class Isa>
struct Int {
  using V = I32<Isa>;
  using B = typename V::Batch;
  static LINNET_INLINE V make(__m512i v) { return {B(v)}; }
  static LINNET_INLINE __mmask16 lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static LINNET_INLINE V load(const int32_t* p) { return make(_mm512_loadu_si512(p)); }
  static LINNET_INLINE void store(V a, int32_t* p) { _mm512_storeu_si512(p, a.v); }
  static LINNET_INLINE V load_s8(const int8_t* p) {
    return make(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static LINNET_INLINE V load_s8(const int8_t* p, int n) {
    return n >= 16 ? load_s8(p) : make(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes(n), p)));
  }
  static LINNET_INLINE void store_s8(V a, int8_t* p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
  }
  static LINNET_INLINE void store_s8(V a, int8_t* p, int n) {
    if (n >= 16) return store_s8(a, p);
    _mm_mask_storeu_epi8(p, lanes(n), _mm512_cvtepi32_epi8(a.v));
  }
  static LINNET_INLINE V multiply(V a, V b) { return make(_mm512_mullo_epi32(a.v, b.v)); }
  static LINNET_INLINE V min(V a, V b) { return make(_mm512_min_epi32(a.v, b.v)); }
  static LINNET_INLINE V max(V a, V b) { return make(_mm512_max_epi32(a.v, b.v)); }
  static LINNET_INLINE V less(V a, V b) { return make(_mm512_movm_epi32(_mm512_cmplt_epi32_mask(a.v, b.v))); }
  static LINNET_INLINE bool all_negative(V a) { return _mm512_movepi32_mask(a.v) == 0xffff; }
  static LINNET_INLINE V shift_left(V a, V count) { return make(_mm512_sllv_epi32(a.v, count.v)); }
  static LINNET_INLINE V doubling_high(V a, V b) {
    const __m512i half = _mm512_set1_epi64(int64_t{1} << 30);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a.v, b.v), half);
    const __m512i odd =
        _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a.v, 32), _mm512_srli_epi64(b.v, 32)), half);
    return make(_mm512_mask_mov_epi32(_mm512_srli_epi64(even, 31), 0xaaaa, _mm512_slli_epi64(odd, 1)));
  }
  static LINNET_INLINE V rounding_shift_right(V a, V count) {
    const __m512i one = _mm512_set1_epi32(1), mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, count.v), one);
    const __m512i sign = _mm512_srai_epi32(a.v, 31), threshold = _mm512_sub_epi32(_mm512_srli_epi32(mask, 1), sign);
    const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(a.v, mask), threshold);
    const __m512i shifted = _mm512_srav_epi32(a.v, count.v);
    return make(_mm512_mask_add_epi32(shifted, up, shifted, one));
  }
};

#elif defined(__AVX2__)

template <class Isa>
struct Int {
  using V = I32<Isa>;
  using B = typename V::Batch;
  static LINNET_INLINE V make(__m256i v) { return {B(v)}; }
  static LINNET_INLINE V load(const int32_t* p) {
    return make(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static LINNET_INLINE void store(V a, int32_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }
  static LINNET_INLINE V load_s8(const int8_t* p) {
    return make(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static LINNET_INLINE V load_s8(const int8_t* p, int n) {
    if (n >= 8) return load_s8(p);
    uint64_t words[2];
    load_words<Isa>(p, n, words);
    return make(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(words[0]))));
  }
  static LINNET_INLINE __m128i bytes(V a) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
    return _mm_packs_epi16(words, words);
  }
  static LINNET_INLINE void store_s8(V a, int8_t* p) { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bytes(a)); }
  static LINNET_INLINE void store_s8(V a, int8_t* p, int n) {
    if (n >= 8) return store_s8(a, p);
    store_words<Isa>(static_cast<uint64_t>(_mm_cvtsi128_si64(bytes(a))), p, n);
  }
  static LINNET_INLINE V multiply(V a, V b) { return make(_mm256_mullo_epi32(a.v, b.v)); }
  static LINNET_INLINE V min(V a, V b) { return make(_mm256_min_epi32(a.v, b.v)); }
  static LINNET_INLINE V max(V a, V b) { return make(_mm256_max_epi32(a.v, b.v)); }
  static LINNET_INLINE V less(V a, V b) { return make(_mm256_cmpgt_epi32(b.v, a.v)); }
  static LINNET_INLINE bool all_negative(V a) { return _mm256_movemask_ps(_mm256_castsi256_ps(a.v)) == 0xff; }
  static LINNET_INLINE V shift_left(V a, V count) { return make(_mm256_sllv_epi32(a.v, count.v)); }
  static LINNET_INLINE V doubling_high(V a, V b) {
    const __m256i half = _mm256_set1_epi64x(int64_t{1} << 30);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a.v, b.v), half);
    const __m256i odd =
        _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a.v, 32), _mm256_srli_epi64(b.v, 32)), half);
    return make(_mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa));
  }
  static LINNET_INLINE V rounding_shift_right(V a, V count) {
    const __m256i one = _mm256_set1_epi32(1), mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, count.v), one);
    const __m256i sign = _mm256_srai_epi32(a.v, 31), threshold = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), sign);
    const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(a.v, mask), threshold);
    return make(_mm256_sub_epi32(_mm256_srav_epi32(a.v, count.v), up));
  }
};

#elif defined(__ARM_NEON)

template <class Isa>
struct Int {
  using V = I32<Isa>;
  using B = typename V::Batch;
  static LINNET_INLINE V make(int32x4_t v) { return {B(v)}; }
  static LINNET_INLINE int32x4_t raw(V a) { return a.v; }
  static LINNET_INLINE V load(const int32_t* p) { return make(vld1q_s32(p)); }
  static LINNET_INLINE void store(V a, int32_t* p) { vst1q_s32(p, raw(a)); }
  static LINNET_INLINE V widen(uint32_t bytes) {
    const int8x8_t lanes = vreinterpret_s8_u32(vdup_n_u32(bytes));
    return make(vmovl_s16(vget_low_s16(vmovl_s8(lanes))));
  }
  static LINNET_INLINE V load_s8(const int8_t* p) { return widen(load_as<Isa, uint32_t>(p)); }
  static LINNET_INLINE V load_s8(const int8_t* p, int n) {
    if (n >= 4) return load_s8(p);
    uint64_t words[2];
    load_words<Isa>(p, n, words);
    return widen(static_cast<uint32_t>(words[0]));
  }
  static LINNET_INLINE uint32_t bytes(V a) {
    const int16x4_t words = vmovn_s32(raw(a));
    return vget_lane_u32(vreinterpret_u32_s8(vmovn_s16(vcombine_s16(words, words))), 0);
  }
  static LINNET_INLINE void store_s8(V a, int8_t* p) {
    const uint32_t word = bytes(a);
    std::memcpy(p, &word, sizeof(word));
  }
  static LINNET_INLINE void store_s8(V a, int8_t* p, int n) {
    if (n >= 4) return store_s8(a, p);
    store_words<Isa>(bytes(a), p, n);
  }
  static LINNET_INLINE V multiply(V a, V b) { return make(vmulq_s32(raw(a), raw(b))); }
  static LINNET_INLINE V min(V a, V b) { return make(vminq_s32(raw(a), raw(b))); }
  static LINNET_INLINE V max(V a, V b) { return make(vmaxq_s32(raw(a), raw(b))); }
  static LINNET_INLINE V less(V a, V b) { return make(vreinterpretq_s32_u32(vcltq_s32(raw(a), raw(b)))); }
  static LINNET_INLINE bool all_negative(V a) {
    const int32x2_t both = vand_s32(vget_low_s32(raw(a)), vget_high_s32(raw(a)));
    return vget_lane_s32(vand_s32(both, vrev64_s32(both)), 0) < 0;
  }
  static LINNET_INLINE V shift_left(V a, V count) { return make(vshlq_s32(raw(a), raw(count))); }
  static LINNET_INLINE V doubling_high(V a, V b) { return make(vqrdmulhq_s32(raw(a), raw(b))); }
  static LINNET_INLINE V rounding_shift_right(V a, V count) {
    const int32x4_t down = vnegq_s32(raw(count));
    return make(vrshlq_s32(vqaddq_s32(raw(a), vshrq_n_s32(vandq_s32(raw(a), down), 31)), down));
  }
};

#endif

#endif  // LINNET_ISA_IS_SIMD

// mask ? a : b, lane by lane; the lanes of a mask are all ones or zero.
template <class Isa>
LINNET_INLINE I32<Isa> select(I32<Isa> mask, I32<Isa> a, I32<Isa> b) {
  return b ^ ((a ^ b) & mask);
}

template <class Isa>
LINNET_INLINE I32<Isa> clamp(I32<Isa> x, I32<Isa> low, I32<Isa> high) {
  return Int<Isa>::min(Int<Isa>::max(x, low), high);
}

}  // namespace linnet::kernels
