// The contract of every integer kernel: argument structs only. As in contract.hpp, lengths and strides count elements,
// activations are channels-last and never read or written outside their rows, packed weights are readable 64 bytes past
// their end, and pointers never alias unless stated. Results are the same bytes on every instruction set, by the rules
// of schema/README.md, Integer arithmetic; integers wrap around at 32 bits.
#pragma once

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

// requantize(a * factor_a +- b * factor_b), or of a product.
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

// As Conv2DArgs, with a Panel16Int8 section per group; pixels of the padding hold input_zero_point.
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

}  // namespace linnet::kernels
