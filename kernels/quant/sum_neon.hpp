// Sums of two int8 operands by BoundedFactors of which the sum's is a RightFactor, eight at a time.
#pragma once

#include "kernels/quant/requantize.hpp"

#if defined(LINNET_ISA_IS_SIMD) && defined(__ARM_NEON)

namespace linnet::kernels {

template <class Isa>
class RightSum {
 public:
  static LINNET_INLINE bool serves(const QuantizedBinary& q) {
    const auto is_byte = [](int32_t x) LINNET_INLINE_LAMBDA { return x >= -128 && x <= 127; };
    return q.requantize.rounding == Rounding::FixedPoint && pair_is_bounded(q, 8, false) && q.y.shift < 0 &&
           is_byte(q.a_zero_point) && is_byte(q.b_zero_point);
  }
  explicit LINNET_INLINE RightSum(const QuantizedBinary& q)
      : a_(q.a_zero_point, q.left_shift, q.a),
        b_(q.b_zero_point, q.left_shift, q.b),
        y_(I32<Isa>::set(q.y.multiplier), I32<Isa>::set(q.y.shift)),
        zero_point_(vdupq_n_s16(static_cast<int16_t>(q.requantize.zero_point))),
        low_(vdup_n_s8(static_cast<int8_t>(q.requantize.low))),
        high_(vdup_n_s8(static_cast<int8_t>(q.requantize.high))) {}
  LINNET_INLINE int8x8_t operator()(int8x8_t a, int8x8_t b) const {
    const int16x8_t x = vsubl_s8(a, a_.zero_point), y = vsubl_s8(b, b_.zero_point);
    const int16x4_t first = sum(vget_low_s16(x), vget_low_s16(y)), second = sum(vget_high_s16(x), vget_high_s16(y));
    const int16x8_t words = vqaddq_s16(vcombine_s16(first, second), zero_point_);
    return vmin_s8(vmax_s8(vqmovn_s16(words), low_), high_);
  }

 private:
  struct Operand {
    int8x8_t zero_point;
    BoundedFactor<Isa> factor;

    LINNET_INLINE Operand(int32_t zero, int32_t left, const Factor& f)
        : zero_point(vdup_n_s8(static_cast<int8_t>(zero))),
          factor(I32<Isa>::set(f.multiplier), I32<Isa>::set(f.shift)) {
      factor.left = vaddq_s32(factor.left, vdupq_n_s32(left));
    }
    LINNET_INLINE I32<Isa> scaled(int16x4_t x) const { return factor(Int<Isa>::make(vmovl_s16(x))); }
  };
  LINNET_INLINE int16x4_t sum(int16x4_t a, int16x4_t b) const { return vqmovn_s32(y_(a_.scaled(a) + b_.scaled(b)).v); }

  Operand a_, b_;
  RightFactor<Isa> y_;
  int16x8_t zero_point_;
  int8x8_t low_, high_;
};

}  // namespace linnet::kernels

#endif
