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
struct avx2;        // AVX2 and FMA
struct avxvnni;     // avx2 with AVX-VNNI
struct avx512;      // AVX-512 F, BW, DQ, VL
struct avx512vnni;  // avx512 with AVX-512 VNNI
struct neon32;      // armv7 NEON with VFPv4
struct neon64;      // aarch64 Advanced SIMD
struct neon64dot;   // neon64 with the dot products of Armv8.2
}  // namespace isa

enum class IsaId : uint8_t { scalar, avx2, avxvnni, avx512, avx512vnni, neon32, neon64, neon64dot };
constexpr int kIsaCount = 8;

// What scratch sizes depend on. The converter evaluates the same scratch functions with the traits of every target, so
// that the arena of any device is known offline.
struct IsaTraits {
  const char* name;          // as LINNET_ISA accepts it
  int32_t width;             // float lanes of a vector
  int32_t tile_rows;         // output pixels (GEMM rows) of the register tile
  int32_t int8_rows;         // the same of int8 products
  int32_t int8_input_bytes;  // of an input as these take it
  int32_t int8_planes;       // in which these have it
  bool int8_winograd;        // whether 3x3 int8 convolutions go by Winograd's transforms
  bool int8_short_taps;      // whether a tap of one group of inputs is multiplied as fast as one of several
};

constexpr IsaTraits kIsaTraits[kIsaCount] = {
    {"scalar", 1, 4, 2, 1, 1, false, false},      {"avx2", 8, 6, 4, 1, 3, true, false},
    {"avxvnni", 8, 6, 6, 1, 1, false, true},      {"avx512", 16, 10, 6, 2, 1, true, true},
    {"avx512vnni", 16, 10, 6, 1, 1, false, true}, {"neon32", 4, 4, 2, 1, 1, true, false},
    {"neon64", 4, 8, 3, 1, 1, true, false},       {"neon64dot", 4, 8, 6, 1, 1, false, true},
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
inline constexpr IsaId isa_id<isa::avxvnni> = IsaId::avxvnni;
template <>
inline constexpr IsaId isa_id<isa::avx512> = IsaId::avx512;
template <>
inline constexpr IsaId isa_id<isa::avx512vnni> = IsaId::avx512vnni;
template <>
inline constexpr IsaId isa_id<isa::neon32> = IsaId::neon32;
template <>
inline constexpr IsaId isa_id<isa::neon64> = IsaId::neon64;
template <>
inline constexpr IsaId isa_id<isa::neon64dot> = IsaId::neon64dot;

// Outputs per packed weight panel, for every instruction set. The last panel is 8 wide where 8 outputs or fewer remain.
constexpr int32_t kPanel = 16;
constexpr int32_t kTailPanel = 8;

// Columns of n outputs' panels.
LINNET_INLINE constexpr int64_t panel_columns(int64_t n) {
  const int64_t tail = n % kPanel;
  const int64_t wide = n / kPanel + (tail > kTailPanel ? 1 : 0);
  const int64_t narrow = tail > 0 && tail <= kTailPanel ? 1 : 0;
  return wide * kPanel + narrow * kTailPanel;
}

// Floats of one packed Panel16 section: for each panel, bias [width] then weights [k][width].
LINNET_INLINE constexpr int64_t panel_floats(int64_t n, int64_t k) {
  return panel_columns(n) * (k + 1);
}

// Bytes of one packed Panel16Int8 section: for each panel, int32 bias, weight_sum, multiplier and shift [width] each,
// then int8 weights [ceil(k / 4)][width][4]. A Depthwise16Int8 is one of [taps, channels].
constexpr int32_t kDot = 4;              // inputs that are multiplied together
constexpr int64_t kPanelHeader = 4 * 4;  // bytes per column
LINNET_INLINE constexpr int64_t panel_int8_bytes(int64_t n, int64_t k) {
  return panel_columns(n) * (kPanelHeader + (k + kDot - 1) / kDot * kDot);
}

// Bytes of one packed Panel16Float32x8 section: for each panel, float bias and scale [width] each, then for each k int8
// weights [width].
constexpr int64_t kFloat32x8Header = 2 * 4;  // bytes per column
LINNET_INLINE constexpr int64_t panel_float32x8_bytes(int64_t n, int64_t k) {
  return panel_columns(n) * (kFloat32x8Header + k);
}

// Of sections for float inputs, by the type of the weights: rows of a panel before the weights, and the section's
// elements.
template <class Weight>
constexpr int64_t kHeaderRows = sizeof(Weight) == 1 ? kFloat32x8Header : 1;
template <class Weight>
LINNET_INLINE constexpr int64_t panel_elements(int64_t n, int64_t k) {
  return panel_columns(n) * (kHeaderRows<Weight> + k);
}

constexpr int32_t kPair = 2;  // of int16, inputs that are multiplied together
// The same of Panel16Int16x8: for each panel, int64 bias [width], the factors [width] of 8 bytes each, then
// int8 weights [ceil(k / 2)][width][2]. A Depthwise16Int16x8 is one of [taps, channels].
LINNET_INLINE constexpr int64_t panel_int16_bytes(int64_t n, int64_t k) {
  return panel_columns(n) * (kPanelHeader + (k + kPair - 1) / kPair * kPair);
}

}  // namespace linnet::kernels
