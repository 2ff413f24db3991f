// F32<Isa> and I32<Isa>: the vectors that kernels are written with. SIMD instruction sets wrap an xsimd batch; `scalar`
// is one float of plain C++ (xsimd 8.1 has no scalar fallback). Everything is a template on, or a member of, our own
// tag, so that objects compiled with different flags share no inline function.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/isa.hpp"

#ifdef LINNET_ISA_IS_SIMD
#include <xsimd/xsimd.hpp>
#endif

// After the parameters of a lambda that a kernel passes to a loop.
#define LINNET_INLINE_LAMBDA __attribute__((always_inline))

namespace linnet::kernels {

// min(a, b) is a < b ? a : b and max(a, b) is b < a ? a : b on x86 and scalar, so that a NaN in b always comes through;
// NEON returns NaN for a NaN in either. min(limit, x) and max(limit, x) therefore propagate a NaN of x everywhere.
// Division and square root are correctly rounded. armv7 NEON flushes denormals to zero in every other operation.
template <class Isa>
struct F32;
template <class Isa>
struct I32;
template <class Isa>
struct Mask;

// ---- scalar --------------------------------------------------------------------------------------------------------

template <>
struct Mask<isa::scalar> {
  bool v;
  friend LINNET_INLINE Mask operator&(Mask a, Mask b) { return {a.v && b.v}; }
  friend LINNET_INLINE Mask operator|(Mask a, Mask b) { return {a.v || b.v}; }
};

template <>
struct I32<isa::scalar> {
  static constexpr int width = 1;
  int32_t v;
  static LINNET_INLINE I32 set(int32_t x) { return {x}; }
  friend LINNET_INLINE I32 operator+(I32 a, I32 b) {
    return {static_cast<int32_t>(static_cast<uint32_t>(a.v) + static_cast<uint32_t>(b.v))};
  }
  friend LINNET_INLINE I32 operator-(I32 a, I32 b) {
    return {static_cast<int32_t>(static_cast<uint32_t>(a.v) - static_cast<uint32_t>(b.v))};
  }
  friend LINNET_INLINE I32 operator&(I32 a, I32 b) { return {a.v & b.v}; }
  friend LINNET_INLINE I32 operator|(I32 a, I32 b) { return {a.v | b.v}; }
  friend LINNET_INLINE I32 operator^(I32 a, I32 b) { return {a.v ^ b.v}; }
  template <int N>
  LINNET_INLINE I32 shl() const {
    return {static_cast<int32_t>(static_cast<uint32_t>(v) << N)};
  }
  template <int N>
  LINNET_INLINE I32 sar() const {
    return {v >> N};
  }
};

template <>
struct F32<isa::scalar> {
  using Isa = isa::scalar;
  static constexpr int width = 1;
  float v;
  static LINNET_INLINE F32 set(float x) { return {x}; }
  static LINNET_INLINE F32 load(const float* p) { return {*p}; }
  static LINNET_INLINE F32 load_n(const float* p, int) { return {*p}; }
  LINNET_INLINE void store(float* p) const { *p = v; }
  LINNET_INLINE void store_n(float* p, int) const { *p = v; }
  friend LINNET_INLINE F32 operator+(F32 a, F32 b) { return {a.v + b.v}; }
  friend LINNET_INLINE F32 operator-(F32 a, F32 b) { return {a.v - b.v}; }
  friend LINNET_INLINE F32 operator*(F32 a, F32 b) { return {a.v * b.v}; }
  friend LINNET_INLINE F32 operator/(F32 a, F32 b) { return {a.v / b.v}; }
  friend LINNET_INLINE Mask<Isa> operator<(F32 a, F32 b) { return {a.v < b.v}; }
  friend LINNET_INLINE Mask<Isa> operator<=(F32 a, F32 b) { return {a.v <= b.v}; }
  friend LINNET_INLINE Mask<Isa> operator==(F32 a, F32 b) { return {a.v == b.v}; }
};
LINNET_INLINE F32<isa::scalar> fma(F32<isa::scalar> a, F32<isa::scalar> b, F32<isa::scalar> c) {
  return {a.v * b.v + c.v};
}
LINNET_INLINE F32<isa::scalar> min(F32<isa::scalar> a, F32<isa::scalar> b) {
  return {a.v < b.v ? a.v : b.v};
}
LINNET_INLINE F32<isa::scalar> max(F32<isa::scalar> a, F32<isa::scalar> b) {
  return {b.v < a.v ? a.v : b.v};
}
LINNET_INLINE F32<isa::scalar> select(Mask<isa::scalar> m, F32<isa::scalar> a, F32<isa::scalar> b) {
  return m.v ? a : b;
}
LINNET_INLINE bool any(Mask<isa::scalar> m) {
  return m.v;
}
LINNET_INLINE I32<isa::scalar> bits(F32<isa::scalar> a) {
  I32<isa::scalar> r;
  std::memcpy(&r.v, &a.v, 4);
  return r;
}
LINNET_INLINE F32<isa::scalar> from_bits(I32<isa::scalar> a) {
  F32<isa::scalar> r;
  std::memcpy(&r.v, &a.v, 4);
  return r;
}
LINNET_INLINE I32<isa::scalar> truncate(F32<isa::scalar> a) {
  return {static_cast<int32_t>(a.v)};
}  // |a| < 2^31
LINNET_INLINE F32<isa::scalar> to_float(I32<isa::scalar> a) {
  return {static_cast<float>(a.v)};
}
LINNET_INLINE F32<isa::scalar> sqrt(F32<isa::scalar> a) {
  return {__builtin_sqrtf(a.v)};
}
LINNET_INLINE void store_interleaved(F32<isa::scalar> a, F32<isa::scalar> b, float* p) {
  p[0] = a.v;
  p[1] = b.v;
}
LINNET_INLINE void store_interleaved(F32<isa::scalar> a, F32<isa::scalar> b, F32<isa::scalar> c, float* p) {
  p[0] = a.v;
  p[1] = b.v;
  p[2] = c.v;
}
LINNET_INLINE float reduce_add(F32<isa::scalar> a) {
  return a.v;
}
LINNET_INLINE float reduce_max(F32<isa::scalar> a) {
  return a.v;
}

#ifdef LINNET_ISA_IS_SIMD

// ---- every SIMD instruction set, through xsimd ---------------------------------------------------------------------

template <class Isa>
struct XsimdArch;
#if defined(__AVX512F__)
template <>
struct XsimdArch<isa::avx512> {
  using type = xsimd::avx512bw;
};
template <>
struct XsimdArch<isa::avx512vnni> {
  using type = xsimd::avx512bw;
};
#elif defined(__AVX2__)
template <>
struct XsimdArch<isa::avx2> {
  using type = xsimd::fma3<xsimd::avx2>;
};
template <>
struct XsimdArch<isa::avxvnni> {
  using type = xsimd::fma3<xsimd::avx2>;
};
#elif defined(__aarch64__)
template <>
struct XsimdArch<isa::neon64> {
  using type = xsimd::neon64;
};
template <>
struct XsimdArch<isa::neon64dot> {
  using type = xsimd::neon64;
};
#elif defined(__ARM_NEON)
template <>
struct XsimdArch<isa::neon32> {
  using type = xsimd::neon;
};
#endif

template <class Isa>
struct Mask {
  xsimd::batch_bool<float, typename XsimdArch<Isa>::type> v;
  friend LINNET_INLINE Mask operator&(Mask a, Mask b) { return {a.v & b.v}; }
  friend LINNET_INLINE Mask operator|(Mask a, Mask b) { return {a.v | b.v}; }
};

template <class Isa>
struct I32 {
  using Batch = xsimd::batch<int32_t, typename XsimdArch<Isa>::type>;
  static constexpr int width = static_cast<int>(Batch::size);
  Batch v;
  static LINNET_INLINE I32 set(int32_t x) { return {Batch(x)}; }
  friend LINNET_INLINE I32 operator+(I32 a, I32 b) { return {a.v + b.v}; }
  friend LINNET_INLINE I32 operator-(I32 a, I32 b) { return {a.v - b.v}; }
  friend LINNET_INLINE I32 operator&(I32 a, I32 b) { return {a.v & b.v}; }
  friend LINNET_INLINE I32 operator|(I32 a, I32 b) { return {a.v | b.v}; }
  friend LINNET_INLINE I32 operator^(I32 a, I32 b) { return {a.v ^ b.v}; }
  template <int N>
  LINNET_INLINE I32 shl() const {
    return {v << N};
  }
  template <int N>
  LINNET_INLINE I32 sar() const {
    return {v >> N};
  }
};

template <class Isa_>
struct F32 {
  using Isa = Isa_;
  using Batch = xsimd::batch<float, typename XsimdArch<Isa>::type>;
  static constexpr int width = static_cast<int>(Batch::size);
  Batch v;

