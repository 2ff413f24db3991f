// XNNPACK's side of neon_layers: the micro-kernels that its configuration chooses for a core.
#include "tests/bench/neon_layers_xnnpack.hpp"

#include <array>

namespace linnet::bench {
namespace {

struct FloatParams {
  float min, max;
};
// fp32_neonv8 of xnn_qs8_qc8w_conv_minmax_params.
struct Int8Params {
  int16_t output_zero_point;
  int8_t output_min, output_max;
};
using Float = Xnnpack<float, FloatParams>;
using Int8 = Xnnpack<int8_t, Int8Params>;

}  // namespace

extern "C" {

#if defined(__aarch64__)
Float::Gemm xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm;
Float::Gemm xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55;
Float::Gemm xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm;
Float::Gemm xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm;
Float::Igemm xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm;
Float::Igemm xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55;
Float::Igemm xnn_f32_igemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm;
Float::Igemm xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm;
Float::Depthwise xnn_f32_dwconv_minmax_ukernel_9p4c__asm_aarch64_neonfma_cortex_a55;
Float::Depthwise xnn_f32_dwconv_minmax_ukernel_9p8c__neonfma;

Int8::Gemm xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x16__asm_aarch64_neon_mlal_lane_cortex_a53_prfm;
Int8::Gemm xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_cortex_a55;
Int8::Gemm xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_2x8c8__asm_aarch64_neon_mlal_prfm;
Int8::Gemm xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_ld128;
Int8::Igemm xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16__asm_aarch64_neon_mlal_lane_cortex_a53_prfm;
Int8::Igemm xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_cortex_a55;
Int8::Igemm xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_2x8c8__asm_aarch64_neon_mlal_prfm;
Int8::Igemm xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_ld128;
#else
Int8::Gemm xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x8__asm_aarch32_neonv8_mlal_lane_cortex_a53_prfm;
Int8::Gemm xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_2x8c2s4__neonv8_mlal;
Int8::Igemm xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x8__asm_aarch32_neonv8_mlal_lane_cortex_a53_prfm;
Int8::Igemm xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_2x8c2s4__neonv8_mlal;
#endif
Int8::Depthwise xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64;

}  // extern "C"

namespace {

// src/configs/gemm-config.c and dwconv-config.c.
constexpr Int8Params kInt8Params{kOutputZeroPoint, -128, 127};
#if defined(__aarch64__)
constexpr FloatParams kFloatParams{0.0f, 6.0f};
constexpr Float::Choice kFloatChoices[] = {
    {"cortex-a53", 6, 8, 1, 1, xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm,
     xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm, 4,
     xnn_f32_dwconv_minmax_ukernel_9p4c__asm_aarch64_neonfma_cortex_a55, kFloatParams},
    {"cortex-a55", 6, 8, 1, 1, xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55,
     xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55, 4,
     xnn_f32_dwconv_minmax_ukernel_9p4c__asm_aarch64_neonfma_cortex_a55, kFloatParams},
    {"cortex-a72", 4, 8, 1, 1, xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm,
     xnn_f32_igemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm, 8,
     xnn_f32_dwconv_minmax_ukernel_9p8c__neonfma, kFloatParams},
    {"cortex-a76", 6, 8, 1, 1, xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm,
     xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm, 8,
     xnn_f32_dwconv_minmax_ukernel_9p8c__neonfma, kFloatParams},
};
constexpr Int8::Choice kInt8Choices[] = {
    {"cortex-a53", 4, 16, 1, 1, xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x16__asm_aarch64_neon_mlal_lane_cortex_a53_prfm,
     xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16__asm_aarch64_neon_mlal_lane_cortex_a53_prfm, 16,
     xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64, kInt8Params},
    {"cortex-a55", 4, 16, 4, 1, xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_cortex_a55,
     xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_cortex_a55, 16,
     xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64, kInt8Params},
    {"cortex-a72", 2, 8, 8, 1, xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_2x8c8__asm_aarch64_neon_mlal_prfm,
     xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_2x8c8__asm_aarch64_neon_mlal_prfm, 16,
     xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64, kInt8Params},
    {"cortex-a76", 4, 16, 4, 1, xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_ld128,
     xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x16c4__asm_aarch64_neondot_ld128, 16,
     xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64, kInt8Params},
};
#else
constexpr std::array<Float::Choice, 0> kFloatChoices{};
constexpr Int8::Choice kInt8Choices[] = {
    {"cortex-a53", 4, 8, 1, 1, xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_4x8__asm_aarch32_neonv8_mlal_lane_cortex_a53_prfm,
     xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_4x8__asm_aarch32_neonv8_mlal_lane_cortex_a53_prfm, 16,
     xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64, kInt8Params},
    {"cortex-a72", 2, 8, 2, 4, xnn_qs8_qc8w_gemm_minmax_fp32_ukernel_2x8c2s4__neonv8_mlal,
     xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_2x8c2s4__neonv8_mlal, 16,
     xnn_qs8_qc8w_dwconv_minmax_fp32_ukernel_9p16c__neonv8_mla8_ld64, kInt8Params},
};
#endif

}  // namespace

std::function<void()> prepare(const Layer& layer, LayerData<float>& data, const char* core) {
  return prepare_xnnpack<float, FloatParams>(layer, data, core, kFloatChoices);
}

std::function<void()> prepare(const Layer& layer, LayerData<int8_t>& data, const char* core) {
  return prepare_xnnpack<int8_t, Int8Params>(layer, data, core, kInt8Choices);
}

}  // namespace linnet::bench
