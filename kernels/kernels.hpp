// The kernels as the engine calls them. A build with several instruction sets has one KernelTable per set, chosen at
// init (dispatch.hpp); a firmware build (LINNET_SINGLE_ISA=scalar) calls the functions directly through the same names,
// so that the linker keeps only those in use.
#pragma once

#include "kernels/contract_codes.hpp"
#include "kernels/contract_int16.hpp"
#include "kernels/contract_sparse.hpp"

namespace linnet::kernels {

#define LINNET_KERNEL(name, Args) void name(const Args& args);
namespace scalar {
#include "kernels/kernels.inc"
#include "kernels/kernels_small.inc"
}  // namespace scalar
namespace avx2 {
#include "kernels/kernels.inc"
#include "kernels/kernels_small.inc"
}  // namespace avx2
namespace avx512 {
#include "kernels/kernels.inc"
#include "kernels/kernels_small.inc"
}  // namespace avx512
namespace neon32 {
#include "kernels/kernels.inc"
#include "kernels/kernels_small.inc"
}  // namespace neon32
namespace neon64 {
#include "kernels/kernels.inc"
#include "kernels/kernels_small.inc"
}  // namespace neon64
namespace scalar {
#include "kernels/kernels_int8.inc"
}
namespace avx2 {
#include "kernels/kernels_int8.inc"
}
namespace avxvnni {
#include "kernels/kernels_int8.inc"
}
namespace avx512 {
#include "kernels/kernels_int8.inc"
}
namespace avx512vnni {
#include "kernels/kernels_int8.inc"
}
namespace neon32 {
#include "kernels/kernels_int8.inc"
}
namespace neon64 {
#include "kernels/kernels_int8.inc"
}
namespace neon64dot {
#include "kernels/kernels_int8.inc"
}
#undef LINNET_KERNEL

#ifdef LINNET_SINGLE_ISA
struct KernelTable {
  static constexpr IsaId id = IsaId::LINNET_SINGLE_ISA;
#define LINNET_KERNEL(name, Args)      \
  static void name(const Args& args) { \
    LINNET_SINGLE_ISA::name(args);     \
  }
#include "kernels/kernels.inc"
#include "kernels/kernels_int8.inc"
#include "kernels/kernels_small.inc"
#undef LINNET_KERNEL
};
#else
struct KernelTable {
  IsaId id;
#define LINNET_KERNEL(name, Args) void (*name)(const Args& args);
#include "kernels/kernels.inc"
#include "kernels/kernels_int8.inc"
#include "kernels/kernels_small.inc"
#undef LINNET_KERNEL
};
#endif

// Scratch of one concurrent call, in bytes, for any instruction set and pointer size (4 or 8): the same functions serve
// the engine and the converter's memory report.
int64_t conv2d_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits, int32_t pointer_bytes);
// `tiles`: of all images, each ceil(out_h / tile) * ceil(out_w / tile).
int64_t winograd2d_scratch_bytes(int32_t tile, int32_t in_channels, int64_t tiles, const IsaTraits& traits);
int64_t depthwise_scratch_bytes(const Window& window, int32_t channels, const IsaTraits& traits, int32_t pointer_bytes);
int64_t conv_transpose2d_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                       int32_t pointer_bytes);
int64_t matmul_scratch_bytes(int32_t m, int32_t n, int32_t k, const IsaTraits& traits);
int64_t group_norm_scratch_bytes(int32_t channels);
// `out_lines`: of all images together; `codes`: of weights.
int64_t conv2d_int8_scratch_bytes(const Window& window, int32_t in_channels, int64_t out_lines, int32_t out_w,
                                  const IsaTraits& traits, int32_t pointer_bytes, bool codes = false);
int64_t depthwise_int8_scratch_bytes(const Window& window, int32_t channels, int32_t pointer_bytes);
int64_t conv_transpose2d_int8_scratch_bytes(const Window& window, int32_t in_channels, int32_t out_w,
                                            const IsaTraits& traits, int32_t pointer_bytes);
int64_t gemm_dynamic_scratch_bytes(int32_t k, const IsaTraits& traits);
int64_t matmul_int8_scratch_bytes(int32_t m, int32_t k, const IsaTraits& traits);
int64_t conv2d_int16_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits);
int64_t conv_transpose2d_int16_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits);
int64_t depthwise_int16_scratch_bytes(const Window& window, int32_t channels, int32_t pointer_bytes);
// `block`: outputs of a block; `images`: how many of [out_h, out_w].
int64_t sparse_conv2d_scratch_bytes(const Window& window, int32_t in_channels, int32_t out_channels, int32_t block,
                                    int32_t images, int32_t out_h, int32_t out_w, const IsaTraits& traits,
                                    int32_t pointer_bytes);
// `pixels`: of all images together.
int64_t sparse_conv2d_int8_scratch_bytes(const Window& window, int32_t in_channels, int32_t out_channels,
                                         int64_t pixels, const IsaTraits& traits, int32_t pointer_bytes);

}  // namespace linnet::kernels
