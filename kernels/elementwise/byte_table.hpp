// ByteTable<Isa>: a function of one int8 argument, given by its 256 values from that of -128 on, for `width` bytes at
// once; no width where the loads of single values are as fast.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

template <class Isa>
struct ByteTable {
  static constexpr int width = 0;
};

#ifdef LINNET_ISA_IS_SIMD

// n bytes, fewer than the width, by copies.
template <class Table>
LINNET_INLINE void map_copies(const Table& table, const int8_t* x, int8_t* y, int n) {
  int8_t all[Table::width] = {};
  std::memcpy(all, x, static_cast<size_t>(n));
  table.map(all, all);
  std::memcpy(y, all, static_cast<size_t>(n));
}

#if defined(__AVX512BW__)

// The values lie in pairs in 128 words. An argument's upper seven bits choose the word, the lowest one its half.
template <class Isa>
struct ByteTable512 {
  static constexpr int width = 64;
  __m512i words[4];

  explicit LINNET_INLINE ByteTable512(const int8_t* table) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) words[i] = _mm512_loadu_si512(table + 64 * i);
  }
  LINNET_INLINE __m512i word(__m512i index, __mmask32 upper) const {
    return _mm512_mask_mov_epi16(_mm512_permutex2var_epi16(words[0], index, words[1]), upper,
                                 _mm512_permutex2var_epi16(words[2], index, words[3]));
  }
  LINNET_INLINE __m512i operator()(__m512i x) const {
    const __m512i position = _mm512_xor_si512(x, _mm512_set1_epi8(static_cast<char>(0x80)));
    const __m512i eight = _mm512_set1_epi16(8);
    const __m512i low = _mm512_srli_epi16(_mm512_slli_epi16(position, 8), 9), high = _mm512_srli_epi16(position, 9);
    const __m512i of_low = word(low, _mm512_test_epi16_mask(position, _mm512_set1_epi16(0x80)));
    const __m512i of_high = word(high, _mm512_movepi16_mask(position));
    const __m512i down = _mm512_and_si512(_mm512_slli_epi16(position, 3), eight);
    const __m512i up = _mm512_andnot_si512(_mm512_srli_epi16(position, 5), eight);
    constexpr int kSelect = 0xca;  // by the bits of the first operand, the second's or the third's
    return _mm512_ternarylogic_epi32(_mm512_set1_epi16(0xff), _mm512_srlv_epi16(of_low, down),
                                     _mm512_sllv_epi16(of_high, up), kSelect);
  }
  LINNET_INLINE void map(const int8_t* x, int8_t* y) const {
    _mm512_storeu_si512(y, (*this)(_mm512_loadu_si512(x)));
  }
  LINNET_INLINE void map(const int8_t* x, int8_t* y, int n) const {
    const __mmask64 lanes = (uint64_t{1} << n) - 1;
    _mm512_mask_storeu_epi8(y, lanes, (*this)(_mm512_maskz_loadu_epi8(lanes, x)));
  }
};
template <>
struct ByteTable<isa::avx512> : ByteTable512<isa::avx512> {
  using ByteTable512::ByteTable512;
};
#if defined(__AVX512VNNI__)
template <>
struct ByteTable<isa::avx512vnni> : ByteTable512<isa::avx512vnni> {
  using ByteTable512::ByteTable512;
};
#endif

#elif defined(__AVX2__)

// Sixteen values a shuffle, which gives 0 for arguments below 0. Those above its own get a value of every shuffle below
// too: each has the exclusive or of its values and those of the one below.
template <class Isa>
struct ByteTableAvx2 {
  static constexpr int width = 32;
  __m128i steps[2][8];  // for arguments below 0, with their sign flipped, and from 0 on

  explicit LINNET_INLINE ByteTableAvx2(const int8_t* table) {
    for (int sign = 0; sign < 2; ++sign) {
      __m128i below = _mm_setzero_si128();
      for (int i = 0; i < 8; ++i, table += 16) {
        const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
        steps[sign][i] = _mm_xor_si128(values, below);
        below = values;
      }
    }
  }
  LINNET_INLINE __m256i operator()(__m256i x) const {
    __m256i positive = x, negative = _mm256_xor_si256(x, _mm256_set1_epi8(static_cast<char>(0x80)));
    __m256i y = _mm256_setzero_si256(), z = y;
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      y = _mm256_xor_si256(y, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(steps[1][i]), positive));
      z = _mm256_xor_si256(z, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(steps[0][i]), negative));
      positive = _mm256_subs_epi8(positive, _mm256_set1_epi8(16));
      negative = _mm256_subs_epi8(negative, _mm256_set1_epi8(16));
    }
    return _mm256_xor_si256(y, z);
  }
  LINNET_INLINE void map(const int8_t* x, int8_t* y) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), (*this)(load_as<Isa, __m256i>(x)));
  }
  LINNET_INLINE void map(const int8_t* x, int8_t* y, int n) const {
    map_copies(*this, x, y, n);
  }
};
template <>
struct ByteTable<isa::avx2> : ByteTableAvx2<isa::avx2> {
  using ByteTableAvx2::ByteTableAvx2;
};
#if defined(__AVXVNNI__)
template <>
struct ByteTable<isa::avxvnni> : ByteTableAvx2<isa::avxvnni> {
  using ByteTableAvx2::ByteTableAvx2;
};
#endif

#elif defined(__aarch64__)

template <class Isa>
struct ByteTableNeon {
  static constexpr int width = 16;
  uint8x16x4_t quarters[4];

  explicit LINNET_INLINE ByteTableNeon(const int8_t* table) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) quarters[i] = vld1q_u8_x4(reinterpret_cast<const uint8_t*>(table) + 64 * i);
  }
  LINNET_INLINE uint8x16_t operator()(uint8x16_t x) const {
    uint8x16_t position = veorq_u8(x, vdupq_n_u8(0x80)), y = vqtbl4q_u8(quarters[0], position);
#pragma GCC unroll 3
    for (int i = 1; i < 4; ++i) {
      position = vsubq_u8(position, vdupq_n_u8(64));
      y = vqtbx4q_u8(y, quarters[i], position);
    }
    return y;
  }
  LINNET_INLINE void map(const int8_t* x, int8_t* y) const {
    vst1q_u8(reinterpret_cast<uint8_t*>(y), (*this)(vld1q_u8(reinterpret_cast<const uint8_t*>(x))));
  }
  LINNET_INLINE void map(const int8_t* x, int8_t* y, int n) const {
    map_copies(*this, x, y, n);
  }
};
template <>
struct ByteTable<isa::neon64> : ByteTableNeon<isa::neon64> {
  using ByteTableNeon::ByteTableNeon;
};
#if defined(__ARM_FEATURE_DOTPROD)
template <>
struct ByteTable<isa::neon64dot> : ByteTableNeon<isa::neon64dot> {
  using ByteTableNeon::ByteTableNeon;
};
#endif

#endif
#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
