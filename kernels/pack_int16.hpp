// Packs the int8 weights of layers with int16 activations into Panel16Int16x8 and Depthwise16Int16x8
// (schema/README.md), as pack_int8.hpp does those of int8.
#pragma once

#include "kernels/contract_int16.hpp"

namespace linnet::kernels {

// As ConvInt8Weights.
struct ConvInt16Weights {
  const int8_t* data;
  ptrdiff_t output_stride, input_stride, y_stride, x_stride;
  const int64_t* bias;                        // [groups * out_channels], or null for zeros
  const SumFactor* factors;                   // [groups * out_channels], of all but linear_s16; null:
  const double* real_factors;                 // likewise, of linear_s16
  int32_t groups, in_channels, out_channels;  // per group
  int32_t kernel_h, kernel_w;
};

// Panel16Int16x8 sections of conv2d_s16 and linear_s16, one per group. A linear layer is a 1x1 convolution.
int64_t conv2d_int16_packed_bytes(const ConvInt16Weights& weights);
void pack_conv2d_int16(const ConvInt16Weights& weights, int8_t* packed);

// Panel16Int16x8 sections of conv_transpose2d_s16, as pack_conv_transpose2d_int8() places those of int8.
int64_t conv_transpose2d_int16_packed_bytes(const ConvInt16Weights& weights, const Window& window);
void pack_conv_transpose2d_int16(const ConvInt16Weights& weights, const Window& window, int8_t* packed);

// Depthwise16Int16x8 of depthwise_s16: `groups` channels; in_channels and out_channels are 1.
int64_t depthwise_int16_packed_bytes(const ConvInt16Weights& weights);
void pack_depthwise_int16(const ConvInt16Weights& weights, int8_t* packed);

}  // namespace linnet::kernels
