// DepthwiseLanes<Isa>: four taps of a depthwise convolution for the 16 channels of a panel with vpdpbusd. Each 128 bits
// of a vector hold one output pixel; the bytes of the taps are interleaved, channel by channel.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Isa>
constexpr bool kHasDepthwiseLanes = isa_id<Isa> == IsaId::avxvnni || isa_id<Isa> == IsaId::avx512vnni;

template <class Isa>
struct DepthwiseLanes;

#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX512VNNI__)
template <>
struct DepthwiseLanes<isa::avx512vnni> {
  static constexpr int pixels = 4;
  using V = __m512i;
  static LINNET_INLINE __m128i load(const int8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static LINNET_INLINE V broadcast(const void* p) {
    return _mm512_broadcast_i32x4(load(static_cast<const int8_t*>(p)));
  }
  // Inputs with flipped sign bits of pixels `step` apart.
  static LINNET_INLINE V inputs(const int8_t* p, ptrdiff_t step) {
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(load(p)), load(p + step), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(load(p + 2 * step)), load(p + 3 * step), 1);
    return _mm512_xor_si512(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1),
                            _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  static LINNET_INLINE V low8(V a, V b) { return _mm512_unpacklo_epi8(a, b); }
  static LINNET_INLINE V high8(V a, V b) { return _mm512_unpackhi_epi8(a, b); }
  static LINNET_INLINE V low16(V a, V b) { return _mm512_unpacklo_epi16(a, b); }
  static LINNET_INLINE V high16(V a, V b) { return _mm512_unpackhi_epi16(a, b); }
  static LINNET_INLINE V dot(V sum, V x, V w) { return _mm512_dpbusd_epi32(sum, x, w); }
  // -128 times four weight sums.
  static LINNET_INLINE V start(const int32_t* weight_sums) {
    return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(broadcast(weight_sums), 7));
  }
  static LINNET_INLINE void store(V sum, int32_t* p, ptrdiff_t step) {
    __m128i* const to = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(to, _mm512_castsi512_si128(sum));
    _mm_storeu_si128(to + step / 4, _mm512_extracti32x4_epi32(sum, 1));
    _mm_storeu_si128(to + step / 2, _mm512_extracti32x4_epi32(sum, 2));
    _mm_storeu_si128(to + step / 4 * 3, _mm512_extracti32x4_epi32(sum, 3));
  }
};
#elif defined(LINNET_ISA_IS_SIMD) && defined(__AVXVNNI__)
template <>
struct DepthwiseLanes<isa::avxvnni> {
  static constexpr int pixels = 2;
  using V = __m256i;
  static LINNET_INLINE __m128i load(const int8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static LINNET_INLINE V broadcast(const void* p) {
    return _mm256_broadcastsi128_si256(load(static_cast<const int8_t*>(p)));
  }
  static LINNET_INLINE V inputs(const int8_t* p, ptrdiff_t step) {
    const V both = _mm256_inserti128_si256(_mm256_castsi128_si256(load(p)), load(p + step), 1);
    return _mm256_xor_si256(both, _mm256_set1_epi8(static_cast<char>(0x80)));
  }
  static LINNET_INLINE V low8(V a, V b) { return _mm256_unpacklo_epi8(a, b); }
  static LINNET_INLINE V high8(V a, V b) { return _mm256_unpackhi_epi8(a, b); }
  static LINNET_INLINE V low16(V a, V b) { return _mm256_unpacklo_epi16(a, b); }
  static LINNET_INLINE V high16(V a, V b) { return _mm256_unpackhi_epi16(a, b); }
  static LINNET_INLINE V dot(V sum, V x, V w) { return _mm256_dpbusd_avx_epi32(sum, x, w); }
  static LINNET_INLINE V start(const int32_t* weight_sums) {
    return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(broadcast(weight_sums), 7));
  }
  static LINNET_INLINE void store(V sum, int32_t* p, ptrdiff_t step) {
    __m128i* const to = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(to, _mm256_castsi256_si128(sum));
    _mm_storeu_si128(to + step / 4, _mm256_extracti128_si256(sum, 1));
  }
};
#endif

}  // namespace linnet::kernels
