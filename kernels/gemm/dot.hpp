// Dot<Isa>: sums of products of four int8 inputs for a block of adjacent outputs of a Panel16Int8, exact on every
// instruction set. Weights of a block are [outputs][4] bytes; loading them may read up to 64 bytes. start: sums that
// begin with numbers in memory. Inputs are multiplied in the form that `converted` gives them. Where it `converts`
// them, convert does so with kConverted of them, or with n < kConverted, after which there may be any numbers behind
// the n. flips_inputs: converted inputs are 128 larger. screens_weights: add is for weights that screen_weights has
// found Small (screen.hpp), add_divided for Large ones, whose inputs lie in two more planes: as they are, and their
// sizes; Lowest ones are multiplied as two, limited and rest. is_lowest: whether one of `least` is -128. pairs_groups:
// add_pair adds the products of two groups of four inputs, of weights that are not -128 where those are screened for,
// and moves on to the next two.
#pragma once

#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

// `blocks` of a register tile with several rows, and of one with a single row, which has enough sums to hide the
// latency of the multiplications only so.
template <class Isa>
struct Dot;

// Blocks of a tile with several rows that have registers for their sums; the others come after them.
template <class Isa>
constexpr int kBlocksTogether = Dot<Isa>::blocks;
template <>
inline constexpr int kBlocksTogether<isa::neon32> = 1;
template <>
inline constexpr int kBlocksTogether<isa::neon64> = 1;

// Inputs as they are.
struct PlainInputs {
  using Input = int8_t;
  static constexpr bool flips_inputs = false, converts = false, screens_weights = false, pairs_groups = false;
  static LINNET_INLINE Input converted(int8_t x) { return x; }
};

template <>
struct Dot<isa::scalar> : PlainInputs {
  static constexpr int outputs = 2, blocks = 1, single_row_blocks = 1;
  struct Sum {
    int32_t v[outputs];
  };
  using Weights = const int8_t*;
  using Inputs = const int8_t*;
  static LINNET_INLINE Sum start(const int32_t* p) { return load_as<isa::scalar, Sum>(p); }
  static LINNET_INLINE Weights weights(const int8_t* p) { return p; }
  static LINNET_INLINE Inputs inputs(const int8_t* p) { return p; }
  static LINNET_INLINE void add(Sum* sum, Weights w, Inputs x) {
#pragma GCC unroll 2
    for (int o = 0; o < outputs; ++o, w += kDot) {
      sum->v[o] += w[0] * x[0];
      sum->v[o] += w[1] * x[1];
      sum->v[o] += w[2] * x[2];
      sum->v[o] += w[3] * x[3];
    }
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    std::memcpy(p, sum.v, sizeof(sum.v));
  }
};

#ifdef LINNET_ISA_IS_SIMD
#if defined(__AVX512F__)

