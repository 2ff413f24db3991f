// Codes of weights become floats: in registers, and as a run of a panel's inputs in a buffer that stays in the
// first-level cache while the register tile of gemm/tile.hpp reads it for many rows.
#pragma once

#include <type_traits>

#include "kernels/contract_codes.hpp"
#include "kernels/simd/integer.hpp"

namespace linnet::kernels {

// Sixteen floats by a code in each lane. Of tables of four, memory behind them is read as well.
template <class Isa>
struct CodeTable {
  using V = F32<Isa>;
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX512F__)
  V values;
  LINNET_INLINE void load(const float* p) {
    values = V::load(p);
  }
  LINNET_INLINE V operator()(I32<Isa> code) const {
    return {typename V::Batch(_mm512_permutexvar_ps(code.v, values.v))};
  }
#elif defined(LINNET_ISA_IS_SIMD) && defined(__AVX2__)
  V low, high;
  LINNET_INLINE void load(const float* p) {
    low = V::load(p), high = V::load(p + 8);
  }
  LINNET_INLINE V operator()(I32<Isa> code) const {
    const __m256 a = _mm256_permutevar8x32_ps(low.v, code.v), b = _mm256_permutevar8x32_ps(high.v, code.v);
    return {typename V::Batch(_mm256_blendv_ps(a, b, _mm256_castsi256_ps(_mm256_slli_epi32(code.v, 28))))};
  }
#elif defined(LINNET_ISA_IS_SIMD) && defined(__aarch64__)
  uint8x16x4_t bytes;
  LINNET_INLINE void load(const float* p) {
    for (int i = 0; i < 4; ++i) bytes.val[i] = vreinterpretq_u8_f32(vld1q_f32(p + 4 * i));
  }
  LINNET_INLINE V operator()(I32<Isa> code) const {
    const uint32x4_t index = vmlaq_n_u32(vdupq_n_u32(0x03020100), vreinterpretq_u32_s32(code.v), 0x04040404);
    return {typename V::Batch(vreinterpretq_f32_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(index))))};
  }
#elif defined(LINNET_ISA_IS_SIMD)
  uint8x8x4_t low, high;
  LINNET_INLINE void load(const float* p) {
    for (int i = 0; i < 4; ++i) {
      low.val[i] = vreinterpret_u8_f32(vld1_f32(p + 2 * i));
      high.val[i] = vreinterpret_u8_f32(vld1_f32(p + 8 + 2 * i));
    }
  }
  LINNET_INLINE uint8x8_t lookup(uint8x8_t index) const {
    return vtbx4_u8(vtbl4_u8(low, index), high, vsub_u8(index, vdup_n_u8(32)));
  }
  LINNET_INLINE V operator()(I32<Isa> code) const {
    const uint32x4_t words = vmlaq_n_u32(vdupq_n_u32(0x03020100), vreinterpretq_u32_s32(code.v), 0x04040404);
    const uint8x16_t index = vreinterpretq_u8_u32(words);
    const uint8x16_t bytes = vcombine_u8(lookup(vget_low_u8(index)), lookup(vget_high_u8(index)));
    return {typename V::Batch(vreinterpretq_f32_u8(bytes))};
  }
#else
  const float* values;
  LINNET_INLINE void load(const float* p) {
    values = p;
  }
  LINNET_INLINE V operator()(I32<Isa> code) const {
    return V::load(values + code.v);
  }
#endif
};

// Codes less `zero` as floats.
template <class Isa>
struct CodeNumber {
#if defined(LINNET_ISA_IS_SIMD) && defined(__AVX512F__)
  F32<Isa> numbers;
  LINNET_INLINE void load(int32_t zero) {
    const __m512i all = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    numbers.v = typename F32<Isa>::Batch(_mm512_cvtepi32_ps(_mm512_sub_epi32(all, _mm512_set1_epi32(zero))));
  }
  LINNET_INLINE F32<Isa> operator()(I32<Isa> code) const {
    return {typename F32<Isa>::Batch(_mm512_permutexvar_ps(code.v, numbers.v))};
  }
#else
  I32<Isa> zero;
  LINNET_INLINE void load(int32_t z) {
    zero = I32<Isa>::set(z);
  }
  LINNET_INLINE F32<Isa> operator()(I32<Isa> code) const {
    return to_float(code - zero);
  }
#endif
};

// What codes of a vector of outputs stand for, within one group of inputs.
template <class Isa, CodeKind kKind>
struct Decoder {
  using V = F32<Isa>;
  V step, offset;
  CodeNumber<Isa> number;