  static LINNET_INLINE F32 set(float x) { return {Batch(x)}; }
  static LINNET_INLINE F32 load(const float* p) { return {Batch::load_unaligned(p)}; }
  LINNET_INLINE void store(float* p) const { v.store_unaligned(p); }

  // The first n lanes, 1 <= n <= width; touches no memory beyond them. The other lanes are zero.
  static LINNET_INLINE F32 load_n(const float* p, int n) {
    if (n >= width) return load(p);
#if defined(__AVX512F__)
    return {Batch(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p))};
#elif defined(__AVX2__)
    return {Batch(_mm256_maskload_ps(p, tail_mask(n)))};
#else
    alignas(64) float lanes[width] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load(lanes);
#endif
  }
  LINNET_INLINE void store_n(float* p, int n) const {
    if (n >= width) {
      store(p);
      return;
    }
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), v);
#elif defined(__AVX2__)
    _mm256_maskstore_ps(p, tail_mask(n), v);
#else
    alignas(64) float lanes[width];
    store(lanes);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
#endif
  }

  friend LINNET_INLINE F32 operator+(F32 a, F32 b) {
    return {a.v + b.v};
  }
  friend LINNET_INLINE F32 operator-(F32 a, F32 b) {
    return {a.v - b.v};
  }
  friend LINNET_INLINE F32 operator*(F32 a, F32 b) {
    return {a.v * b.v};
  }
  friend LINNET_INLINE F32 operator/(F32 a, F32 b) {
#if defined(__ARM_NEON) && !defined(__aarch64__)
    alignas(16) float lanes[width], divisors[width];  // armv7 divides in its scalar unit only
    a.store(lanes);
    b.store(divisors);
    for (int i = 0; i < width; ++i) lanes[i] /= divisors[i];
    return load(lanes);
#elif defined(__aarch64__)
    return {Batch(vdivq_f32(a.v, b.v))};  // xsimd 8.1 takes armv7's approximation
#else
    return {a.v / b.v};
#endif
  }
  friend LINNET_INLINE Mask<Isa> operator<(F32 a, F32 b) {
    return {a.v < b.v};
  }
  friend LINNET_INLINE Mask<Isa> operator<=(F32 a, F32 b) {
    return {a.v <= b.v};
  }
  friend LINNET_INLINE Mask<Isa> operator==(F32 a, F32 b) {
    return {a.v == b.v};
  }

 private:
#if defined(__AVX2__)
  static LINNET_INLINE __m256i tail_mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
#endif
};

template <class Isa>
LINNET_INLINE F32<Isa> fma(F32<Isa> a, F32<Isa> b, F32<Isa> c) {
#if defined(__AVX512F__)
  return {typename F32<Isa>::Batch(_mm512_fmadd_ps(a.v, b.v, c.v))};  // xsimd 8.1 multiplies, then adds
#else
  return {xsimd::fma(a.v, b.v, c.v)};
#endif
}
template <class Isa>
LINNET_INLINE F32<Isa> min(F32<Isa> a, F32<Isa> b) {
  return {xsimd::min(a.v, b.v)};
}
template <class Isa>
LINNET_INLINE F32<Isa> max(F32<Isa> a, F32<Isa> b) {
  return {xsimd::max(a.v, b.v)};
}
template <class Isa>
LINNET_INLINE F32<Isa> select(Mask<Isa> m, F32<Isa> a, F32<Isa> b) {
  return {xsimd::select(m.v, a.v, b.v)};
}
template <class Isa>
LINNET_INLINE bool any(Mask<Isa> m) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  return _mm256_movemask_ps(m.v) != 0;
#else
  return xsimd::any(m.v);
#endif
}
template <class Isa>
LINNET_INLINE I32<Isa> bits(F32<Isa> a) {
#if defined(__ARM_NEON)  // xsimd 8.1 looks functions up in tables, which are weak symbols of every object
  return {typename I32<Isa>::Batch(vreinterpretq_s32_f32(a.v))};
#else
  return {xsimd::bitwise_cast<typename I32<Isa>::Batch>(a.v)};
#endif
}
template <class Isa>
LINNET_INLINE F32<Isa> from_bits(I32<Isa> a) {
#if defined(__ARM_NEON)
  return {typename F32<Isa>::Batch(vreinterpretq_f32_s32(a.v))};
#else
  return {xsimd::bitwise_cast<typename F32<Isa>::Batch>(a.v)};
#endif
}
template <class Isa>
LINNET_INLINE I32<Isa> truncate(F32<Isa> a) {
  return {xsimd::to_int(a.v)};
}
template <class Isa>
LINNET_INLINE F32<Isa> to_float(I32<Isa> a) {
  return {xsimd::to_float(a.v)};
}
template <class Isa>
LINNET_INLINE F32<Isa> sqrt(F32<Isa> a) {
#if defined(__ARM_NEON) && !defined(__aarch64__)
  alignas(16) float lanes[F32<Isa>::width];
  a.store(lanes);
  for (float& lane : lanes) lane = __builtin_sqrtf(lane);
  return F32<Isa>::load(lanes);
#elif defined(__aarch64__)
  return {typename F32<Isa>::Batch(vsqrtq_f32(a.v))};
#else
  return {xsimd::sqrt(a.v)};
#endif
}
// low, high: a[0], b[0], a[1], b[1], ...
template <class Isa>
LINNET_INLINE void interleave(F32<Isa> a, F32<Isa> b, F32<Isa>* low, F32<Isa>* high) {
  using Batch = typename F32<Isa>::Batch;
#if defined(__AVX512F__)
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i second = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  low->v = Batch(_mm512_permutex2var_ps(a.v, first, b.v));
  high->v = Batch(_mm512_permutex2var_ps(a.v, second, b.v));
#elif defined(__AVX2__)  // xsimd 8.1 interleaves the halves apart
  const __m256 even = _mm256_unpacklo_ps(a.v, b.v), odd = _mm256_unpackhi_ps(a.v, b.v);
  low->v = Batch(_mm256_permute2f128_ps(even, odd, 0x20));
  high->v = Batch(_mm256_permute2f128_ps(even, odd, 0x31));
#else
  const float32x4x2_t pairs = vzipq_f32(a.v, b.v);
  low->v = Batch(pairs.val[0]);
  high->v = Batch(pairs.val[1]);
#endif
}
template <class Isa>
LINNET_INLINE void store_interleaved(F32<Isa> a, F32<Isa> b, float* p) {
  F32<Isa> low, high;
  interleave(a, b, &low, &high);
  low.store(p);
  high.store(p + F32<Isa>::width);
}
// a[0], b[0], c[0], a[1], ...
template <class Isa>
LINNET_INLINE void store_interleaved(F32<Isa> a, F32<Isa> b, F32<Isa> c, float* p) {
#if defined(__AVX512F__)
  const auto third = [&](__m512i from, __mmask16 of_b, __mmask16 of_c, float* to) LINNET_INLINE_LAMBDA {
    const __m512 ab = _mm512_mask_permutexvar_ps(_mm512_permutexvar_ps(from, a.v), of_b, from, b.v);
    _mm512_storeu_ps(to, _mm512_mask_permutexvar_ps(ab, of_c, from, c.v));
  };
  third(_mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5), 0x2492, 0x4924, p);
  third(_mm512_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10), 0x9249, 0x2492, p + 16);
  third(_mm512_setr_epi32(10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15), 0x4924, 0x9249, p + 32);
