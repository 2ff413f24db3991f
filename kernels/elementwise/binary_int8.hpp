// int8 and int16 functions of two operands.
#pragma once

#include "kernels/contract_int16.hpp"
#include "kernels/quant/fixed_point.hpp"
#include "kernels/quant/narrow.hpp"
#include "kernels/simd/words.hpp"

namespace linnet::kernels {

// The next vector of an operand whose columns lie `stride` apart.
template <class Isa, class Element>
LINNET_INLINE I32<Isa> load_operand(const Element* p, ptrdiff_t stride, int n) {
  if (stride == 1) return load_element<Isa>(p, n);
  if (stride == 0) return I32<Isa>::set(*p);
  alignas(64) int32_t lanes[I32<Isa>::width] = {};
  for (int i = 0; i < I32<Isa>::width && i < n; ++i) lanes[i] = p[i * stride];
  return Int<Isa>::load(lanes);
}

template <class Isa, class Args, class Function>
LINNET_INLINE void binary_integer_rows(const Args& args, Function function) {
  for (int32_t r = 0; r < args.rows; ++r) {
    const auto* const a = args.a + r * args.a_row_stride;
    const auto* const b = args.b + r * args.b_row_stride;
    auto* const c = args.c + r * args.c_row_stride;
    for (int32_t i = 0; i < args.columns; i += I32<Isa>::width) {
      const int n = args.columns - i;
      store_element<Isa>(function(load_operand<Isa>(a + i * args.a_column_stride, args.a_column_stride, n),
                                  load_operand<Isa>(b + i * args.b_column_stride, args.b_column_stride, n)),
                         c + i, n);
    }
  }
}

// A function of bytes, before `narrow`.
template <class Isa, class Function>
LINNET_INLINE void binary_narrow_rows(const BinaryInt8Args& args, const Narrow<Isa>& narrow, Function function) {
  constexpr int kWidth = I32<Isa>::width, kVectors = Narrow<Isa>::vectors, kTogether = Narrow<Isa>::rows;
  const auto values = [&](const int8_t* a, const int8_t* b, int n, I32<Isa>(&y)[kVectors]) LINNET_INLINE_LAMBDA {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v, n -= kWidth) {
      if (n <= 0) continue;
      y[v] = function(load_operand<Isa>(a + v * kWidth * args.a_column_stride, args.a_column_stride, n),
                      load_operand<Isa>(b + v * kWidth * args.b_column_stride, args.b_column_stride, n));
    }
  };
  const ptrdiff_t a_step = kPanel * args.a_column_stride, b_step = kPanel * args.b_column_stride;
  for (int32_t r = 0; r < args.rows; ++r) {
    const int8_t *a = args.a + r * args.a_row_stride, *b = args.b + r * args.b_row_stride;
    int8_t* c = args.c + r * args.c_row_stride;
    int32_t n = args.columns;
    I32<Isa> y[kTogether][kVectors] = {};
    for (; n >= kTogether * kPanel; n -= kTogether * kPanel, c += kTogether * kPanel) {
#pragma GCC unroll 4
      for (int i = 0; i < kTogether; ++i, a += a_step, b += b_step) values(a, b, kPanel, y[i]);
      narrow.store_rows(y, c, kPanel);
    }
    for (; n > 0; n -= kPanel, a += a_step, b += b_step, c += kPanel) {
      values(a, b, n, y[0]);
      narrow.store(y[0], c, n < kPanel ? n : kPanel);
    }
  }
}