  LINNET_INLINE void load(const CodeFormat& format, const float* grid, int32_t width) {
    step = V::load(grid);
    number.load(kKind == CodeKind::Grid ? format.zero : 0);
    if constexpr (kKind == CodeKind::OffsetGrid) offset = V::load(grid + width);
  }
  LINNET_INLINE V operator()(I32<Isa> code) const {
    if constexpr (kKind == CodeKind::Grid) return number(code) * step;
    return fma(number(code), step, offset);
  }
};
template <class Isa>
struct Decoder<Isa, CodeKind::Table> {
  CodeTable<Isa> table;
  LINNET_INLINE void load(const CodeFormat&, const float* values, int32_t) { table.load(values); }
  LINNET_INLINE F32<Isa> operator()(I32<Isa> code) const { return table(code); }
};

// A panel of a section of [k, n].
struct CodesPanel {
  const float* bias;
  const uint8_t* words;
  int32_t width;

  LINNET_INLINE CodesPanel(const CodeFormat& format, const uint8_t* panel, int32_t panel_width, int64_t k)
      : bias(reinterpret_cast<const float*>(panel)),
        words(panel + codes_head_bytes(format, panel_width, k)),
        width(panel_width) {}
  // What a Decoder of the outputs from `column` on takes for the inputs from i on.
  template <CodeKind kKind>
  LINNET_INLINE const float* decoder(const CodeFormat& format, int32_t column, int32_t i) const {
    if constexpr (kKind == CodeKind::Table) return bias + width;
    return bias + width * (1 + i / format.group * (kKind == CodeKind::OffsetGrid ? 2 : 1)) + column;
  }
  template <class Isa>
  LINNET_INLINE I32<Isa> word(int32_t column, int32_t index) const {
    const uint8_t* const p = words + (static_cast<ptrdiff_t>(index) * width + column) * 4;
    return Int<Isa>::load(reinterpret_cast<const int32_t*>(p));
  }
};

// Calls body(integral constants of the bits and the kind).
template <class Body>
LINNET_INLINE void with_format(const CodeFormat& format, Body body) {
  const auto with_bits = [&](auto bits) LINNET_INLINE_LAMBDA {
    switch (format.kind) {
      case CodeKind::Grid:
        return body(bits, std::integral_constant<CodeKind, CodeKind::Grid>{});
      case CodeKind::OffsetGrid:
        return body(bits, std::integral_constant<CodeKind, CodeKind::OffsetGrid>{});
      case CodeKind::Table:
        return body(bits, std::integral_constant<CodeKind, CodeKind::Table>{});
      case CodeKind::OutputTable:
        return;
    }
  };
  if (format.bits == 4) return with_bits(std::integral_constant<int, 4>{});
  with_bits(std::integral_constant<int, 2>{});
}

// The weights of inputs begin .. end of the outputs from `column` on, rows `width` of the panel apart.
template <class Isa, int kBits, CodeKind kKind>
LINNET_INLINE void decode_columns(const CodeFormat& format, const CodesPanel& panel, int32_t column, int32_t begin,
                                  int32_t end, float* out) {
  using V = F32<Isa>;
  constexpr int32_t kInputs = 32 / kBits;
  const I32<Isa> mask = I32<Isa>::set((1 << kBits) - 1);
  const ptrdiff_t width = panel.width;
  for (int32_t i = begin; i < end;) {
    Decoder<Isa, kKind> decoder;
    decoder.load(format, panel.template decoder<kKind>(format, column, i), panel.width);
    I32<Isa> word = panel.template word<Isa>(column, i / kInputs);
    const auto put = [&]() LINNET_INLINE_LAMBDA {
      const V weight = decoder(word & mask);
      weight.store(out);
      word = word.template sar<kBits>();
      out += width;
    };
    if (i % kInputs == 0 && end - i >= kInputs) {
#pragma GCC unroll 16
      for (int32_t j = 0; j < kInputs; ++j) put();
      i += kInputs;
    } else {
      for (int32_t j = 0; j < i % kInputs; ++j) word = word.template sar<kBits>();
      do put();
      while (++i < end && i % kInputs != 0);
    }
  }
}

// The weights of inputs begin .. end as Panel16 rows; a vector may write beyond the last row of a narrow panel.
template <class Isa>
__attribute__((noinline)) void decode_panel(const CodeFormat& format, const CodesPanel& panel, int32_t begin,
                                            int32_t end, float* out) {
  with_format(format, [&](auto bits, auto kind) LINNET_INLINE_LAMBDA {
    for (int32_t column = 0; column < panel.width; column += F32<Isa>::width)
      decode_columns<Isa, bits, kind>(format, panel, column, begin, end, out + column);
  });
}

}  // namespace linnet::kernels
