// Softmax and log-softmax of int8 in fixed point: TensorFlow Lite's.
#pragma once

#include "kernels/quant/fixed_point.hpp"

namespace linnet::kernels {

// One row of elements `stride` apart.
template <class Isa>
void log_softmax_row_int8(const SoftmaxInt8Args& args, const int8_t* x, int8_t* y, ptrdiff_t stride) {
  using M = FixedPointMath<Isa>;
  constexpr int32_t kSumBits = 12, kOutputShift = 22, kZeroPoint = 127;
  const auto scaled = [](int32_t value, const Factor& factor)
                          LINNET_INLINE_LAMBDA { return FixedPointFactor<isa::scalar>::of(factor)({value}).v; };
  int32_t largest = x[0];
  for (int32_t i = 1; i < args.axis; ++i) largest = x[i * stride] > largest ? x[i * stride] : largest;
  int32_t sum = 0;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t difference = x[i * stride] - largest;
    if (difference < args.lowest_difference) continue;
    const int32_t term = M::shift_right(M::exp_of_negative(scaled(difference, args.factor)), kSumBits);
    sum = sum > INT32_MAX - term ? INT32_MAX : sum + term;
  }
  constexpr int32_t kOne = 1 << (31 - kSumBits);  // what the largest element adds
  const int32_t log_of_sum = M::log_of(sum < kOne ? kOne : sum);
  const int32_t by_sum = scaled(log_of_sum + INT32_MIN, args.reverse_factor);
  const int32_t bound = by_sum > args.lowest_difference - 1 ? by_sum : args.lowest_difference - 1;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t difference = x[i * stride] - largest;
    int32_t result = -128;
    if (difference > bound) {
      result = M::shift_right(scaled(difference, args.factor) - log_of_sum, kOutputShift) + kZeroPoint;
      result = result > 127 ? 127 : result < -128 ? -128 : result;
    }
    y[i * stride] = static_cast<int8_t>(result);
  }
}

// exp_of(difference): of numbers from lowest_difference to 0.
template <class Isa, class Exp>
LINNET_INLINE void softmax_row_int8(const SoftmaxInt8Args& args, const int8_t* x, int8_t* y, ptrdiff_t stride,
                                    Exp exp_of) {
  using M = FixedPointMath<Isa>;
  constexpr int32_t kSumBits = 12;  // integer bits of the sum
  int32_t largest = x[0];
  for (int32_t i = 1; i < args.axis; ++i) largest = x[i * stride] > largest ? x[i * stride] : largest;
  uint32_t sum = 0;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t difference = x[i * stride] - largest;
    if (difference < args.lowest_difference) continue;
    const uint32_t term = static_cast<uint32_t>(M::shift_right(exp_of(difference), kSumBits));
    sum = sum + term < sum ? UINT32_MAX : sum + term;
  }
  const int32_t zeros = __builtin_clz(sum | 1u);
  const uint32_t normalized = (sum << zeros) - (1u << 31);
  const int32_t scale = M::reciprocal_of_one_plus(static_cast<int32_t>(normalized));
  const int32_t shift = kSumBits - zeros + 31 - 8;
  for (int32_t i = 0; i < args.axis; ++i) {
    const int32_t difference = x[i * stride] - largest;
    int32_t result = -128;
    if (difference >= args.lowest_difference && shift <= 31) {  // otherwise it is below half a unit
      result += M::shift_right(M::multiply(scale, exp_of(difference)), shift);
      result = result > 127 ? 127 : result;
    }
    y[i * stride] = static_cast<int8_t>(result);
  }
}

template <class Isa, class Row>
LINNET_INLINE void softmax_rows_int8(const SoftmaxInt8Args& args, Row row) {
  for (int32_t o = 0; o < args.outer; ++o) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(o) * args.axis * args.inner;
    for (int32_t i = 0; i < args.inner; ++i) row(args.x + first + i, args.y + first + i);
  }
}

template <class Isa>
void softmax_s8_impl(const SoftmaxInt8Args& args) {
  if (args.log) {
    softmax_rows_int8<Isa>(args, [&](const int8_t* x, int8_t* y)
                                     LINNET_INLINE_LAMBDA { log_softmax_row_int8<Isa>(args, x, y, args.inner); });
    return;
  }
  const FixedPointFactor<isa::scalar> factor({args.factor.multiplier}, {args.factor.shift});
  const auto exp_of = [&](int32_t difference)
                          LINNET_INLINE_LAMBDA { return FixedPointMath<Isa>::exp_of_negative(factor({difference}).v); };
  if constexpr (I32<Isa>::width > 1) {
    constexpr int32_t kDifferences = 256;
    if (int64_t{args.outer} * args.inner * args.axis >= kDifferences) {  // each is needed twice an element
      int32_t table[kDifferences] = {};
      const int32_t lowest = args.lowest_difference > 1 - kDifferences ? args.lowest_difference : 1 - kDifferences;
      for (int32_t d = lowest; d <= 0; ++d) table[-d] = exp_of(d);
      softmax_rows_int8<Isa>(args, [&](const int8_t* x, int8_t* y) LINNET_INLINE_LAMBDA {
        softmax_row_int8<Isa>(args, x, y, args.inner,
                              [&](int32_t difference) LINNET_INLINE_LAMBDA { return table[-difference]; });
      });
      return;
    }
  }
  softmax_rows_int8<Isa>(args, [&](const int8_t* x, int8_t* y)
                                   LINNET_INLINE_LAMBDA { softmax_row_int8<Isa>(args, x, y, args.inner, exp_of); });
}

}  // namespace linnet::kernels
