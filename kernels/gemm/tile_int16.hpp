// Sums of products of int16 inputs and int8 weights for rows of inputs and the outputs of a panel, and what becomes of
// them. int32 sums of a number of pairs that they hold are added up in 64 bits.
#pragma once

#include "kernels/conv/plan_int16.hpp"
#include "kernels/simd/words.hpp"

namespace linnet::kernels {

// Sums of products of two int16 inputs for adjacent outputs, whose weights are [outputs][2] bytes. Loading weights may
// read up to 64 bytes.
template <class Isa>
struct PairDot {
  static constexpr int outputs = 4;
  struct Sum {
    int32_t v[outputs];
  };
  using Weights = const int8_t*;
  using Inputs = const int16_t*;
  static LINNET_INLINE Sum zero() { return {}; }
  static LINNET_INLINE Weights weights(const int8_t* p) { return p; }
  static LINNET_INLINE Inputs inputs(const int16_t* p) { return p; }
  static LINNET_INLINE void add(Sum* sum, Weights w, Inputs x) {
#pragma GCC unroll 4
    for (int o = 0; o < outputs; ++o) sum->v[o] += w[2 * o] * x[0] + w[2 * o + 1] * x[1];
  }
  // Adds to 64-bit sums.
  static LINNET_INLINE void drain(const Sum& sum, int64_t* p) {
#pragma GCC unroll 4
    for (int o = 0; o < outputs; ++o) p[o] += sum.v[o];
  }
};

#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)

struct PairDotAvx2 {
  static constexpr int outputs = 8;
  using Sum = __m256i;
  using Weights = __m256i;
  using Inputs = __m256i;
  static LINNET_INLINE Sum zero() { return _mm256_setzero_si256(); }
  static LINNET_INLINE Weights weights(const int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static LINNET_INLINE Inputs inputs(const int16_t* p) { return _mm256_set1_epi32(load_as<void, int32_t>(p)); }
  static LINNET_INLINE void add(Sum* sum, Weights w, Inputs x) {
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(w, x));
  }
  static LINNET_INLINE void drain(Sum sum, int64_t* p) {
    __m256i* const to = reinterpret_cast<__m256i*>(p);
    const __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum));
    const __m256i high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1));
    _mm256_storeu_si256(to, _mm256_add_epi64(_mm256_loadu_si256(to), low));
    _mm256_storeu_si256(to + 1, _mm256_add_epi64(_mm256_loadu_si256(to + 1), high));
  }
};
template <>
struct PairDot<isa::avx2> : PairDotAvx2 {};
template <>
struct PairDot<isa::avxvnni> : PairDotAvx2 {};
template <>
struct PairDot<isa::avx512> : PairDotAvx2 {};
template <>
struct PairDot<isa::avx512vnni> : PairDotAvx2 {};

#endif

// sums[kRows][kPanel], of which it adds to those of kBlocks * outputs columns.
template <class Isa, int kRows, int kBlocks>
__attribute__((noinline)) void tile_int16(const int16_t* const* rows, int32_t k, const int8_t* w, ptrdiff_t weight_step,
                                          int64_t* sums) {
  using D = PairDot<Isa>;
  const int16_t* x[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) x[r] = rows[r];
  for (int32_t first = 0; first < k; first += kPair * kPairsTogether) {
    const int32_t end = k - first < kPair * kPairsTogether ? k : first + kPair * kPairsTogether;
    typename D::Sum sum[kRows][kBlocks];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int b = 0; b < kBlocks; ++b) sum[r][b] = D::zero();
    }
    for (int32_t i = first; i < end; i += kPair, w += weight_step) {
      typename D::Weights weights[kBlocks];
#pragma GCC unroll 4
      for (int b = 0; b < kBlocks; ++b) weights[b] = D::weights(w + b * D::outputs * kPair);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const typename D::Inputs inputs = D::inputs(x[r] + i);
#pragma GCC unroll 4
        for (int b = 0; b < kBlocks; ++b) D::add(&sum[r][b], weights[b], inputs);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int b = 0; b < kBlocks; ++b) D::drain(sum[r][b], sums + r * kPanel + b * D::outputs);
    }
  }
}

// How results are made of sums.
struct SumScaling {
  using Factor = SumFactor;
  static LINNET_INLINE int32_t result(int64_t sum, const SumFactor& f) {
    const uint64_t product = static_cast<uint64_t>(sum) * static_cast<uint64_t>(int64_t{f.multiplier});
    const int64_t rounded = static_cast<int64_t>(product + (uint64_t{1} << (f.shift - 1)));
    const int32_t scaled = static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(rounded >> f.shift)));
    return Int<isa::scalar>::rounding_shift_right({scaled}, {f.divide}).v;
  }
};

struct RealScaling {
  using Factor = double;
  static LINNET_INLINE int32_t result(int64_t sum, double factor) {
    constexpr double kMost = 65536.0;  // beyond all results
    const double product = static_cast<double>(sum) * factor;
    const double limited = product < kMost ? (product > -kMost ? product : -kMost) : kMost;
    const int32_t whole = static_cast<int32_t>(limited);
    const double rest = limited - static_cast<double>(whole);
    return whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0);
  }
};

// `columns` results of one row of sums, of the panel of `width` whose header this is.
template <class Scaling>
LINNET_INLINE void finish_int16(const int64_t* sums, const int8_t* panel, int32_t width, int32_t columns, int32_t low,
                                int32_t high, int16_t* y) {
  using Factor = typename Scaling::Factor;
  const Factor* const factors = reinterpret_cast<const Factor*>(panel + width * static_cast<int32_t>(sizeof(int64_t)));
  for (int32_t c = 0; c < columns; ++c) {
    const int32_t value = Scaling::result(sums[c], factors[c]);
    y[c] = static_cast<int16_t>(value < low ? low : value > high ? high : value);
  }
}

}  // namespace linnet::kernels
