// Multiplication by factors of FixedPoint, one a lane: TensorFlow Lite's MultiplyByQuantizedMultiplier, which is
// gemmlowp's SaturatingRoundingDoublingHighMul and RoundingDivideByPOT.
#pragma once

#include "kernels/contract_int8.hpp"
#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Isa>
struct FixedPointFactor {
  I32<Isa> multiplier, left, right;

  FixedPointFactor() = default;
  LINNET_INLINE FixedPointFactor(I32<Isa> factor, I32<Isa> shift)
      : multiplier(factor),
        left(Int<Isa>::max(shift, I32<Isa>::set(0))),
        right(Int<Isa>::max(I32<Isa>::set(0) - shift, I32<Isa>::set(0))) {}
  static LINNET_INLINE FixedPointFactor of(const Factor& f) {
    return {I32<Isa>::set(f.multiplier), I32<Isa>::set(f.shift)};
  }
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    const I32<Isa> scaled = Int<Isa>::doubling_high(Int<Isa>::shift_left(x, left), multiplier);
    return Int<Isa>::rounding_shift_right(scaled, right);
  }
};

// Bits of a number that a BoundedFactor multiplies, after its shift to the left.
constexpr int kBoundedBits = 30;

// The same of numbers |x| 2^left < 2^30, whose rounding cannot overflow: the doubled high product is floor((2 x m +
// 2^31) / 2^32); it is shifted after half a unit has been added, less one where it is negative. The half is added with
// the 2^31.
template <class Isa>
struct BoundedFactor;

// A BoundedFactor that is 0, or positive and shifts to the right, where that takes fewer instructions.
template <class Isa>
struct RightFactor;
#if defined(LINNET_ISA_IS_SIMD) && (defined(__ARM_NEON) || defined(__AVX512F__))
constexpr bool kHasRightFactors = true;
#else
constexpr bool kHasRightFactors = false;
#endif

template <>
struct BoundedFactor<isa::scalar> : FixedPointFactor<isa::scalar> {
  using FixedPointFactor::FixedPointFactor;
};

#ifdef LINNET_ISA_IS_SIMD
#if defined(__AVX512F__)

template <class Isa>
struct BoundedFactor {
  __m512i left, right, even, odd, even_half, odd_half, negative;  // below `negative`, with the half, numbers are so

  BoundedFactor() = default;
  LINNET_INLINE BoundedFactor(I32<Isa> multiplier, I32<Isa> shift) {
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
    left = _mm512_add_epi32(_mm512_max_epi32(shift.v, zero), one);
    right = _mm512_max_epi32(_mm512_sub_epi32(zero, shift.v), zero);
    even = multiplier.v;
    odd = _mm512_srli_epi64(multiplier.v, 32);
    const __m512i half = _mm512_sllv_epi32(one, _mm512_sub_epi32(right, one));  // 0 without a shift
    const __m512i unit = _mm512_set1_epi64(int64_t{1} << 31);
    even_half = _mm512_or_si512(_mm512_slli_epi64(half, 32), unit);
    odd_half = _mm512_mask_mov_epi32(unit, 0xaaaa, half);
    negative = _mm512_mask_mov_epi32(half, _mm512_cmpeq_epi32_mask(right, zero), _mm512_set1_epi32(INT32_MIN));
  }
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    const __m512i doubled = _mm512_sllv_epi32(x.v, left);
    const __m512i low = _mm512_add_epi64(_mm512_mul_epi32(doubled, even), even_half);
    const __m512i high = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(doubled, 32), odd), odd_half);
    const __m512i all = _mm512_mask_shuffle_epi32(high, 0x5555, low, static_cast<_MM_PERM_ENUM>(0xf5));
    const __mmask16 below = _mm512_cmplt_epi32_mask(all, negative);
    const __m512i exact = _mm512_mask_add_epi32(all, below, all, _mm512_set1_epi32(-1));
    return Int<Isa>::make(_mm512_srav_epi32(exact, right));
  }
};

// The sum is multiplied, as an unsigned number, by the doubled factor: of a negative one the high half comes out by
// that factor too large. A sum is negative where its product is, but for -1 * 2^-1, which is rounded to 0 either way.
template <class Isa>
struct RightFactor {
  __m512i right, even, odd, even_half, odd_half, excess;

