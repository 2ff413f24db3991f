// int8 and int16 reductions. Sums of integers are the same in any order.
#pragma once

#include "kernels/contract_int16.hpp"
#include "kernels/quant/requantize.hpp"
#include "kernels/simd/words.hpp"

namespace linnet::kernels {

// combine(a, b) over the rows of one vector of columns.
template <class Isa, class Args, class Element, class Combine>
LINNET_INLINE I32<Isa> reduce_integer_rows(const Args& args, const Element* x, int n, I32<Isa> start, Combine combine) {
  I32<Isa> result = start;
  for (int32_t s = 0; s < args.size; ++s, x += args.x_stride) result = combine(result, load_element<Isa>(x, n));
  return result;
}

template <class Isa>
LINNET_INLINE I32<Isa> first_lane() {
  alignas(64) int32_t lanes[I32<Isa>::width] = {-1};
  return Int<Isa>::load(lanes);
}

// combine(a, b) over the elements of a contiguous row, in the first lane.
template <class Isa, class Args, class Element, class Combine>
LINNET_INLINE I32<Isa> reduce_integer_row(const Args& args, const Element* x, I32<Isa> start, Combine combine) {
  constexpr int kWidth = I32<Isa>::width;
  I32<Isa> result = start;
  int32_t s = 0;
  for (; s + kWidth <= args.size; s += kWidth) result = combine(result, load_element<Isa>(x + s, kWidth));
  for (; s < args.size; ++s) result = select(first_lane<Isa>(), combine(result, I32<Isa>::set(x[s])), result);
  alignas(64) int32_t lanes[kWidth];
  Int<Isa>::store(result, lanes);
  for (int i = 1; i < kWidth; ++i) result = combine(result, I32<Isa>::set(lanes[i]));
  return result;
}

template <class Isa, class Args, class Combine, class Finish>
LINNET_INLINE void reduce_each(const Args& args, int32_t start, Combine combine, Finish finish) {
  const I32<Isa> first = I32<Isa>::set(start);
  const bool is_row = args.inner == 1 && args.x_stride == 1;
  for (int32_t o = 0; o < args.outer; ++o) {
    const auto* const x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.x_stride;
    auto* const y = args.y + static_cast<ptrdiff_t>(o) * args.inner;
    for (int32_t i = 0; i < args.inner; i += I32<Isa>::width) {
      const int n = args.inner - i;
      const I32<Isa> result = is_row ? reduce_integer_row<Isa>(args, x, first, combine)
                                     : reduce_integer_rows<Isa>(args, x + i, n, first, combine);
      store_element<Isa>(finish(result), y + i, n);
    }
  }
}

// A product is rounded after each factor.
template <class Isa, class Element, class Args>
void multiply_integer_rows(const Args& args) {
  const Requantize& r = args.requantize;
  for (int32_t o = 0; o < args.outer; ++o) {
    for (int32_t i = 0; i < args.inner; ++i) {
      const Element* x = args.x + static_cast<ptrdiff_t>(o) * args.size * args.x_stride + i;
      int32_t product = *x - args.zero_point;
      for (int32_t s = 1; s < args.size; ++s) {
        x += args.x_stride;
        product = multiply_wide(int64_t{product} * (*x - args.zero_point), args.factor);
      }
      const int32_t y = multiply_wide(product, args.factor) + r.zero_point;
      args.y[static_cast<ptrdiff_t>(o) * args.inner + i] = static_cast<Element>(y < r.low    ? r.low
                                                                                : y > r.high ? r.high
                                                                                             : y);
    }
  }
}

template <class Isa, class Element, class Args>
LINNET_INLINE void reduce_integers(const Args& args) {
  using V = I32<Isa>;
  constexpr int32_t kLeast = sizeof(Element) == 1 ? INT8_MIN : INT16_MIN;
  const Range<Isa> range(args.requantize);
  const auto limit = [&](V x) LINNET_INLINE_LAMBDA { return clamp<Isa>(x, range.low, range.high); };
  if (args.kind == ReduceKind::Prod) return multiply_integer_rows<Isa, Element>(args);
  if (args.kind == ReduceKind::Max) return reduce_each<Isa>(args, kLeast, Int<Isa>::max, limit);
  if (args.kind == ReduceKind::Min) return reduce_each<Isa>(args, -1 - kLeast, Int<Isa>::min, limit);
  const auto sum = [](V a, V b) LINNET_INLINE_LAMBDA { return a + b; };
  const V zero_points = Int<Isa>::multiply(V::set(args.size), V::set(args.zero_point));
  const Scaling<Isa> scaling(args.factor, args.requantize);
  if (args.requantize.rounding == Rounding::FixedPoint && args.divisor > 1) {
    return reduce_each<Isa>(args, 0, sum, [&](V x) LINNET_INLINE_LAMBDA {
      return range.finish(divide_rounding<Isa>(scaling.fixed(x - zero_points), args.divisor, false));
    });
  }
  reduce_each<Isa>(args, 0, sum, [&](V x) LINNET_INLINE_LAMBDA { return scaling(x - zero_points); });
}

template <class Isa>
void reduce_s8_impl(const ReduceInt8Args& args) {
  reduce_integers<Isa, int8_t>(args);
}

template <class Isa>
void reduce_s16_impl(const ReduceInt16Args& args) {
  reduce_integers<Isa, int16_t>(args);
}

}  // namespace linnet::kernels