#elif defined(__AVX2__)
  const auto third = [&](__m256i from, __m256 of_b, __m256 of_c, float* to) LINNET_INLINE_LAMBDA {
    const __m256 ab = _mm256_blendv_ps(_mm256_permutevar8x32_ps(a.v, from), _mm256_permutevar8x32_ps(b.v, from), of_b);
    _mm256_storeu_ps(to, _mm256_blendv_ps(ab, _mm256_permutevar8x32_ps(c.v, from), of_c));
  };
  const __m256 every = _mm256_castsi256_ps(_mm256_setr_epi32(-1, 0, 0, -1, 0, 0, -1, 0));
  const __m256 next = _mm256_castsi256_ps(_mm256_setr_epi32(0, -1, 0, 0, -1, 0, 0, -1));
  const __m256 last = _mm256_castsi256_ps(_mm256_setr_epi32(0, 0, -1, 0, 0, -1, 0, 0));
  third(_mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2), next, last, p);
  third(_mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5), last, every, p + 8);
  third(_mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7), every, next, p + 16);
#else
  vst3q_f32(p, float32x4x3_t{{a.v, b.v, c.v}});
#endif
}
// A square matrix, one vector a row: interleaves its upper half with its lower half log2(width) times.
template <class Isa>
LINNET_INLINE void transpose(F32<Isa> (&rows)[F32<Isa>::width]) {
  constexpr int kWidth = F32<Isa>::width;
#pragma GCC unroll 4
  for (int round = 1; round < kWidth; round *= 2) {
    F32<Isa> next[kWidth];
#pragma GCC unroll 8
    for (int r = 0; r < kWidth / 2; ++r) interleave(rows[r], rows[r + kWidth / 2], &next[2 * r], &next[2 * r + 1]);
#pragma GCC unroll 16
    for (int r = 0; r < kWidth; ++r) rows[r] = next[r];
  }
}
template <class Isa>
LINNET_INLINE float reduce_add(F32<Isa> a) {
  return xsimd::hadd(a.v);
}
template <class Isa>
LINNET_INLINE float reduce_max(F32<Isa> a) {
  alignas(64) float lanes[F32<Isa>::width];
  a.store(lanes);
  float m = lanes[0];
  for (int i = 1; i < F32<Isa>::width; ++i) m = m < lanes[i] ? lanes[i] : m;
  return m;
}

