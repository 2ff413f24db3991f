// The contract of the kernels of int16 activations, whose weights are int8; that of contract_int8.hpp holds here, too.
// Zero points are 0.
#pragma once

#include "kernels/contract_int8.hpp"

namespace linnet::kernels {

// From a sum of 64 bits to a result: (sum * multiplier + 2^(shift - 1)) >> shift in 64 bits that wrap around, wrapped
// to 32 bits, then divided by 2^divide and rounded half away from zero; 1 <= shift <= 62, 0 <= divide <= 31.
struct SumFactor {
  int32_t multiplier;
  int16_t shift, divide;
};

// As Conv2DArgs, with a Panel16Int16x8 section per group; results are limited to low..high. linear_s16 takes the same:
// the factors in its weights are float64, and its results are sum * factor, rounded half away from zero.
struct Conv2DInt16Args {
  Window window;
  int32_t in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t row_begin, row_end;
  const int16_t* x;
  ptrdiff_t x_stride;  // between pixels
  const int8_t* packed;
  int16_t* y;
  ptrdiff_t y_stride;
  int32_t low, high;
  void* scratch;  // conv2d_int16_scratch_bytes(), 64-byte aligned, one per concurrent call
};

// As ConvTranspose2DInt8Args, with Panel16Int16x8 sections.
struct ConvTranspose2DInt16Args {
  Window window;
  int32_t in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t row_begin, row_end;                 // output rows
  const int16_t* x;
  ptrdiff_t x_stride;
  const int8_t* packed;
  int16_t* y;
  ptrdiff_t y_stride;
  int32_t low, high;
  void* scratch;  // conv_transpose2d_int16_scratch_bytes()
};

// c[m, n] = the sum over k of a[m, k] * b[k, n], in 64 bits, times the factor as a product of ReduceInt8Args, limited
// to low..high, for one batch entry; columns n_begin..n_end only.
struct MatMulInt16Args {
  int32_t m, n, k;
  int32_t n_begin, n_end;
  const int16_t* a;
  ptrdiff_t a_stride_m, a_stride_k;
  const int16_t* b;
  ptrdiff_t b_stride_k, b_stride_n;
  int16_t* c;
  ptrdiff_t c_stride_m;
  Factor factor;  // 0 <= multiplier, -31 <= shift <= 14
  Requantize requantize;
};

// As DepthwiseArgs, with a Depthwise16Int16x8.
struct DepthwiseInt16Args {
  Window window;
  int32_t in_h, in_w, out_h, out_w, channels;
  int32_t row_begin, row_end;
  const int16_t* x;
  ptrdiff_t x_stride;
  const int8_t* packed;
  int16_t* y;
  ptrdiff_t y_stride;
  int32_t low, high;
  void* scratch;  // depthwise_int16_scratch_bytes()
};

// As Pool2DInt8Args.
struct Pool2DInt16Args {
  PoolKind kind;
  Window window;
  int32_t in_h, in_w, out_h, out_w, channels;
  int32_t row_begin, row_end;
  const int16_t* x;
  ptrdiff_t x_stride;
  int16_t* y;
  ptrdiff_t y_stride;
  Requantize requantize;
};

// As BinaryInt8Args, of Add, Sub, Mul, Max, Min and PRelu.
struct BinaryInt16Args {
  BinaryFunction function;
  int32_t rows, columns;
  const int16_t* a;
  ptrdiff_t a_row_stride, a_column_stride;
  const int16_t* b;
  ptrdiff_t b_row_stride, b_column_stride;
  int16_t* c;
  ptrdiff_t c_row_stride;
  QuantizedBinary quantized;
};

// As ReduceInt8Args.
struct ReduceInt16Args {
  ReduceKind kind;
  int32_t outer, size, inner;
  const int16_t* x;
  ptrdiff_t x_stride;
  int16_t* y;
  int32_t zero_point;
  Factor factor;
  int32_t divisor;
  Requantize requantize;
};

// What the table of a function of one int16 number is.
struct SidedScale {  // LeakyRelu
  Factor positive, negative;
  int32_t low, high;
};
struct SigmoidTable {  // Sigmoid and Tanh
  int32_t multiplier, shift;
  uint16_t values[256];
};
constexpr int32_t kInterpolationSize = 513;
struct InterpolationTable {  // all others
  int16_t values[kInterpolationSize];
};

// y = function(x) by the table (schema/README.md, Integer arithmetic); y may be x. Function: LeakyRelu, Sigmoid, Tanh
// or Identity, which interpolates.
struct UnaryInt16Args {
  int32_t rows, columns;
  const int16_t* x;
  ptrdiff_t x_stride;
  int16_t* y;
  ptrdiff_t y_stride;
  Function function;
  const void* table;
};

// Over the middle dimension of x [outer, axis, inner]; y may be x. Scale 1/32768 of the result.
struct SoftmaxInt16Args {
  int32_t outer, axis, inner;
  const int16_t* x;
  int16_t* y;
  Factor factor;  // FixedPoint: from differences of x to steps of 10 / 65535
};

}  // namespace linnet::kernels