// Products of sign-extended bytes.
template <>
struct Dot<isa::avx512> {
  static constexpr int outputs = 16, blocks = 2, single_row_blocks = 4;
  using Input = int16_t;
  static constexpr bool flips_inputs = false, converts = true, screens_weights = false, pairs_groups = false;
  static constexpr int kConverted = 32;
  static LINNET_INLINE Input converted(int8_t x) { return x; }
  static LINNET_INLINE void convert(const int8_t* x, Input* y) { _mm512_storeu_si512(y, widen(x)); }
  static LINNET_INLINE void convert(const int8_t* x, Input* y, int n) {
    const __m256i bytes = _mm256_maskz_loadu_epi8(static_cast<__mmask32>((1u << n) - 1u), x);
    _mm512_storeu_si512(y, _mm512_cvtepi8_epi16(bytes));
  }
  struct Sum {
    __m512i low, high;  // outputs 0..7 and 8..15, two lanes each
  };
  using Weights = Sum;
  using Inputs = __m512i;
  static LINNET_INLINE __m512i widen(const int8_t* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static LINNET_INLINE __m512i start_lanes(const int32_t* p) {
    return _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static LINNET_INLINE Sum start(const int32_t* p) { return {start_lanes(p), start_lanes(p + 8)}; }
  static LINNET_INLINE Weights weights(const int8_t* p) { return {widen(p), widen(p + 32)}; }
  static LINNET_INLINE Inputs inputs(const Input* p) { return _mm512_set1_epi64(load_as<isa::avx512, int64_t>(p)); }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, Inputs x) {
    sum->low = _mm512_add_epi32(sum->low, _mm512_madd_epi16(w.low, x));
    sum->high = _mm512_add_epi32(sum->high, _mm512_madd_epi16(w.high, x));
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    _mm512_storeu_si512(p, _mm512_add_epi32(_mm512_permutex2var_epi32(sum.low, even, sum.high),
                                            _mm512_permutex2var_epi32(sum.low, odd, sum.high)));
  }
};

#if defined(__AVX512VNNI__)
// vpdpbusd multiplies unsigned by signed bytes: inputs with their sign bit flipped are 128 larger.
template <>
struct Dot<isa::avx512vnni> {
  static constexpr int outputs = 16, blocks = 4, single_row_blocks = 4;
  using Input = int8_t;
  static constexpr bool flips_inputs = true, converts = true, screens_weights = false, pairs_groups = false;
  static constexpr int kConverted = 64;
  static LINNET_INLINE __m512i flipped(__m512i x) {
    return _mm512_xor_si512(x, _mm512_set1_epi8(static_cast<char>(0x80)));
  }
  static LINNET_INLINE Input converted(int8_t x) { return static_cast<int8_t>(x ^ 0x80); }
  static LINNET_INLINE void convert(const int8_t* x, Input* y) {
    _mm512_storeu_si512(y, flipped(_mm512_loadu_si512(x)));
  }
  static LINNET_INLINE void convert(const int8_t* x, Input* y, int n) {
    _mm512_storeu_si512(y, flipped(_mm512_maskz_loadu_epi8((uint64_t{1} << n) - 1, x)));
  }
  using Sum = __m512i;
  using Weights = __m512i;
  using Inputs = __m512i;
  static LINNET_INLINE Sum start(const int32_t* p) { return _mm512_loadu_si512(p); }
  static LINNET_INLINE Weights weights(const int8_t* p) { return _mm512_loadu_si512(p); }
  static LINNET_INLINE Inputs inputs(const Input* p) { return _mm512_set1_epi32(load_as<isa::avx512vnni, int32_t>(p)); }
  static LINNET_INLINE void add(Sum* sum, Weights w, Inputs x) { *sum = _mm512_dpbusd_epi32(*sum, x, w); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { _mm512_storeu_si512(p, sum); }
};
#endif

#elif defined(__AVX2__)

// n < 16 bytes.
template <class Isa>
LINNET_INLINE __m128i load_few(const int8_t* x, int n) {
  uint64_t words[2];
  load_words<Isa>(x, n, words);
  return _mm_set_epi64x(static_cast<int64_t>(words[1]), static_cast<int64_t>(words[0]));
}

// Bytes with their sign bit flipped are unsigned ones, 128 larger.
template <class Isa>
struct DotBytes256 {
  static constexpr int outputs = 8, blocks = 2;
  using Input = int8_t;
  static constexpr bool flips_inputs = true, converts = true;
  static constexpr int kConverted = 16;
  static LINNET_INLINE void store_flipped(__m128i x, Input* y) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm_xor_si128(x, _mm_set1_epi8(static_cast<char>(0x80))));
  }
  static LINNET_INLINE Input converted(int8_t x) { return static_cast<int8_t>(x ^ 0x80); }
  static LINNET_INLINE void convert(const int8_t* x, Input* y) { store_flipped(load_as<Isa, __m128i>(x), y); }
  static LINNET_INLINE void convert(const int8_t* x, Input* y, int n) { store_flipped(load_few<Isa>(x, n), y); }
  using Sum = __m256i;
  using Weights = __m256i;
  using Inputs = __m256i;
  static LINNET_INLINE Sum start(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static LINNET_INLINE Weights weights(const int8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static LINNET_INLINE Inputs inputs(const Input* p) { return _mm256_set1_epi32(load_as<Isa, int32_t>(p)); }
  static LINNET_INLINE void store(Sum sum, int32_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), sum); }
};

