// L2 normalization of int8 in fixed point: TensorFlow Lite's.
#pragma once

#include "kernels/quant/fixed_point.hpp"

namespace linnet::kernels {

template <class Isa>
LINNET_INLINE int32_t sum_of_squares(const int8_t* x, int32_t size, int32_t zero_point) {
  int64_t sum = 0;
  for (int32_t i = 0; i < size; ++i) {
    const int32_t value = x[i] - zero_point;
    sum += value * value;
  }
  return sum > INT32_MAX ? INT32_MAX : static_cast<int32_t>(sum);
}

template <class Isa>
void l2_norm_s8_impl(const L2NormInt8Args& args) {
  using V = I32<Isa>;
  const Range<Isa> range(args.requantize);
  const V zero_point = V::set(args.zero_point), left = V::set(args.left_shift);
  for (int32_t r = 0; r < args.rows; ++r) {
    const int8_t* const x = args.x + r * args.x_stride;
    int8_t* const y = args.y + r * args.y_stride;
    Factor root = FixedPointMath<Isa>::reciprocal_root(sum_of_squares<Isa>(x, args.size, args.zero_point));
    root.shift += kL2FractionBits - args.left_shift;
    const FixedPointFactor<Isa> factor = FixedPointFactor<Isa>::of(root);
    for (int32_t i = 0; i < args.size; i += V::width) {
      const int n = args.size - i;
      const V value = Int<Isa>::load_s8(x + i, n) - zero_point;
      Int<Isa>::store_s8(range.finish(factor(Int<Isa>::shift_left(value, left))), y + i, n);
    }
  }
}

}  // namespace linnet::kernels
