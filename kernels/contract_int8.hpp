// The contract of every integer kernel: argument structs only. As in contract.hpp, lengths and strides count elements,
// activations are channels-last and never read or written outside their rows, packed weights are readable 64 bytes past
// their end, and pointers never alias unless stated. Results are the same bytes on every instruction set, by the rules
// of schema/README.md, Integer arithmetic; integers wrap around at 32 bits.
#pragma once

#include "kernels/code_format.hpp"
#include "kernels/contract.hpp"

namespace linnet::kernels {

enum class Rounding : uint8_t { FixedPoint = 0, Float };

// multiplier * 2^(shift - 31) with FixedPoint, -31 <= shift <= 30 and multiplier > -2^31; the bits of a finite float
// with Float.
struct Factor {
  int32_t multiplier, shift;
};

// What makes an integer of a scaled number: + zero_point, then low..high. Both bounds lie in the range of the result's
// type.
struct Requantize {
  Rounding rounding;
  int32_t zero_point, low, high;
};

// requantize(a * factor_a +- b * factor_b), or of a product, a quotient or the square of a difference.
struct QuantizedBinary {
  int32_t a_zero_point, b_zero_point;
  int32_t left_shift;  // FixedPoint: of both operands, 0..30
  Factor a, b, y;
  Requantize requantize;
};

// Of an accumulator: requantized by its output's factor (in the packed weights), then, where there is a residual, the
// sum of the result (`add.a`) and the residual (`add.b`).
struct EpilogueInt8 {
  Requantize requantize;
  const int8_t* residual;  // may be the output itself; null: none
  ptrdiff_t residual_stride;
  QuantizedBinary add;
};

// As Conv2DArgs, with a Panel16Int8 section per group, or a Panel16Int8Codes where codes.bits is not 0; pixels of the
// padding hold input_zero_point.
struct Conv2DInt8Args {
  Window window;
  int32_t in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t row_begin, row_end;
  const int8_t* x;
  ptrdiff_t x_stride;  // between pixels
  int32_t input_zero_point;
  const int8_t* packed;
  int8_t* y;
  ptrdiff_t y_stride;
  EpilogueInt8 epilogue;
  void* scratch;  // conv2d_int8_scratch_bytes(), 64-byte aligned, one per concurrent call
  CodeFormat codes;
};

// As DepthwiseArgs, with a Depthwise16Int8.
struct DepthwiseInt8Args {
  Window window;
  int32_t in_h, in_w, out_h, out_w, channels;
  int32_t row_begin, row_end;
  const int8_t* x;
  ptrdiff_t x_stride;
  int32_t input_zero_point;
  const int8_t* packed;
  int8_t* y;
  ptrdiff_t y_stride;
  EpilogueInt8 epilogue;
  void* scratch;  // depthwise_int8_scratch_bytes()
};

// As ConvTranspose2DArgs, with Panel16Int8 sections; pixels outside of the image hold input_zero_point.
struct ConvTranspose2DInt8Args {
  Window window;
  int32_t in_h, in_w, out_h, out_w;
  int32_t groups, in_channels, out_channels;  // per group
  int32_t row_begin, row_end;                 // output rows
  const int8_t* x;
  ptrdiff_t x_stride;
  int32_t input_zero_point;
  const int8_t* packed;
  int8_t* y;
  ptrdiff_t y_stride;
  Requantize requantize;
  void* scratch;  // conv_transpose2d_int8_scratch_bytes()
};

// c[m, n] = requantize((sum over k of (a[m, k] - a_zero_point) * (b[k, n] - b_zero_point)) * factor) for one batch
// entry; columns n_begin..n_end only, n_begin a multiple of kPanel.
struct MatMulInt8Args {
  int32_t m, n, k;
  int32_t n_begin, n_end;
  const int8_t* a;
  ptrdiff_t a_stride_m, a_stride_k;
  const int8_t* b;
  ptrdiff_t b_stride_k, b_stride_n;
  int8_t* c;
  ptrdiff_t c_stride_m;
  int32_t a_zero_point, b_zero_point;
  Factor factor;
  Requantize requantize;
  void* scratch;  // matmul_int8_scratch_bytes()
};

// Max: clamp of the largest element; padding never takes part. Average: clamp(sum / pixels of the window inside the
// image), halves rounded away from zero with FixedPoint (up with halves_up), to even with Float of sum times float(1 /
// pixels).
struct Pool2DInt8Args {
  PoolKind kind;
  Window window;
  int32_t in_h, in_w, out_h, out_w, channels;
  int32_t row_begin, row_end;
  const int8_t* x;
  ptrdiff_t x_stride;
  int8_t* y;
  ptrdiff_t y_stride;
  Requantize requantize;  // without its zero point
  bool halves_up;
};

// c[r, i] = function(a[r, i], b[r, i]), any but Pow; strides and aliases as in BinaryArgs. A
// quotient by 0 is 0.
struct BinaryInt8Args {
  BinaryFunction function;
  int32_t rows, columns;
  const int8_t* a;
  ptrdiff_t a_row_stride, a_column_stride;
  const int8_t* b;
  ptrdiff_t b_row_stride, b_column_stride;
  int8_t* c;
  ptrdiff_t c_row_stride;  // columns of c are contiguous
  QuantizedBinary quantized;
};

// y[r, i] = table[x[r, i] + 128]; y may be x.
struct LookupInt8Args {
  int32_t rows, columns;
  const int8_t* x;
  ptrdiff_t x_stride;
  int8_t* y;
  ptrdiff_t y_stride;
  const int8_t* table;  // [256]
};

// An element type of quantize.
enum class NumberType : uint8_t { Float32, Int8, UInt8, Int16 };

// Conversion between numbers, at least one of them an integer. Float32 to integer: requantize(x / scale), halves
// rounded away from zero with FixedPoint and to even with Float, NaN counting as 0. Integer to Float32: scale * (x -
// zero_point). Integer to integer: requantize((x - zero_point) * factor). y may be x where the sizes are equal.
struct QuantizeArgs {
  NumberType from, to;
  int32_t rows, columns;
  const void* x;
  ptrdiff_t x_stride;
  void* y;
  ptrdiff_t y_stride;
  float scale;
  int32_t zero_point;  // of x
  Factor factor;
  Requantize requantize;
};

// The smallest and the largest of 0 and the elements of x.
struct RangeArgs {
  int32_t rows, columns;
  const float* x;
  ptrdiff_t x_stride;
  float* range;  // [2]
};

// c[m, n] = s * (input_scale * scale[n]) + bias[n] + residual[m, n] in float32, each step rounded, with s the sum over
// k of (a[m, k] - input_zero_point) * w[k, n].
struct GemmDynamicArgs {
  int32_t m, n, k;
  const int8_t* a;
  ptrdiff_t a_stride;
  int32_t input_zero_point;
  float input_scale;
  const int8_t* packed;  // Panel16Dynamic8 section of [k, n]
  float* c;
  ptrdiff_t c_stride;
  const float* residual;  // or null
  ptrdiff_t residual_stride;
  void* scratch;  // gemm_dynamic_scratch_bytes(), 64-byte aligned, one per concurrent call
};

// Over the middle dimension of x [outer, axis, inner]; y may be x. Scale 1/256 and zero point -128 of the result; with
// log 1/16 and 127.
struct SoftmaxInt8Args {
  int32_t outer, axis, inner;
  const int8_t* x;
  int8_t* y;
  Factor factor;              // FixedPoint: from differences of x to numbers with 26 bits of fraction
  int32_t lowest_difference;  // at most 0: below it, exp is 0
  bool log;
  Factor reverse_factor;  // with log: FixedPoint, the inverse of `factor`
};

// y = requantize((x - zero_point) / the root of the sum of (x - zero_point)^2 over a row of `size` elements), the sum
// limited to 2^31 - 1; FixedPoint, with 7 bits of fraction, of which numbers have left_shift before they are
// multiplied. y may be x.
constexpr int32_t kL2FractionBits = 7;
struct L2NormInt8Args {
  int32_t rows, size;
  const int8_t* x;
  ptrdiff_t x_stride;
  int8_t* y;
  ptrdiff_t y_stride;
  int32_t zero_point;  // of x
  Requantize requantize;
  int32_t left_shift;
};

// y[o, i, c] = (sum over t of weights[i, t] * x[o, indices[i, t], c]) / 2^shift, halves rounded away from zero,
// with halves_up (resample_s8 alone) up; of int8 and int16, clamped to low..high. 0 <= shift <= 31. x and y are int8 or
// int32 of resample_s8, int16 or int32 of resample_s16, whose sums have 64 bits where one of them is int16, and its
// results of int32 are limited to those.
struct ResampleIntArgs {
  bool wide_x, wide_y;  // int32
  int32_t outer, in_size, out_size, inner, taps;
  const void* x;
  const int32_t* indices;
  const int32_t* weights;
  void* y;
  int32_t shift, low, high;
  bool halves_up;
};

// y[o, i] = of x[o, :, i]: the clamp of the largest or smallest element, or requantize((sum of x - zero_point) * factor
// / divisor), the quotient's halves rounded away from zero. Sum, Mean, Max and Min. Prod, FixedPoint only, starts at
// the first x - zero_point, multiplies by each of the others and then by the factor, and at last by the factor once
// more, whose multiplier has 16 bits: (p * ((multiplier + 2^15) >> 16, at most 2^15 - 1) + 2^(14 - shift)) >> (15 -
// shift) in 64 bits, -31 <= shift <= 14, multiplier >= 0.
struct ReduceInt8Args {
  ReduceKind kind;
  int32_t outer, size, inner;
  const int8_t* x;
  ptrdiff_t x_stride;  // between rows of `inner` elements
  int8_t* y;
  int32_t zero_point;  // of x
  Factor factor;
  int32_t divisor;  // at least 1
  Requantize requantize;
};

// As ArgMaxArgs.
struct ArgMaxInt8Args {
  int32_t outer, size, inner;
  bool select_last, minimum;
  const int8_t* x;
  int32_t* y;
};

}  // namespace linnet::kernels