template <>
struct Dot<isa::avx2> : DotBytes256<isa::avx2> {
  static constexpr int single_row_blocks = 4;
  static constexpr bool screens_weights = true, pairs_groups = false;
  static LINNET_INLINE Sum added(Sum sum, __m256i pairs) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static LINNET_INLINE void add(Sum* sum, Weights w, Inputs x) { *sum = added(*sum, _mm256_maddubs_epi16(x, w)); }
  // |x| times the weights with the sign of x: two products are at most 2 * 128 * 127.
  struct DividedInputs {
    __m256i plain, size;
  };
  static LINNET_INLINE DividedInputs divided_inputs(const Input* row, ptrdiff_t plain, ptrdiff_t size) {
    return {inputs(row + plain), inputs(row + size)};
  }
  static LINNET_INLINE void add_divided(Sum* sum, Weights w, const DividedInputs& x) {
    *sum = added(*sum, _mm256_maddubs_epi16(x.size, _mm256_sign_epi8(w, x.plain)));
  }
  static LINNET_INLINE Weights limited(Weights w) { return _mm256_max_epi8(w, _mm256_set1_epi8(-127)); }
  static LINNET_INLINE Weights lower(Weights a, Weights b) { return _mm256_min_epi8(a, b); }
  static LINNET_INLINE bool is_lowest(Weights least) {
    const __m256i equal = _mm256_cmpeq_epi8(least, _mm256_set1_epi8(INT8_MIN));
    return _mm256_testz_si256(equal, equal) == 0;
  }
  static LINNET_INLINE Weights rest(Weights w) { return _mm256_sub_epi8(w, limited(w)); }
};

#if defined(__AVXVNNI__)
template <>
struct Dot<isa::avxvnni> : DotBytes256<isa::avxvnni> {
  static constexpr int single_row_blocks = 8;
  static constexpr bool screens_weights = false, pairs_groups = false;
  static LINNET_INLINE void add(Sum* sum, Weights w, Inputs x) { *sum = _mm256_dpbusd_avx_epi32(*sum, x, w); }
};
#endif

#elif defined(__ARM_NEON)