  RightFactor() = default;
  LINNET_INLINE RightFactor(I32<Isa> multiplier, I32<Isa> shift) {
    const __m512i zero = _mm512_setzero_si512(), one = _mm512_set1_epi32(1);
    right = _mm512_max_epi32(_mm512_sub_epi32(zero, shift.v), one);
    even = _mm512_add_epi32(multiplier.v, multiplier.v);
    odd = _mm512_srli_epi64(even, 32);
    excess = _mm512_add_epi32(even, one);
    const __m512i half = _mm512_sllv_epi32(one, _mm512_sub_epi32(right, one));
    const __m512i unit = _mm512_set1_epi64(int64_t{1} << 31);
    even_half = _mm512_or_si512(_mm512_slli_epi64(half, 32), unit);
    odd_half = _mm512_mask_mov_epi32(unit, 0xaaaa, half);
  }
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    const __m512i low = _mm512_add_epi64(_mm512_mul_epu32(x.v, even), even_half);
    const __m512i high = _mm512_add_epi64(_mm512_mul_epu32(_mm512_srli_epi64(x.v, 32), odd), odd_half);
    const __m512i all = _mm512_mask_shuffle_epi32(high, 0x5555, low, static_cast<_MM_PERM_ENUM>(0xf5));
    return Int<Isa>::make(_mm512_srav_epi32(_mm512_mask_sub_epi32(all, _mm512_movepi32_mask(x.v), all, excess), right));
  }
};

#elif defined(__AVX2__)

template <class Isa>
struct BoundedFactor {
  __m256i left, right, even, odd, even_half, odd_half, negative;

  BoundedFactor() = default;
  LINNET_INLINE BoundedFactor(I32<Isa> multiplier, I32<Isa> shift) {
    const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
    left = _mm256_add_epi32(_mm256_max_epi32(shift.v, zero), one);
    right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift.v), zero);
    even = multiplier.v;
    odd = _mm256_srli_epi64(multiplier.v, 32);
    const __m256i half = _mm256_sllv_epi32(one, _mm256_sub_epi32(right, one));
    const __m256i unit = _mm256_set1_epi64x(int64_t{1} << 31);
    even_half = _mm256_or_si256(_mm256_slli_epi64(half, 32), unit);
    odd_half = _mm256_blend_epi32(unit, half, 0xaa);
    negative = _mm256_blendv_epi8(half, _mm256_set1_epi32(INT32_MIN), _mm256_cmpeq_epi32(right, zero));
  }
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    const __m256i doubled = _mm256_sllv_epi32(x.v, left);
    const __m256i low = _mm256_add_epi64(_mm256_mul_epi32(doubled, even), even_half);
    const __m256i high = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(doubled, 32), odd), odd_half);
    const __m256i low_words = _mm256_castps_si256(_mm256_movehdup_ps(_mm256_castsi256_ps(low)));
    const __m256i all = _mm256_blend_epi32(low_words, high, 0xaa);
    const __m256i exact = _mm256_add_epi32(all, _mm256_cmpgt_epi32(negative, all));
    return Int<Isa>::make(_mm256_srav_epi32(exact, right));
  }
};

#elif defined(__ARM_NEON)

template <class Isa>
struct BoundedFactor {
  int32x4_t left, down, multiplier;

  BoundedFactor() = default;
  LINNET_INLINE BoundedFactor(I32<Isa> m, I32<Isa> shift)
      : left(vmaxq_s32(shift.v, vdupq_n_s32(0))), down(vminq_s32(shift.v, vdupq_n_s32(0))), multiplier(m.v) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    const int32x4_t all = vqrdmulhq_s32(vshlq_s32(x.v, left), multiplier);
    return Int<Isa>::make(vrshlq_s32(vsraq_n_s32(all, vandq_s32(all, down), 31), down));
  }
};

template <class Isa>
struct RightFactor {
  int32x4_t multiplier, down;

  RightFactor() = default;
  LINNET_INLINE RightFactor(I32<Isa> m, I32<Isa> shift) : multiplier(m.v), down(shift.v) {}
  LINNET_INLINE I32<Isa> operator()(I32<Isa> x) const {
    const int32x4_t all = vqrdmulhq_s32(x.v, multiplier);
    return Int<Isa>::make(vrshlq_s32(vsraq_n_s32(all, all, 31), down));
  }
};

#endif

#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
