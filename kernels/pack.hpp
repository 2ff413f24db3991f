// Packs weights into the layouts that float kernels read in place: Panel16, Depthwise16 and those of int8 weights,
// Panel16Float32x8 and Depthwise16Float32x8 (schema/README.md). For the converter and the tests. Each function writes
// exactly the number of elements that the size function beside it returns; kernels may read 64 bytes past the end of a
// section, which the caller makes readable. Columns past the last output are zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/contract.hpp"

namespace linnet::kernels {

// Weights in any layout, as strides in elements. `input` counts within a group, `output` over all groups.
template <class Weight>
struct ConvWeightsOf {
  const Weight* data;
  ptrdiff_t output_stride, input_stride, y_stride, x_stride;
  const float* bias;                          // [groups * out_channels], or null for zeros
  int32_t groups, in_channels, out_channels;  // per group
  int32_t kernel_h, kernel_w;
  const float* scales = nullptr;  // of int8_t: [groups * out_channels]
};
using ConvWeights = ConvWeightsOf<float>;
using ConvFloat32x8Weights = ConvWeightsOf<int8_t>;

// Panel16 of w [k, n]: the section of gemm_f32. Its size is panel_floats(n, k).
void pack_gemm(const float* w, ptrdiff_t k_stride, ptrdiff_t n_stride, const float* bias, int32_t n, int32_t k,
               float* packed);

// Panel16Float32x8 of w [k, n] times `scales` [n]: the section of gemm_f32x8, of panel_float32x8_bytes(n, k).
void pack_gemm_float32x8(const int8_t* w, ptrdiff_t k_stride, ptrdiff_t n_stride, const float* scales,
                         const float* bias, int32_t n, int32_t k, int8_t* packed);

// Panel16 sections of conv2d_f32, one per group; rows in the order (ky, kx, input).
int64_t conv2d_packed_floats(const ConvWeights& weights);
void pack_conv2d(const ConvWeights& weights, float* packed);
// The same in Panel16Float32x8, of conv2d_f32x8.
int64_t conv2d_float32x8_packed_bytes(const ConvFloat32x8Weights& weights);
void pack_conv2d_float32x8(const ConvFloat32x8Weights& weights, int8_t* packed);

// The matrix [winograd2d_rows(), out_channels] that pack_gemm() makes the section of winograd2d_f32 from; 3x3 weights
// of one group, transformed in double.
int32_t winograd2d_rows(int32_t tile, int32_t in_channels);
void winograd2d_matrix(const ConvWeights& weights, int32_t tile, float* matrix);

// Depthwise16 of depthwise_f32: `groups` channels; in_channels and out_channels are 1.
int64_t depthwise_packed_floats(const ConvWeights& weights);
void pack_depthwise(const ConvWeights& weights, float* packed);
// Depthwise16Float32x8 of depthwise_f32x8.
int64_t depthwise_float32x8_packed_bytes(const ConvFloat32x8Weights& weights);
void pack_depthwise_float32x8(const ConvFloat32x8Weights& weights, int8_t* packed);

// Panel16 sections of conv_transpose2d_f32, one per group and phase; only stride and dilation of `window` are used.
int64_t conv_transpose2d_packed_floats(const ConvWeights& weights, const Window& window);
void pack_conv_transpose2d(const ConvWeights& weights, const Window& window, float* packed);
// The same in Panel16Float32x8, of conv_transpose2d_f32x8.
int64_t conv_transpose2d_float32x8_packed_bytes(const ConvFloat32x8Weights& weights, const Window& window);
void pack_conv_transpose2d_float32x8(const ConvFloat32x8Weights& weights, const Window& window, int8_t* packed);

}  // namespace linnet::kernels