#if defined(__ARM_FEATURE_DOTPROD)
// All registers hold sums of 6 rows x 16, their inputs, and two vectors of weights: add_pair's instructions stand in
// the order in which they are to issue, as in multiply_neon.hpp. A vector is loaded as a whole, which takes two cycles
// of Cortex-A55; to insert a half would take one of a multiplication's slots on A76.
template <>
struct Dot<isa::neon64dot> : PlainInputs {
  static constexpr int outputs = 8, blocks = 2, single_row_blocks = 8;
  static constexpr bool pairs_groups = true;
  struct Sum {
    int32x4_t low, high;
  };
  struct Weights {
    int8x16_t low, high;
  };
  using Inputs = int8x16_t;
  static LINNET_INLINE Sum start(const int32_t* p) { return {vld1q_s32(p), vld1q_s32(p + 4)}; }
  static LINNET_INLINE Weights weights(const int8_t* p) { return {vld1q_s8(p), vld1q_s8(p + 16)}; }
  static LINNET_INLINE Inputs inputs(const int8_t* p) {
    return vreinterpretq_s8_s32(vdupq_n_s32(load_as<isa::neon64dot, int32_t>(p)));
  }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, Inputs x) {
    sum->low = vdotq_s32(sum->low, w.low, x);
    sum->high = vdotq_s32(sum->high, w.high, x);
  }
  // In memory.
  typedef int8_t Bytes8 __attribute__((vector_size(8), aligned(1), may_alias));
  typedef int8_t Bytes16 __attribute__((vector_size(16), aligned(1), may_alias));
  static LINNET_INLINE void load_weights(const int8_t* w, int8x16_t& v) {
    asm volatile("ldr %q0, %1" : "=w"(v) : "m"(*reinterpret_cast<const Bytes16*>(w)));
  }
  static LINNET_INLINE void load_groups(const int8_t*& x, int8x8_t& groups) {
    asm volatile("ldr %d0, %1" : "=w"(groups) : "m"(*reinterpret_cast<const Bytes8*>(x)));
    x += 2 * kDot;
  }
  // The products with one of the vectors of weights of two groups, and then with the next ones; late rows' inputs are
  // loaded between the first products.
  static constexpr int kLateRows = 2;
  template <int kVector, int kRows, int kBlocks>
  static LINNET_INLINE void add_vectors(Sum (&sums)[kRows][kBlocks], int8x16_t (&weights)[2], const int8_t* w,
                                        ptrdiff_t step, const int8_t* (&x)[kRows], int8x8_t (&inputs)[kRows]) {
    static_assert(kRows >= 2 * kLateRows);
    constexpr int kVectors = 2 * kBlocks, kNext = kVector + 1, kLate = kVector == 0 ? kLateRows : 0;
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      Sum& sum = sums[r][kVector % kVectors / 2];
      asm volatile("sdot %0.4s, %1.16b, %2.4b[%3]"
                   : "+w"(kVector % 2 == 0 ? sum.low : sum.high)
                   : "w"(weights[kVector % 2]), "w"(inputs[r]), "n"(kVector / kVectors));
      if (r < kLate) load_groups(x[kRows - kLate + r], inputs[kRows - kLate + r]);
      if (r == kLate && kNext < 2 * kVectors)
        load_weights(w + kNext / kVectors * step + kNext % kVectors * 16, weights[kNext % 2]);
    }
    if constexpr (kNext < 2 * kVectors) add_vectors<kNext>(sums, weights, w, step, x, inputs);
  }
  template <int kRows, int kBlocks>
  static LINNET_INLINE void add_pair(Sum (&sums)[kRows][kBlocks], const int8_t*& w, ptrdiff_t step,
                                     const int8_t* (&x)[kRows]) {
    int8x16_t weights[2];
    load_weights(w, weights[0]);
    int8x8_t inputs[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows - kLateRows; ++r) load_groups(x[r], inputs[r]);
    add_vectors<0>(sums, weights, w, step, x, inputs);
    w += 2 * step;
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
    vst1q_s32(p, sum.low);
    vst1q_s32(p + 4, sum.high);
  }
};
#endif

// Products of bytes, added up in pairs: a sum of two fits into 16 bits unless all four are -128.
template <class Isa>
struct DotNeon : PlainInputs {
  static constexpr int outputs = 8;
  static constexpr bool pairs_groups = true;
  struct Sum {
    int32x4_t v[4];  // two outputs each, two lanes each
  };
  struct Weights {
    int8x8_t v[4];
  };
  using Inputs = int8x8_t;
  static LINNET_INLINE Sum start(const int32_t* p) {
    Sum sum;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      sum.v[i] = vreinterpretq_s32_u64(vmovl_u32(vreinterpret_u32_s32(vld1_s32(p + 2 * i))));
    }
    return sum;
  }
  static LINNET_INLINE Weights weights(const int8_t* p) {
    return {{vld1_s8(p), vld1_s8(p + 8), vld1_s8(p + 16), vld1_s8(p + 24)}};
  }
  static LINNET_INLINE Inputs inputs(const int8_t* p) {
    return vreinterpret_s8_s32(vdup_n_s32(load_as<Isa, int32_t>(p)));
  }
  static LINNET_INLINE void add(Sum* sum, const Weights& w, Inputs x) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum->v[i] = vpadalq_s16(sum->v[i], vmull_s8(w.v[i], x));
  }
  static LINNET_INLINE void store(const Sum& sum, int32_t* p) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      vst1_s32(p + 2 * i, vpadd_s32(vget_low_s32(sum.v[i]), vget_high_s32(sum.v[i])));
    }
  }
};

