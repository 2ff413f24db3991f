// Loads and stores of int8, int16 and int32 elements as I32<Isa>, by the type of the pointer. The forms with n touch
// the first n elements only, 1 <= n.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Isa>
struct Words;  // a whole vector of int16

template <>
struct Words<isa::scalar> {
  using V = I32<isa::scalar>;
  static LINNET_INLINE V load(const int16_t* p) { return {*p}; }
  static LINNET_INLINE void store(V a, int16_t* p) { *p = static_cast<int16_t>(a.v); }
};

#ifdef LINNET_ISA_IS_SIMD

template <class Isa>
struct Words {
  using V = I32<Isa>;
#if defined(__AVX512F__)
  static LINNET_INLINE V load(const int16_t* p) {
    return Int<Isa>::make(_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
  }
  static LINNET_INLINE void store(V a, int16_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
  }
#elif defined(__AVX2__)
  static LINNET_INLINE V load(const int16_t* p) {
    return Int<Isa>::make(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static LINNET_INLINE void store(V a, int16_t* p) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
  }
#elif defined(__ARM_NEON)
  static LINNET_INLINE V load(const int16_t* p) {
    return Int<Isa>::make(vmovl_s16(vld1_s16(p)));
  }
  static LINNET_INLINE void store(V a, int16_t* p) {
    vst1_s16(p, vmovn_s32(Int<Isa>::raw(a)));
  }
#endif
};

#endif  // LINNET_ISA_IS_SIMD

template <class Isa>
LINNET_INLINE I32<Isa> load_element(const int8_t* p, int n) {
  return Int<Isa>::load_s8(p, n);
}

template <class Isa>
LINNET_INLINE I32<Isa> load_element(const int16_t* p, int n) {
  constexpr int kWidth = I32<Isa>::width;
  if (n >= kWidth) return Words<Isa>::load(p);
  int16_t words[kWidth] = {};
  for (int i = 0; i < n; ++i) words[i] = p[i];
  return Words<Isa>::load(words);
}

template <class Isa>
LINNET_INLINE I32<Isa> load_element(const int32_t* p, int n) {
  constexpr int kWidth = I32<Isa>::width;
  if (n >= kWidth) return Int<Isa>::load(p);
  alignas(64) int32_t lanes[kWidth] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return Int<Isa>::load(lanes);
}

template <class Isa>
LINNET_INLINE void store_element(I32<Isa> a, int8_t* p, int n) {
  Int<Isa>::store_s8(a, p, n);
}

template <class Isa>
LINNET_INLINE void store_element(I32<Isa> a, int16_t* p, int n) {
  constexpr int kWidth = I32<Isa>::width;
  if (n >= kWidth) return Words<Isa>::store(a, p);
  int16_t words[kWidth];
  Words<Isa>::store(a, words);
  for (int i = 0; i < n; ++i) p[i] = words[i];
}

template <class Isa>
LINNET_INLINE void store_element(I32<Isa> a, int32_t* p, int n) {
  constexpr int kWidth = I32<Isa>::width;
  if (n >= kWidth) return Int<Isa>::store(a, p);
  alignas(64) int32_t lanes[kWidth];
  Int<Isa>::store(a, lanes);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

}  // namespace linnet::kernels
