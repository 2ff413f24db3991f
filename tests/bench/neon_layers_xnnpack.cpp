// XNNPACK's side of neon_layers: the aarch64 micro-kernels that its configuration chooses for a core, called over a
// layer as its operators do. Built by neon.sh with the kernels' sources from a checkout; weights are packed here in
// the layout that the kernels document.
#include <cstring>
#include <memory>

#include "tests/bench/neon_layers.hpp"

extern "C" {

struct xnn_f32_minmax_params {
  float min, max;
};

typedef void GemmKernel(size_t mr, size_t nc, size_t kc_bytes, const float* a, size_t a_stride, const float* w,
                        float* c, size_t cm_stride, size_t cn_stride, const xnn_f32_minmax_params* params);
typedef void IgemmKernel(size_t mr, size_t nc, size_t kc_bytes, size_t ks_bytes, const float** a, const float* w,
                         float* c, size_t cm_stride, size_t cn_stride, size_t a_offset, const float* zero,
                         const xnn_f32_minmax_params* params);
typedef void DepthwiseKernel(size_t channels, size_t output_width, const float** input, const float* weights,
                             float* output, intptr_t input_stride, size_t output_increment, size_t input_offset,
                             size_t input_pixel_stride, const float* zero, const xnn_f32_minmax_params* params);

GemmKernel xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm;
GemmKernel xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55;
GemmKernel xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm;
GemmKernel xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm;
IgemmKernel xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm;
IgemmKernel xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55;
IgemmKernel xnn_f32_igemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm;
IgemmKernel xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm;
DepthwiseKernel xnn_f32_dwconv_minmax_ukernel_9p4c__asm_aarch64_neonfma_cortex_a55;
DepthwiseKernel xnn_f32_dwconv_minmax_ukernel_9p8c__neonfma;

}  // extern "C"

namespace linnet::bench {
namespace {

struct Choice {
  const char* core;
  size_t rows;
  GemmKernel* gemm;
  IgemmKernel* igemm;
  size_t channels;
  DepthwiseKernel* depthwise;
};

// src/configs/gemm-config.c and dwconv-config.c.
constexpr Choice kChoices[] = {
    {"cortex-a53", 6, xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm,
     xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a53_prfm, 4,
     xnn_f32_dwconv_minmax_ukernel_9p4c__asm_aarch64_neonfma_cortex_a55},
    {"cortex-a55", 6, xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55,
     xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a55, 4,
     xnn_f32_dwconv_minmax_ukernel_9p4c__asm_aarch64_neonfma_cortex_a55},
    {"cortex-a72", 4, xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm,
     xnn_f32_igemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm, 8,
     xnn_f32_dwconv_minmax_ukernel_9p8c__neonfma},
    {"cortex-a76", 6, xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm,
     xnn_f32_igemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm, 8,
     xnn_f32_dwconv_minmax_ukernel_9p8c__neonfma},
};

constexpr size_t kColumns = 8;
constexpr xnn_f32_minmax_params kParams{0.0f, 6.0f};

// Panels of `width` outputs: bias [width], then weights [inputs][width].
std::shared_ptr<std::vector<float>> pack(const LayerData& data, size_t inputs, size_t outputs, size_t width) {
  auto packed = std::make_shared<std::vector<float>>();
  for (size_t column = 0; column < outputs; column += width) {
    packed->insert(packed->end(), &data.bias[column], &data.bias[column] + width);
    for (size_t i = 0; i < inputs; ++i) {
      const float* row = &data.weights[i * outputs + column];
      packed->insert(packed->end(), row, row + width);
    }
  }
  packed->resize(packed->size() + 16);
  return packed;
}

// The input pixel under a tap of an output pixel, or the one of zeros.
const float* tap(const Layer& layer, const LayerData& data, const float* zero, int pixel, int index) {
  const int y = pixel / layer.size + index / layer.kernel - layer.kernel / 2;
  const int x = pixel % layer.size + index % layer.kernel - layer.kernel / 2;
  if (y < 0 || y >= layer.size || x < 0 || x >= layer.size) return zero;
  return &data.x[(static_cast<size_t>(y) * layer.size + x) * layer.in_channels];
}

}  // namespace

std::function<void()> prepare(const Layer& layer, LayerData& data, const char* core) {
  const Choice* choice = nullptr;
  for (const Choice& candidate : kChoices) {
    if (std::strcmp(candidate.core, core) == 0) choice = &candidate;
  }
  if (choice == nullptr) return nullptr;
  const size_t pixels = static_cast<size_t>(layer.size) * layer.size, outputs = layer.out_channels;
  const size_t taps = static_cast<size_t>(layer.kernel) * layer.kernel,
               inputs = layer.depthwise ? 1 : layer.in_channels;
  auto packed = pack(data, taps * inputs, outputs, layer.depthwise ? choice->channels : kColumns);
  auto zero = std::make_shared<std::vector<float>>(layer.in_channels + 16);
  auto pointers = std::make_shared<std::vector<const float*>>();
  if (layer.depthwise) {
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      for (size_t i = 0; i < taps; ++i) pointers->push_back(tap(layer, data, zero->data(), pixel, i));
    }
    return [=, &layer, &data] {
      const size_t width = layer.size;
      for (size_t line = 0; line < width; ++line) {
        choice->depthwise(outputs, width, &(*pointers)[line * width * taps], packed->data(),
                          &data.y[line * width * outputs], static_cast<intptr_t>(taps * sizeof(void*)), 0, 0, 0,
                          zero->data(), &kParams);
      }
    };
  }
  const size_t k_bytes = inputs * sizeof(float), y_stride = outputs * sizeof(float);
  if (taps == 1) {
    return [=, &data] {
      for (size_t row = 0; row < pixels; row += choice->rows) {
        choice->gemm(pixels - row < choice->rows ? pixels - row : choice->rows, outputs, k_bytes, &data.x[row * inputs],
                     k_bytes, packed->data(), &data.y[row * outputs], y_stride, kColumns * sizeof(float), &kParams);
      }
    };
  }
  for (size_t row = 0; row < pixels; row += choice->rows) {
    for (size_t i = 0; i < taps; ++i) {
      for (size_t r = row; r < row + choice->rows; ++r) {
        pointers->push_back(tap(layer, data, zero->data(), r < pixels ? r : pixels - 1, i));
      }
    }
  }
  return [=, &data] {
    for (size_t row = 0; row < pixels; row += choice->rows) {
      choice->igemm(pixels - row < choice->rows ? pixels - row : choice->rows, outputs, k_bytes,
                    taps * choice->rows * sizeof(void*), &(*pointers)[row * taps], packed->data(),
                    &data.y[row * outputs], y_stride, kColumns * sizeof(float), 0, zero->data(), &kParams);
    }
  };
}

}  // namespace linnet::bench
