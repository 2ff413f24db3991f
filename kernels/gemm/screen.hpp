// Where products of bytes are added up in 16 bits before they are in 32 (vpmaddubsw), two of them may be too much:
// those of inputs 0..255 fit unless their weights' sum is beyond -128..128. Weights are screened for such pairs, and
// where there is one, groups of four inputs are multiplied by add_divided (Dot).
#pragma once

#include "kernels/gemm/dot.hpp"

namespace linnet::kernels {

// Of some weights: Large, where two products may be too much, Lowest, where one of those is -128.
enum class WeightSize : uint8_t { Small, Large, Lowest };

// Of the weights of a block of outputs, at most a panel's where they are screened.
template <class Isa>
struct Screen {
  static constexpr bool needed = false;
};

// Screens the weights of kOutputs outputs, at most a panel's, whose groups are `step` bytes apart, and corrects what
// their sums start with. Where they are not worth it (`screens`), all count as large.
template <class Isa, int kOutputs>
void screen_block(const int8_t* w, ptrdiff_t step, int32_t groups, bool screens, int32_t* start, Screen<Isa>& screen);

#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__) && !defined(__AVX512F__)

template <>
struct Screen<isa::avx2> {
  static constexpr bool needed = true;
  static constexpr int32_t kMarks = 1024;
  WeightSize sizes[kMarks];  // of 2^shift groups each
  int32_t shift;

  LINNET_INLINE WeightSize size(int32_t group) const { return sizes[group >> shift]; }
};

template <class Isa>
LINNET_INLINE WeightSize size_of_large(typename Dot<Isa>::Weights least) {
  return Dot<Isa>::is_lowest(least) ? WeightSize::Lowest : WeightSize::Large;
}

// Screens `groups` groups of the weights of kOutputs outputs, `step` bytes apart, and sums up those of each output that
// add is for.
template <class Isa, int kOutputs>
__attribute__((noinline)) void screen_weights(const int8_t* w, ptrdiff_t step, int32_t groups, Screen<Isa>& screen,
                                              int32_t* added) {
  constexpr int kVectors = kOutputs / 8;
  const __m256i one_bytes = _mm256_set1_epi8(1), one_words = _mm256_set1_epi16(1), most = _mm256_set1_epi16(128);
  __m256i total[kVectors];
#pragma GCC unroll 2
  for (__m256i& t : total) t = _mm256_setzero_si256();
  for (int32_t group = 0, mark = 0; group < groups; ++mark) {
    const int32_t wanted = group + (1 << screen.shift), end = wanted < groups ? wanted : groups;
    __m256i sums[kVectors], beyond = _mm256_setzero_si256(), least = beyond;
#pragma GCC unroll 2
    for (__m256i& s : sums) s = _mm256_setzero_si256();
    for (; group < end; ++group, w += step) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const __m256i weights = load_as<Isa, __m256i>(w + 32 * v), pairs = _mm256_maddubs_epi16(one_bytes, weights);
        least = _mm256_min_epi8(least, weights);
        beyond = _mm256_or_si256(beyond, _mm256_cmpgt_epi16(_mm256_abs_epi16(pairs), most));
        sums[v] = _mm256_add_epi32(sums[v], _mm256_madd_epi16(pairs, one_words));
      }
    }
    const bool large = _mm256_testz_si256(beyond, beyond) == 0;
    screen.sizes[mark] = large ? size_of_large<Isa>(least) : WeightSize::Small;
    const __m256i keep = _mm256_set1_epi32(large ? 0 : -1);
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) total[v] = _mm256_add_epi32(total[v], _mm256_and_si256(sums[v], keep));
  }
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) std::memcpy(added + 8 * v, &total[v], sizeof(total[v]));
}

template <class Isa, int kOutputs>
void screen_block(const int8_t* w, ptrdiff_t step, int32_t groups, bool screens, int32_t* start, Screen<Isa>& screen) {
  using D = Dot<Isa>;
  for (screen.shift = 0; (groups - 1) >> screen.shift >= Screen<Isa>::kMarks;) ++screen.shift;
  if (screens) {
    int32_t added[kOutputs];
    screen_weights<Isa, kOutputs>(w, step, groups, screen, added);
    for (int i = 0; i < kOutputs; ++i) {
      start[i] = static_cast<int32_t>(static_cast<uint32_t>(start[i]) - 128u * static_cast<uint32_t>(added[i]));
    }
  } else {
    typename D::Weights least = D::weights(w);
    for (ptrdiff_t i = 0; i < step * groups; i += 32) least = D::lower(least, D::weights(w + i));
    const WeightSize size = size_of_large<Isa>(least);
    std::memset(screen.sizes, static_cast<int>(size), static_cast<size_t>(((groups - 1) >> screen.shift) + 1));
  }
}

// The other planes of n prepared inputs; up to 32 bytes behind each are written.
template <class Isa>
LINNET_INLINE void make_planes(typename Dot<Isa>::Input* x, ptrdiff_t n, ptrdiff_t plane) {
  if constexpr (Dot<Isa>::screens_weights) {
    const __m256i flip = _mm256_set1_epi8(INT8_MIN);
    for (ptrdiff_t i = 0; i < n; i += 32) {
      const __m256i plain = _mm256_xor_si256(load_as<Isa, __m256i>(x + i), flip), size = _mm256_abs_epi8(plain);
      std::memcpy(x + i + plane, &plain, sizeof(plain));
      std::memcpy(x + i + 2 * plane, &size, sizeof(size));
    }
  }
}

#else

#if defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)

// With products of pairs of groups only weights of -128 matter.
struct LowestWeights {
  static constexpr bool needed = true;
  bool found;
};
template <>
struct Screen<isa::neon32> : LowestWeights {};
template <>
struct Screen<isa::neon64> : LowestWeights {};

template <class Isa, int kOutputs>
void screen_block(const int8_t* w, ptrdiff_t step, int32_t groups, bool, int32_t*, Screen<Isa>& screen) {
  int8x16_t least = vdupq_n_s8(0);
  for (; groups > 0; --groups, w += step) {
#pragma GCC unroll 4
    for (int i = 0; i < kOutputs * kDot; i += 16) least = vminq_s8(least, vld1q_s8(w + i));
  }
  int8x8_t half = vmin_s8(vget_low_s8(least), vget_high_s8(least));
  half = vpmin_s8(half, half);
  half = vpmin_s8(half, half);
  half = vpmin_s8(half, half);
  screen.found = vget_lane_s8(half, 0) == INT8_MIN;
}

#endif

template <class Isa>
LINNET_INLINE void make_planes(typename Dot<Isa>::Input*, ptrdiff_t, ptrdiff_t) {}

#endif

}  // namespace linnet::kernels
