// The register tile's loop on NEON, two inputs of every row at a time. Its instructions stand in the order in which
// they are to issue, one asm each, so that the compiler assigns registers and nothing else: cores that execute in order
// (Cortex-A53, A55, A7) then find the loads spread between the multiply-adds, each well before its use. Those cores
// load at most 64 bits beside a multiply-add; therefore inputs come in pairs, and on aarch64 a vector of weights is a
// 64-bit load, an integer load and an insertion. tests/bench/neon.sh shows what a core's model makes of the loop.
#pragma once

#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

// Vectors of a tile that are computed together, of `vectors` in a panel: on aarch64 half of the registers accumulate,
// the others hold two rows of weights and a pair of inputs for each row.
template <class Isa>
constexpr int tile_vectors(int rows, int vectors) {
  return isa_id<Isa> == IsaId::neon64 && rows * vectors > 16 ? vectors / 2 : vectors;
}

// acc[r][v] += sum over i < k of a[r][i] * w[i * kWidth + 4 v], k even and not 0.
template <class Isa, int kWidth, int kRows, int kVectors>
LINNET_INLINE void multiply_pairs(F32<Isa> (&acc)[kRows][kVectors], const float* const (&a)[kRows], const float* w,
                                  ptrdiff_t k);

#if defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)

// Two floats in memory.
typedef float NeonPair __attribute__((vector_size(8), aligned(4), may_alias));

#if defined(__aarch64__)

// A vector of weights, loaded in three parts.
struct NeonWeight {
  float32x4_t v;
  uint64_t high;

  template <int kPart>
  LINNET_INLINE void load(const float* p) {
    if constexpr (kPart == 0) asm volatile("ldr %d0, %1" : "=w"(v) : "m"(*reinterpret_cast<const NeonPair*>(p)));
    if constexpr (kPart == 1) asm volatile("ldr %0, %1" : "=r"(high) : "m"(*reinterpret_cast<const NeonPair*>(p + 2)));
    if constexpr (kPart == 2) asm volatile("ins %0.d[1], %1" : "+w"(v) : "r"(high));
  }
};

// A pair of inputs of every row; those of a late row are loaded in two parts.
template <int kRows>
struct NeonInputs {
  const float* a[kRows];
  ptrdiff_t offset;  // bytes from a[r] to the pairs to load
  float32x4_t v[kRows];
  uint64_t late[kRows];

  LINNET_INLINE const NeonPair& pair(int r) const {
    return *reinterpret_cast<const NeonPair*>(reinterpret_cast<const char*>(a[r]) + offset);
  }
  LINNET_INLINE void load(int r) { asm volatile("ldr %d0, %1" : "=w"(v[r]) : "m"(pair(r))); }
  template <int kPart>
  LINNET_INLINE void load_late(int r) {
    if constexpr (kPart == 0) asm volatile("ldr %0, %1" : "=r"(late[r]) : "m"(pair(r)));
    if constexpr (kPart == 1) asm volatile("fmov %d0, %1" : "=w"(v[r]) : "r"(late[r]));
  }
  LINNET_INLINE void advance() {
    offset += sizeof(NeonPair);
    asm volatile("" : "+r"(offset));  // one register, which the loads of all rows add
  }
};

// acc + w * x[kLane]
template <int kLane>
LINNET_INLINE void accumulate(float32x4_t& acc, float32x4_t w, float32x4_t x) {
  asm volatile("fmla %0.4s, %1.4s, %2.s[%3]" : "+w"(acc) : "w"(w), "w"(x), "n"(kLane));
}

#else

struct NeonWeight {
  float32x4_t v;

  template <int kPart>
  LINNET_INLINE void load(const float* p) {
    if constexpr (kPart == 0) asm volatile("vldr %e0, %1" : "=w"(v) : "Uv"(*reinterpret_cast<const NeonPair*>(p)));
    if constexpr (kPart == 1) asm volatile("vldr %f0, %1" : "+w"(v) : "Uv"(*reinterpret_cast<const NeonPair*>(p + 2)));
  }
};

template <int kRows>
struct NeonInputs {
  const float* a[kRows];  // to the pairs to load next
  float32x2_t v[kRows];

  LINNET_INLINE void load(int r) { asm volatile("vld1.32 {%P0}, [%1]!" : "=t"(v[r]), "+r"(a[r])); }
  template <int kPart>
  LINNET_INLINE void load_late(int r) {
    if constexpr (kPart == 1) load(r);
  }
  LINNET_INLINE void advance() {}
};

// As multiply_add: armv7's multiply-add by lane rounds the product.
template <int kLane>
LINNET_INLINE void accumulate(float32x4_t& acc, float32x4_t w, float32x2_t x) {
  asm volatile("vmla.f32 %q0, %q1, %P2[%3]" : "+w"(acc) : "w"(w), "t"(x), "n"(kLane));
}

#endif

