// int8 reductions. Sums of integers are the same in any order.
#pragma once

#include "kernels/quant/requantize.hpp"

namespace linnet::kernels {

// combine(a, b) over the rows of one vector of columns.
template <class Isa, class Combine>
LINNET_INLINE I32<Isa> reduce_rows_int8(const ReduceInt8Args& args, const int8_t* x, int n, I32<Isa> start,
                                        Combine combine) {
  I32<Isa> result = start;
  for (int32_t s = 0; s < args.size; ++s, x += args.x_stride) result = combine(result, Int<Isa>::load_s8(x, n));
  return result;
}

template <class Isa>
LINNET_INLINE I32<Isa> first_lane() {
  alignas(64) int32_t lanes[I32<Isa>::width] = {-1};
  return Int<Isa>::load(lanes);
}

// combine(a, b) over the elements of a contiguous row, in the first lane.
template <class Isa, class Combine>
LINNET_INLINE I32<Isa> reduce_row_int8(const ReduceInt8Args& args, const int8_t* x, I32<Isa> start, Combine combine) {
  constexpr int kWidth = I32<Isa>::width;
  I32<Isa> result = start;
  int32_t s = 0;
  for (; s + kWidth <= args.size; s += kWidth) result = combine(result, Int<Isa>::load_s8(x + s));
  for (; s < args.size; ++s) result = select(first_lane<Isa>(), combine(result, I32<Isa>::set(x[s])), result);
  alignas(64) int32_t lanes[kWidth];
  Int<Isa>::store(result, lanes);
  for (int i = 1; i < kWidth; ++i) result = combine(result, I32<Isa>::set(lanes[i]));
  return result;
}

template <class Isa, class Combine, class Finish>
LINNET_INLINE void reduce_int8(const ReduceInt8Args& args, int32_t start, Combine combine, Finish finish) {
  const I32<Isa> first = I32<Isa>::set(start);
  const bool is_row = args.inner == 1 && args.x_stride == 1;
  for (int32_t o = 0; o < args.outer; ++o) {
    const int8_t* const x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.x_stride;
    int8_t* const y = args.y + static_cast<ptrdiff_t>(o) * args.inner;
    for (int32_t i = 0; i < args.inner; i += I32<Isa>::width) {
      const int n = args.inner - i;
      const I32<Isa> result = is_row ? reduce_row_int8<Isa>(args, x, first, combine)
                                     : reduce_rows_int8<Isa>(args, x + i, n, first, combine);
      Int<Isa>::store_s8(finish(result), y + i, n);
    }
  }
}

// TensorFlow Lite's MultiplyByQuantizedMultiplier of 64-bit numbers.
LINNET_INLINE int32_t multiply_wide(int64_t x, const Factor& f) {
  const int64_t multiplier = f.multiplier < 0x7fff0000 ? (f.multiplier + (1 << 15)) >> 16 : 0x7fff;
  return static_cast<int32_t>((x * multiplier + (int64_t{1} << (14 - f.shift))) >> (15 - f.shift));
}

// A product is rounded after each factor.
template <class Isa>
void multiply_rows_int8(const ReduceInt8Args& args) {
  const Requantize& r = args.requantize;
  for (int32_t o = 0; o < args.outer; ++o) {
    for (int32_t i = 0; i < args.inner; ++i) {
      const int8_t* x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.x_stride + i;
      int32_t product = *x - args.zero_point;
      for (int32_t s = 1; s < args.size; ++s) {
        x += args.x_stride;
        product = multiply_wide(int64_t{product} * (*x - args.zero_point), args.factor);
      }
      const int32_t y = multiply_wide(product, args.factor) + r.zero_point;
      args.y[static_cast<ptrdiff_t>(o) * args.inner + i] = static_cast<int8_t>(y < r.low    ? r.low
                                                                               : y > r.high ? r.high
                                                                                            : y);
    }
  }
}

template <class Isa>
void reduce_s8_impl(const ReduceInt8Args& args) {
  using V = I32<Isa>;
  const Range<Isa> range(args.requantize);
  const auto limit = [&](V x) LINNET_INLINE_LAMBDA { return clamp<Isa>(x, range.low, range.high); };
  if (args.kind == ReduceKind::Prod) return multiply_rows_int8<Isa>(args);
  if (args.kind == ReduceKind::Max) return reduce_int8<Isa>(args, -128, Int<Isa>::max, limit);
  if (args.kind == ReduceKind::Min) return reduce_int8<Isa>(args, 127, Int<Isa>::min, limit);
  const auto sum = [](V a, V b) LINNET_INLINE_LAMBDA { return a + b; };
  const V zero_points = Int<Isa>::multiply(V::set(args.size), V::set(args.zero_point));
  const Scaling<Isa> scaling(args.factor, args.requantize);
  if (args.requantize.rounding == Rounding::FixedPoint && args.divisor > 1) {
    return reduce_int8<Isa>(args, 0, sum, [&](V x) LINNET_INLINE_LAMBDA {
      return range.finish(divide_rounding<Isa>(scaling.fixed(x - zero_points), args.divisor, false));
    });
  }
  reduce_int8<Isa>(args, 0, sum, [&](V x) LINNET_INLINE_LAMBDA { return scaling(x - zero_points); });
}

}  // namespace linnet::kernels