#if defined(__aarch64__)
template <>
struct Dot<isa::neon64> : DotNeon<isa::neon64> {
  static constexpr int blocks = 2, single_row_blocks = 4;
  // Inputs of a group, four times; moves on to the next one.
  static LINNET_INLINE int8x16_t load_group(const int8_t*& x) {
    typedef int32_t Group __attribute__((aligned(1), may_alias));
    int8x16_t group;
    asm("ld1r {%0.4s}, [%1], #4" : "=w"(group), "+r"(x) : "m"(*reinterpret_cast<const Group*>(x)));
    return group;
  }
  template <int kRows>
  static LINNET_INLINE void add_pair(Sum (&sums)[kRows][1], const int8_t*& w, ptrdiff_t step,
                                     const int8_t* (&x)[kRows]) {
    int8x16_t first[kRows], second[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      first[r] = load_group(x[r]);
      second[r] = load_group(x[r]);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const int8x16_t a = vld1q_s8(w + 16 * half), b = vld1q_s8(w + step + 16 * half);
      asm volatile("");  // products that began before would take the registers
      int16x8_t low[kRows], high[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        low[r] = vmull_s8(vget_low_s8(a), vget_low_s8(first[r]));
        high[r] = vmull_high_s8(a, first[r]);
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        low[r] = vmlal_s8(low[r], vget_low_s8(b), vget_low_s8(second[r]));
        high[r] = vmlal_high_s8(high[r], b, second[r]);
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        int32x4_t* const sum = sums[r][0].v + 2 * half;
        sum[0] = vpadalq_s16(sum[0], low[r]);
        sum[1] = vpadalq_s16(sum[1], high[r]);
      }
    }
    w += 2 * step;
  }
};
#else
// With few registers what an instruction loads matters: 32 bytes of weights, or two groups of inputs, each twice.
template <>
struct Dot<isa::neon32> : DotNeon<isa::neon32> {
  static constexpr int blocks = 2, single_row_blocks = 2;
  static LINNET_INLINE Weights weights(const int8_t* p) {
    const int64x1x4_t all = vld4_s64(reinterpret_cast<const int64_t*>(p));
    return {{vreinterpret_s8_s64(all.val[0]), vreinterpret_s8_s64(all.val[1]), vreinterpret_s8_s64(all.val[2]),
             vreinterpret_s8_s64(all.val[3])}};
  }
  static LINNET_INLINE Inputs inputs(const int8_t* p) {
    return vreinterpret_s8_s32(vld1_dup_s32(reinterpret_cast<const int32_t*>(p)));
  }
  template <int kRows>
  static LINNET_INLINE void add_pair(Sum (&sums)[kRows][1], const int8_t*& w, ptrdiff_t step,
                                     const int8_t* (&x)[kRows]) {
    const Weights first = weights(w);
    move_on<isa::neon32>(w, step);
    const Weights second = weights(w);
    move_on<isa::neon32>(w, step);
    asm volatile("");  // products that began before would take the registers
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const int32x2x2_t inputs = vld2_dup_s32(reinterpret_cast<const int32_t*>(x[r]));
      move_on<isa::neon32>(x[r], 2 * kDot);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const int16x8_t products = vmull_s8(first.v[i], vreinterpret_s8_s32(inputs.val[0]));
        int32x4_t& sum = sums[r][0].v[i];
        sum = vpadalq_s16(sum, vmlal_s8(products, second.v[i], vreinterpret_s8_s32(inputs.val[1])));
      }
    }
  }
};
#endif

#endif
#endif  // LINNET_ISA_IS_SIMD

}  // namespace linnet::kernels
