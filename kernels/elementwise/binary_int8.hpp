// int8 and int16 functions of two operands.
#pragma once

#include "kernels/contract_int16.hpp"
#include "kernels/quant/fixed_point.hpp"
#include "kernels/quant/requantize.hpp"
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
  binary_integers<Isa>(args);
}

template <class Isa>
void binary_s16_impl(const BinaryInt16Args& args) {
  binary_integers<Isa>(args);
}

}  // namespace linnet::kernels
