// Packs int8 weights into Panel16Int8 and Depthwise16Int8 (schema/README.md), as pack.hpp does with float ones. Each
// function writes exactly the number of bytes that the size function beside it returns.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

// Weights in any layout, as strides in elements. `input` counts within a group, `output` over all groups; so do `bias`
// and `factors`.
struct ConvInt8Weights {
  const int8_t* data;
  ptrdiff_t output_stride, input_stride, y_stride, x_stride;
  const int32_t* bias;    // [groups * out_channels], at the scale of the accumulators, or null for zeros
  const Factor* factors;  // [groups * out_channels]; with Rounding::Float the multipliers are bits of floats
  int32_t input_zero_point;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t kernel_h, kernel_w;
};

// Panel16Int8 sections of conv2d_s8, one per group. A linear layer is a 1x1 convolution.
int64_t conv2d_int8_packed_bytes(const ConvInt8Weights& weights);
void pack_conv2d_int8(const ConvInt8Weights& weights, int8_t* packed);

// Panel16Int8 sections of conv_transpose2d_s8, one per group and phase; strides and dilations are those of `window`.
int64_t conv_transpose2d_int8_packed_bytes(const ConvInt8Weights& weights, const Window& window);
void pack_conv_transpose2d_int8(const ConvInt8Weights& weights, const Window& window, int8_t* packed);

// Depthwise16Int8 of depthwise_s8: `groups` channels; in_channels and out_channels are 1.
int64_t depthwise_int8_packed_bytes(const ConvInt8Weights& weights);
void pack_depthwise_int8(const ConvInt8Weights& weights, int8_t* packed);

}  // namespace linnet::kernels