template <int kRows, int kVectors, int kWidth>
struct NeonTile {
  static constexpr int kSteps = kRows * kVectors;  // multiply-adds of one input
  // While the even inputs are multiplied, the weights of the odd ones are loaded and the late rows' inputs arrive, each
  // before its turn; while the odd ones are, the next weights and inputs are loaded, an early row's after its turn. All
  // this happens in slots between the multiply-adds, at equal distances: three of 8x2, as Cortex-A53 likes it.
  static constexpr int kEarlyRows = kRows / 2, kLateRows = kRows - kEarlyRows;
  static constexpr int kDistance = (kSteps - 1) / (kVectors + kEarlyRows - 1);
  static constexpr int step_or_last(int step) { return step < kSteps ? step : kSteps - 1; }
  // The step that a slot precedes.
  static constexpr int even_slot(int slot) { return step_or_last((slot + 1) * kDistance - 1); }
  static constexpr int odd_slot(int slot) { return step_or_last(slot * kDistance); }
  static constexpr int late_row_slot(int late) { return even_slot(late < 2 ? late : 1 + late / 2); }
  static constexpr int early_row_slot(int row) { return odd_slot(kVectors + row); }
  static constexpr bool rows_in_time() {
    for (int late = 0; late < kLateRows; ++late) {
      if (late_row_slot(late) > (kEarlyRows + late) * kVectors) return false;
    }
    for (int r = 0; r < kEarlyRows; ++r) {
      if (early_row_slot(r) < (r + 1) * kVectors) return false;
    }
    return true;
  }
  static_assert(rows_in_time());

  float32x4_t acc[kRows][kVectors];
  NeonWeight weights[2][kVectors];  // of an even and of an odd input
  NeonInputs<kRows> inputs;
  const float* w;   // weights of the pair
  ptrdiff_t pairs;  // that follow it

  LINNET_INLINE void load_first() {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      weights[0][v].template load<0>(w + 4 * v);
      weights[0][v].template load<1>(w + 4 * v);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kEarlyRows; ++r) inputs.load(r);
#pragma GCC unroll 16
    for (int r = kEarlyRows; r < kRows; ++r) inputs.template load_late<0>(r);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) weights[0][v].template load<2>(w + 4 * v);
  }

  // The part of a vector of weights that precedes a step.
  LINNET_INLINE static void load_weight(NeonWeight& weight, int step, int first, int last, const float* p) {
    if (step == first) weight.template load<0>(p);
    if (step == step_or_last(first + 1)) weight.template load<1>(p);
    if (step == last) weight.template load<2>(p);
  }

  LINNET_INLINE void load_even(int step) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      load_weight(weights[1][v], step, even_slot(v), even_slot(v + 3), w + kWidth + 4 * v);
    }
#pragma GCC unroll 16
    for (int late = 0; late < kLateRows; ++late) {
      if (step == late_row_slot(late)) inputs.template load_late<1>(kEarlyRows + late);
    }
  }

  LINNET_INLINE void load_odd(int step) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) load_weight(weights[0][v], step, odd_slot(v), odd_slot(v + 2), w + 4 * v);
#pragma GCC unroll 16
    for (int r = 0; r < kEarlyRows; ++r) {
      if (step == early_row_slot(r)) inputs.load(r);
    }
#pragma GCC unroll 16
    for (int late = 0; late < kLateRows; ++late) {
      if (step == step_or_last(odd_slot(kVectors + late) + 1)) inputs.template load_late<0>(kEarlyRows + late);
    }
  }

  // On to the next pair, once the last weights of this one are loaded.
  LINNET_INLINE void advance(int step) {
    if (step == step_or_last(even_slot(kVectors - 1) + 2)) {
      w += 2 * kWidth;
      asm volatile("" : "+r"(w));
    }
    if (step == kSteps - 2) inputs.advance();
    if (step == kSteps - 1) {
      --pairs;
      asm volatile("" : "+r"(pairs));
    }
  }

  // The products with a pair of inputs; kNext: another pair follows.
  template <bool kNext>
  LINNET_INLINE void multiply() {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const int step = r * kVectors + v;
        load_even(step);
        if constexpr (kNext) advance(step);
        accumulate<0>(acc[r][v], weights[0][v].v, inputs.v[r]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        if constexpr (kNext) load_odd(r * kVectors + v);
        accumulate<1>(acc[r][v], weights[1][v].v, inputs.v[r]);
      }
    }
  }
};

template <class Isa, int kWidth, int kRows, int kVectors>
LINNET_INLINE void multiply_pairs(F32<Isa> (&acc)[kRows][kVectors], const float* const (&a)[kRows], const float* w,
                                  ptrdiff_t k) {
  asm volatile("" ::: "memory");  // what was stored before is there for the loads
  NeonTile<kRows, kVectors, kWidth> tile{};
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    tile.inputs.a[r] = a[r];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) tile.acc[r][v] = acc[r][v].v;
  }
  tile.w = w;
  tile.pairs = k / 2 - 1;
  tile.load_first();
  while (tile.pairs != 0) tile.template multiply<true>();
  tile.template multiply<false>();
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) acc[r][v].v = tile.acc[r][v];
  }
}

#endif

}  // namespace linnet::kernels
