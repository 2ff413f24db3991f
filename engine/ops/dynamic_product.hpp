// Products of float rows that are quantized at run time, as ONNX's DynamicQuantizeLinear does it, with a
// Panel16Dynamic8 (schema/README.md, Integer arithmetic).
#pragma once

#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

struct FloatRows {
  const float* data;
  ptrdiff_t stride;
  int32_t rows, columns;
};

// real = scale * (q - zero_point), q of int8.
struct DynamicRange {
  float scale;
  int32_t zero_point;
};
DynamicRange dynamic_range(const linnet_session& session, const FloatRows& x);

// Bytes of `rows` dense rows of integers, a multiple of 64.
inline int64_t integer_row_bytes(int64_t rows, int64_t columns) {
  return (rows * columns + 63) / 64 * 64;
}
// Scratch of a slot behind the integers, for rows of up to so many columns.
inline int64_t dynamic_kernel_bytes(int32_t columns, const Target& target) {
  return kernels::gemm_dynamic_scratch_bytes(columns, target.traits);
}

struct DynamicProduct {
  FloatRows x;
  DynamicRange range;    // of x, or of more rows
  int8_t* integers;      // integer_row_bytes() of x
  int64_t kernel_bytes;  // from the start of each slot to dynamic_kernel_bytes()
  const int8_t* packed;  // section of [x.columns, n]
  int32_t n;
  float* y;
  ptrdiff_t y_stride;
  kernels::Epilogue epilogue;
};
void multiply_dynamic(const linnet_session& session, const DynamicProduct& product);

}  // namespace linnet::engine