#endif  // LINNET_ISA_IS_SIMD

// The same value, loaded once: the compiler would rather read memory again for every operation that can.
template <class Isa>
LINNET_INLINE F32<Isa> in_register(F32<Isa> x) {
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)
  asm("" : "+v"(x.v.data));
#endif
  return x;
}

// Whether fma() rounds once.
template <class Isa>
constexpr bool kFusedFma = isa_id<Isa> != IsaId::scalar&& isa_id<Isa> != IsaId::neon32;

// ---- multiply-add of the register tiles ----------------------------------------------------------------------------

// Whether four inputs of a row are loaded as one vector and multiplied by lane. armv7 has a by-lane form of the unfused
// multiply-add only, so its tiles use that one throughout.
template <class Isa>
constexpr bool kLaneFma = isa_id<Isa> == IsaId::neon32 || isa_id<Isa> == IsaId::neon64;

// acc + w * x. On x86 in acc's own register: left to itself, the compiler turns products of an unrolled loop into forms
// that overwrite w or x, and moves and spills accumulators.
template <class Isa>
LINNET_INLINE F32<Isa> multiply_add(F32<Isa> acc, F32<Isa> w, F32<Isa> x) {
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)
  asm("vfmadd231ps %2, %1, %0" : "+v"(acc.v.data) : "v"(w.v.data), "v"(x.v.data));
  return acc;
#elif defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON) && !defined(__aarch64__)
  return {typename F32<Isa>::Batch(vmlaq_f32(acc.v, w.v, x.v))};
#else
  return fma(w, x, acc);
#endif
}

#if defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)
// acc + w * x[lane], rounded as multiply_add
template <class Isa>
LINNET_INLINE F32<Isa> multiply_add_lane(F32<Isa> acc, F32<Isa> w, F32<Isa> x, int lane) {
  using Batch = typename F32<Isa>::Batch;
#if defined(__aarch64__)
  switch (lane) {
    case 0:
      return {Batch(vfmaq_laneq_f32(acc.v, w.v, x.v, 0))};
    case 1:
      return {Batch(vfmaq_laneq_f32(acc.v, w.v, x.v, 1))};
    case 2:
      return {Batch(vfmaq_laneq_f32(acc.v, w.v, x.v, 2))};
    default:
      return {Batch(vfmaq_laneq_f32(acc.v, w.v, x.v, 3))};
  }
#else
  switch (lane) {
    case 0:
      return {Batch(vmlaq_lane_f32(acc.v, w.v, vget_low_f32(x.v), 0))};
    case 1:
      return {Batch(vmlaq_lane_f32(acc.v, w.v, vget_low_f32(x.v), 1))};
    case 2:
      return {Batch(vmlaq_lane_f32(acc.v, w.v, vget_high_f32(x.v), 0))};
    default:
      return {Batch(vmlaq_lane_f32(acc.v, w.v, vget_high_f32(x.v), 1))};
  }
#endif
}
#endif

}  // namespace linnet::kernels
