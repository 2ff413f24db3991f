// Instruction sets that kernels are instantiated for, and the facts about each that decide tile sizes and scratch
// memory.
#pragma once

#include <cstddef>
#include <cstdint>

// For every function that per-ISA objects share by name without being templates on an ISA tag: never emitted out of
// line.
#define LINNET_INLINE inline __attribute__((always_inline))
#define LINNET_INLINE_LAMBDA __attribute__((always_inline))

namespace linnet::kernels {

// Tags; a kernel is a template on one of them. `scalar` is plain C++ (also Cortex-M).
namespace isa {
struct scalar;
struct avx2;    // AVX2 and FMA
struct avx512;  // AVX-512 F, BW, DQ, VL
struct neon32;  // armv7 NEON with VFPv4
struct neon64;  // aarch64 Advanced SIMD
}  // namespace isa

enum class IsaId : uint8_t { scalar, avx2, avx512, neon32, neon64 };
constexpr int kIsaCount = 5;

// What scratch sizes depend on. The converter evaluates the same scratch functions with the traits of every target, so
// that the arena of any device is known offline.
struct IsaTraits {
  const char* name;   // as LINNET_ISA accepts it
  int32_t width;      // float lanes of a vector
  int32_t tile_rows;  // output pixels (GEMM rows) of the register tile
};

constexpr IsaTraits kIsaTraits[kIsaCount] = {
    {"scalar", 1, 4}, {"avx2", 8, 6}, {"avx512", 16, 10}, {"neon32", 4, 4}, {"neon64", 4, 8},
};

LINNET_INLINE constexpr const IsaTraits& traits(IsaId id) {
  return kIsaTraits[static_cast<int>(id)];
}

// The IsaId of a tag.
template <class Isa>
constexpr IsaId isa_id = IsaId::scalar;
template <>
inline constexpr IsaId isa_id<isa::avx2> = IsaId::avx2;
template <>
inline constexpr IsaId isa_id<isa::avx512> = IsaId::avx512;
template <>
inline constexpr IsaId isa_id<isa::neon32> = IsaId::neon32;
template <>
inline constexpr IsaId isa_id<isa::neon64> = IsaId::neon64;

// Outputs per packed weight panel, for every instruction set. The last panel is 8 wide where 8 outputs or fewer remain.
constexpr int32_t kPanel = 16;
constexpr int32_t kTailPanel = 8;

// Bytes of one packed Panel16 section: for each panel, bias [width] then weights [k][width], float32.
LINNET_INLINE constexpr int64_t panel_floats(int64_t n, int64_t k) {
  const int64_t tail = n % kPanel;
  const int64_t wide = n / kPanel + (tail > kTailPanel ? 1 : 0);
  const int64_t narrow = tail > 0 && tail <= kTailPanel ? 1 : 0;
  return (wide * kPanel + narrow * kTailPanel) * (k + 1);
}

}  // namespace linnet::kernels