// Sums and products of bytes that are rounded by Float; false for others.
template <class Isa>
LINNET_INLINE bool binary_floats(const BinaryInt8Args& args) {
  using V = I32<Isa>;
  const Requantize& requantize = args.quantized.requantize;
  if (V::width == 1 || requantize.rounding != Rounding::Float) return false;
  const QuantizedPair<Isa, Scale::Float> pair(args.quantized, 8);
  if (args.function == BinaryFunction::Add) {
    binary_narrow_rows(args, Narrow<Isa>(requantize),
                       [&](V a, V b) LINNET_INLINE_LAMBDA { return round_saturated(pair.sum(a, b)); });
    return true;
  }
  if (args.function == BinaryFunction::Mul) {
    binary_narrow_rows(args, Narrow<Isa>(requantize),
                       [&](V a, V b) LINNET_INLINE_LAMBDA { return round_saturated(pair.product(a, b)); });
    return true;
  }
  return false;
}

// Quotients lane by lane, a division being one anyway.
template <class Isa>
void divide_int8_rows(const BinaryInt8Args& args) {
  using V = I32<isa::scalar>;
  const QuantizedBinary& q = args.quantized;
  const Range<isa::scalar> range(q.requantize);
  const F32<isa::scalar> factor = from_bits(V{q.y.multiplier});
  const bool fixed_point = q.requantize.rounding == Rounding::FixedPoint;
  binary_integer_rows<isa::scalar>(args, [&](V a, V b) LINNET_INLINE_LAMBDA {
    const int32_t x = a.v - q.a_zero_point, y = b.v - q.b_zero_point;
    if (y == 0) return range.finish(V{0});
    if (fixed_point) return range.finish(V{FixedPointMath<Isa>::quotient(x, y, q.y)});
    return range.finish(to_float(V{x}) / to_float(V{y}) * factor);
  });
}

template <class Isa, class Args>
LINNET_INLINE void binary_integers(const Args& args) {
  using V = I32<Isa>;
  const V low = V::set(args.quantized.requantize.low), high = V::set(args.quantized.requantize.high);
  switch (args.function) {
    case BinaryFunction::Max:
      binary_integer_rows<Isa>(
          args, [=](V a, V b) LINNET_INLINE_LAMBDA { return clamp<Isa>(Int<Isa>::max(a, b), low, high); });
      return;
    case BinaryFunction::Min:
      binary_integer_rows<Isa>(
          args, [=](V a, V b) LINNET_INLINE_LAMBDA { return clamp<Isa>(Int<Isa>::min(a, b), low, high); });
      return;
    case BinaryFunction::Div:
      if constexpr (std::is_same_v<Args, BinaryInt8Args>) divide_int8_rows<Isa>(args);
      return;
    default:
      break;
  }
  constexpr int kBits = 8 * sizeof(*args.a);
  with_pair<Isa>(args.quantized, kBits, args.function == BinaryFunction::SquaredDifference,
                 [&](const auto& pair) LINNET_INLINE_LAMBDA {
                   switch (args.function) {
                     case BinaryFunction::Add:
                       binary_integer_rows<Isa>(args, [&](V a, V b) LINNET_INLINE_LAMBDA { return pair.add(a, b); });
                       return;
                     case BinaryFunction::Sub:
                       binary_integer_rows<Isa>(args, [&](V a, V b) LINNET_INLINE_LAMBDA { return pair.sub(a, b); });
                       return;
                     case BinaryFunction::Mul:
                       binary_integer_rows<Isa>(args, [&](V a, V b) LINNET_INLINE_LAMBDA { return pair.mul(a, b); });
                       return;
                     case BinaryFunction::SquaredDifference:
                       binary_integer_rows<Isa>(
                           args, [&](V a, V b) LINNET_INLINE_LAMBDA { return pair.squared_difference(a, b); });
                       return;
                     default:
                       binary_integer_rows<Isa>(args, [&](V a, V b) LINNET_INLINE_LAMBDA { return pair.prelu(a, b); });
                       return;
                   }
                 });
}

template <class Isa>
void binary_s8_impl(const BinaryInt8Args& args) {
  if (!binary_floats<Isa>(args)) binary_integers<Isa>(args);
}

template <class Isa>
void binary_s16_impl(const BinaryInt16Args& args) {
  binary_integers<Isa>(args);
}

}  // namespace linnet::kernels
