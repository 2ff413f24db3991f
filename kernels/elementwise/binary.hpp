// Max and Min are NaN where either argument is.
#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"

namespace linnet::kernels {

template <class Isa, BinaryFunction kFunction>
LINNET_INLINE F32<Isa> binary_function(F32<Isa> a, F32<Isa> b) {
  if constexpr (kFunction == BinaryFunction::Add) return a + b;
  if constexpr (kFunction == BinaryFunction::Sub) return a - b;
  if constexpr (kFunction == BinaryFunction::Mul) return a * b;
  if constexpr (kFunction == BinaryFunction::Div) return a / b;
  if constexpr (kFunction == BinaryFunction::Max) return max_or_nan(a, b);
  if constexpr (kFunction == BinaryFunction::Min) return min_or_nan(a, b);
  if constexpr (kFunction == BinaryFunction::Pow) return pow(a, b);
  if constexpr (kFunction == BinaryFunction::PRelu) return select(a < F32<Isa>::set(0.0f), b * a, a);
  if constexpr (kFunction == BinaryFunction::SquaredDifference) return (a - b) * (a - b);
}

// Columns of one operand: a vector of them, or the same one everywhere.
template <class Isa, bool kBroadcast>
LINNET_INLINE F32<Isa> load_operand(const float* p, ptrdiff_t i, int count) {
  if constexpr (kBroadcast) {
    return F32<Isa>::set(*p);
  } else {
    return F32<Isa>::load_n(p + i, count);
  }
}

template <class Isa, BinaryFunction kFunction, bool kBroadcastA, bool kBroadcastB>
LINNET_INLINE void binary_loop(const float* a, const float* b, float* c, int32_t n) {
  for_each_vector<Isa>(n, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    const F32<Isa> left = load_operand<Isa, kBroadcastA>(a, i, count);
    const F32<Isa> right = load_operand<Isa, kBroadcastB>(b, i, count);
    binary_function<Isa, kFunction>(left, right).store_n(c + i, count);
  });
}

template <class Isa, BinaryFunction kFunction>
void binary_columns(const float* a, bool broadcast_a, const float* b, bool broadcast_b, float* c, int32_t n) {
  if (broadcast_a && broadcast_b) {
    const float left = *a, right = *b;  // c may be either
    binary_loop<Isa, kFunction, true, true>(&left, &right, c, n);
  } else if (broadcast_a) {
    binary_loop<Isa, kFunction, true, false>(a, b, c, n);
  } else if (broadcast_b) {
    binary_loop<Isa, kFunction, false, true>(a, b, c, n);
  } else {
    binary_loop<Isa, kFunction, false, false>(a, b, c, n);
  }
}

template <class Isa>
LINNET_INLINE void binary_columns(BinaryFunction function, const float* a, bool broadcast_a, const float* b,
                                  bool broadcast_b, float* c, int32_t n) {
  switch (function) {
#define LINNET_BINARY(name)  \
  case BinaryFunction::name: \
    return binary_columns<Isa, BinaryFunction::name>(a, broadcast_a, b, broadcast_b, c, n);
    LINNET_BINARY(Add)
    LINNET_BINARY(Sub)
    LINNET_BINARY(Mul)
    LINNET_BINARY(Div)
    LINNET_BINARY(Max)
    LINNET_BINARY(Min)
    LINNET_BINARY(Pow)
    LINNET_BINARY(PRelu)
    LINNET_BINARY(SquaredDifference)
#undef LINNET_BINARY
  }
}

constexpr int32_t kBinaryChunk = 128;

// The columns from `first` on as 0- or 1-strided ones; others are copied into `buffer`.
template <class Isa>
LINNET_INLINE const float* operand_chunk(const float* p, ptrdiff_t stride, ptrdiff_t first, int32_t n, float* buffer) {
  if (stride == 0 || stride == 1) return p + first * stride;
  for (int32_t i = 0; i < n; ++i) buffer[i] = p[(first + i) * stride];
  return buffer;
}

template <class Isa>
void binary_row(const BinaryArgs& args, const float* a, const float* b, float* c, ptrdiff_t columns) {
  float buffer_a[kBinaryChunk], buffer_b[kBinaryChunk];
  for (ptrdiff_t first = 0; first < columns; first += kBinaryChunk) {
    const int32_t n = static_cast<int32_t>(columns - first < kBinaryChunk ? columns - first : kBinaryChunk);
    const float* chunk_a = operand_chunk<Isa>(a, args.a_column_stride, first, n, buffer_a);
    const float* chunk_b = operand_chunk<Isa>(b, args.b_column_stride, first, n, buffer_b);
    binary_columns<Isa>(args.function, chunk_a, args.a_column_stride == 0, chunk_b, args.b_column_stride == 0,
                        c + first, n);
    apply_activation<Isa>(args.activation, c + first, n);
  }
}

template <class Isa>
void binary_f32_impl(const BinaryArgs& args) {
  if (args.columns == 1 && args.c_row_stride == 1) {
    BinaryArgs transposed = args;
    transposed.rows = 1;
    transposed.columns = args.rows;
    transposed.a_column_stride = args.a_row_stride;
    transposed.b_column_stride = args.b_row_stride;
    binary_row<Isa>(transposed, args.a, args.b, args.c, args.rows);
    return;
  }
  const ptrdiff_t columns = args.columns;
  if (args.c_row_stride == columns && args.a_row_stride == columns * args.a_column_stride &&
      args.b_row_stride == columns * args.b_column_stride) {
    binary_row<Isa>(args, args.a, args.b, args.c, columns * args.rows);
    return;
  }
  for (int32_t r = 0; r < args.rows; ++r) {
    binary_row<Isa>(args, args.a + r * args.a_row_stride, args.b + r * args.b_row_stride,
                    args.c + r * args.c_row_stride, columns);
  }
}

}  // namespace linnet::kernels
