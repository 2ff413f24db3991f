// The int8 loop behind each peak_<isa>.cpp, which are compiled with the flags of their instruction set. Everything here
// has internal linkage, so that no two of them share a function.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "targets/desktop/lib/peak.hpp"

namespace linnet::tools {
namespace {

// A Product has a type of Sums and one of Operands, makes operands of ones, and adds kMacs products to a vector of
// sums, exactly; keep() hides from the compiler what a vector holds, so that no two products are the same to it.
#if defined(__SSE2__)
#define LINNET_X86_PRODUCT                               \
  template <class T>                                     \
  [[gnu::always_inline]] static inline void keep(T& v) { \
    asm volatile("" : "+x"(v));                          \
  }

// Bytes that have been extended to 16 bits.
struct Sse2Product {
  using Sums = __m128i;
  using Operands = __m128i;
  static constexpr int kMacs = 8;
  LINNET_X86_PRODUCT
  static Operands ones() { return _mm_set1_epi16(1); }
  static Sums add(Sums sums, Operands w, Operands x) { return _mm_add_epi32(sums, _mm_madd_epi16(w, x)); }
};
#endif

#if defined(__AVX2__)
struct Avx2Product {
  using Sums = __m256i;
  using Operands = __m256i;
  static constexpr int kMacs = 16;
  LINNET_X86_PRODUCT
  static Operands ones() { return _mm256_set1_epi16(1); }
  static Sums add(Sums sums, Operands w, Operands x) { return _mm256_add_epi32(sums, _mm256_madd_epi16(w, x)); }
};
#endif

#if defined(__AVXVNNI__)
struct AvxVnniProduct {
  using Sums = __m256i;
  using Operands = __m256i;
  static constexpr int kMacs = 32;
  LINNET_X86_PRODUCT
  static Operands ones() { return _mm256_set1_epi8(1); }
  static Sums add(Sums sums, Operands w, Operands x) { return _mm256_dpbusd_avx_epi32(sums, x, w); }
};
#endif

#if defined(__AVX512BW__)
struct Avx512Product {
  using Sums = __m512i;
  using Operands = __m512i;
  static constexpr int kMacs = 32;
  LINNET_X86_PRODUCT
  static Operands ones() { return _mm512_set1_epi16(1); }
  static Sums add(Sums sums, Operands w, Operands x) { return _mm512_add_epi32(sums, _mm512_madd_epi16(w, x)); }
};
#endif

#if defined(__AVX512VNNI__)
struct Avx512VnniProduct {
  using Sums = __m512i;
  using Operands = __m512i;
  static constexpr int kMacs = 64;
  LINNET_X86_PRODUCT
  static Operands ones() { return _mm512_set1_epi8(1); }
  static Sums add(Sums sums, Operands w, Operands x) { return _mm512_dpbusd_epi32(sums, x, w); }
};
#endif

#if defined(__ARM_NEON)
// Two products fit 16 bits where no weight is -128.
struct NeonProduct {
  using Sums = int32x4_t;
  using Operands = int8x16_t;
  static constexpr int kMacs = 16;
  template <class T>
  [[gnu::always_inline]] static inline void keep(T& v) {
    asm volatile("" : "+w"(v));
  }
  static Operands ones() { return vdupq_n_s8(1); }
  static Sums add(Sums sums, Operands w, Operands x) {
    const int16x8_t products = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    return vpadalq_s16(sums, vmlal_s8(products, vget_high_s8(w), vget_high_s8(x)));
  }
};

#if defined(__ARM_FEATURE_DOTPROD)
struct NeonDotProduct : NeonProduct {
  static Sums add(Sums sums, Operands w, Operands x) { return vdotq_s32(sums, w, x); }
};
#endif
#endif

// Without vectors.
struct PlainProduct {
  using Sums = uint32_t;
  using Operands = uint32_t;
  static constexpr int kMacs = 1;
  template <class T>
  [[gnu::always_inline]] static inline void keep(T& v) {
    asm volatile("" : "+r"(v));
  }
  static Operands ones() { return 1; }
  static Sums add(Sums sums, Operands w, Operands x) { return sums + w * x; }
};

// One more vector of products for one vector of sums, which stays in its register.
template <class Product>
[[gnu::always_inline]] inline void add_products(typename Product::Sums& sums, typename Product::Operands& w,
                                                typename Product::Operands x) {
  Product::keep(w);
  sums = Product::add(sums, w, x);
  Product::keep(sums);
}

template <class Product>
[[gnu::always_inline]] inline float peak_loop_int8(long iterations, int* macs) {
  using P = Product;
  using Sums = typename Product::Sums;
  *macs = Product::kMacs;
  typename Product::Operands w = Product::ones(), x = w;
  Product::keep(x);
  const Sums zero = {};
  Sums a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
  Sums a6 = zero, a7 = zero, a8 = zero, a9 = zero, a10 = zero, a11 = zero;
  for (long i = 0; i < iterations; ++i) {
    add_products<P>(a0, w, x), add_products<P>(a1, w, x), add_products<P>(a2, w, x), add_products<P>(a3, w, x);
    add_products<P>(a4, w, x), add_products<P>(a5, w, x), add_products<P>(a6, w, x), add_products<P>(a7, w, x);
    add_products<P>(a8, w, x), add_products<P>(a9, w, x), add_products<P>(a10, w, x), add_products<P>(a11, w, x);
  }
  const Sums all = ((a0 ^ a1) ^ (a2 ^ a3)) ^ ((a4 ^ a5) ^ (a6 ^ a7)) ^ ((a8 ^ a9) ^ (a10 ^ a11));
  int32_t first;
  __builtin_memcpy(&first, &all, sizeof(first));
  return static_cast<float>(first);
}

}  // namespace
}  // namespace linnet::tools
