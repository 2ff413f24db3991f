// The functions of one argument (function.hpp), specialised by type so that a loop holds one of them only. NaN gives
// NaN in every function; Silu, Mish and Gelu are 0 (their limit) at -inf; Softsign is NaN at infinities.
#pragma once

#include "kernels/function.hpp"
#include "kernels/simd/math.hpp"
#include "kernels/simd/trigonometry.hpp"
#include "schema/features.hpp"

namespace linnet::kernels {

template <class Isa, Function kFunction>
struct ActivationFunction {
  F32<Isa> alpha, beta;

  explicit LINNET_INLINE ActivationFunction(const Activation& activation)
      : alpha(F32<Isa>::set(activation.alpha)), beta(F32<Isa>::set(activation.beta)) {}

  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const {
    const F32<Isa> zero = F32<Isa>::set(0.0f), one = F32<Isa>::set(1.0f);
    if constexpr (kFunction == Function::Identity) return x;
    if constexpr (kFunction == Function::Relu) return max(zero, x);
    if constexpr (kFunction == Function::LeakyRelu) return select(x < zero, alpha * x, x);
    if constexpr (kFunction == Function::Clip) return clamp(x, alpha, beta);
    if constexpr (kFunction == Function::Sigmoid) return sigmoid(x);
    if constexpr (kFunction == Function::Tanh) return tanh(x);
    if constexpr (kFunction == Function::HardSigmoid) return clamp(fma(alpha, x, beta), zero, one);
    if constexpr (kFunction == Function::HardSwish) return hard_swish(x);
    if constexpr (kFunction == Function::Elu) return select(x < zero, alpha * expm1(x), x);
    if constexpr (kFunction == Function::Selu) return beta * select(x < zero, alpha * expm1(x), x);
    if constexpr (kFunction == Function::Softplus) return softplus(x);
    if constexpr (kFunction == Function::Softsign) return x / (one + abs(x));
    if constexpr (kFunction == Function::Mish) return mish(x);
    if constexpr (kFunction == Function::Erf) return erf(x);
    if constexpr (kFunction == Function::Gelu) return gelu(x);
    if constexpr (kFunction == Function::GeluTanh) return gelu_tanh(x);
    if constexpr (kFunction == Function::Silu) return silu(x);
    if constexpr (kFunction == Function::Exp) return exp(x);
    if constexpr (kFunction == Function::Log) return log(x);
    if constexpr (kFunction == Function::Sqrt) return sqrt(x);
    if constexpr (kFunction == Function::Reciprocal) return one / x;
    if constexpr (kFunction == Function::Abs) return abs(x);
    if constexpr (kFunction == Function::Neg) return negate(x);
    if constexpr (kFunction == Function::Floor) return floor(x);
    if constexpr (kFunction == Function::Ceil) return ceil(x);
    if constexpr (kFunction == Function::Round) return round(x);
    if constexpr (kFunction == Function::Sin) return sin(x);
    if constexpr (kFunction == Function::Cos) return cos(x);
    if constexpr (kFunction == Function::Rsqrt) return one / sqrt(x);
  }
};

// A shorter computation of a function, for all arguments but the rare ones, whose powers of e are denormal.
template <class Isa, Function kFunction>
struct CommonCase {
  static constexpr bool kExists = false;
};
template <class Isa>
struct CommonCase<Isa, Function::Sigmoid> {
  static constexpr bool kExists = F32<Isa>::width > 1;
  static LINNET_INLINE Mask<Isa> is_rare(F32<Isa> x) { return x < F32<Isa>::set(kSigmoidNormal); }
  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const { return normal_sigmoid_times(x, F32<Isa>::set(1.0f)); }
};
template <class Isa>
struct CommonCase<Isa, Function::Silu> : CommonCase<Isa, Function::Sigmoid> {
  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const { return normal_sigmoid_times(x, x); }
};
template <class Isa>
struct CommonCase<Isa, Function::Gelu> {
  static constexpr bool kExists = F32<Isa>::width > 1;
  static LINNET_INLINE Mask<Isa> is_rare(F32<Isa> x) { return F32<Isa>::set(kGeluNormal) < abs(x); }
  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const { return normal_gelu(x); }
};
template <class Isa>
struct CommonCase<Isa, Function::GeluTanh> {
  static constexpr bool kExists = F32<Isa>::width > 1;
  static LINNET_INLINE Mask<Isa> is_rare(F32<Isa> x) { return x < F32<Isa>::set(-9.9f); }  // exponent: -85
  LINNET_INLINE F32<Isa> operator()(F32<Isa> x) const { return normal_sigmoid_times(gelu_tanh_exponent(x), x); }
};

// visitor(ActivationFunction) of the activation's function, which is one that this build has; choose outside of loops.
template <class Isa, class Visitor>
LINNET_INLINE void visit_activation(const Activation& activation, const Visitor& visitor) {
  switch (activation.function) {
#define LINNET_VISIT(name)                                          \
  case Function::name:                                              \
    if constexpr (kHasFunction[static_cast<int>(Function::name)]) { \
      visitor(ActivationFunction<Isa, Function::name>(activation)); \
    }                                                               \
    return;
    LINNET_VISIT(Identity)
    LINNET_VISIT(Relu)
    LINNET_VISIT(LeakyRelu)
    LINNET_VISIT(Clip)
    LINNET_VISIT(Sigmoid)
    LINNET_VISIT(Tanh)
    LINNET_VISIT(HardSigmoid)
    LINNET_VISIT(HardSwish)
    LINNET_VISIT(Elu)
    LINNET_VISIT(Selu)
    LINNET_VISIT(Softplus)
    LINNET_VISIT(Softsign)
    LINNET_VISIT(Mish)
    LINNET_VISIT(Erf)
    LINNET_VISIT(Gelu)
    LINNET_VISIT(GeluTanh)
    LINNET_VISIT(Silu)
    LINNET_VISIT(Exp)
    LINNET_VISIT(Log)
    LINNET_VISIT(Sqrt)
    LINNET_VISIT(Reciprocal)
    LINNET_VISIT(Abs)
    LINNET_VISIT(Neg)
    LINNET_VISIT(Floor)
    LINNET_VISIT(Ceil)
    LINNET_VISIT(Round)
    LINNET_VISIT(Sin)
    LINNET_VISIT(Cos)
    LINNET_VISIT(Rsqrt)
#undef LINNET_VISIT
  }
}

template <class Isa, class ActivationFunction>
LINNET_INLINE void activate_row(ActivationFunction function, ptrdiff_t n, const float* x, float* y) {
  for_each_vector<Isa>(n, [&](ptrdiff_t i, int count)
                              LINNET_INLINE_LAMBDA { function(F32<Isa>::load_n(x + i, count)).store_n(y + i, count); });
}

// Away from the loop below, which has no registers left for it.
template <class Isa, class ActivationFunction>
__attribute__((noinline, cold)) void activate_rare(ActivationFunction function, ptrdiff_t n, const float* x, float* y) {
  activate_row<Isa>(function, n, x, y);
}

// The same with the shorter computation wherever it may be taken. One look at two vectors costs less than one at each;
// the widest vectors wait for the division anyway.
template <class Isa, Function kFunction>
LINNET_INLINE void activate_common_row(ActivationFunction<Isa, kFunction> function, ptrdiff_t n, const float* x,
                                       float* y) {
  using V = F32<Isa>;
  using Common = CommonCase<Isa, kFunction>;
  constexpr int kVectors = V::width >= 16 ? 1 : 2, kStep = kVectors * V::width;
  for (; n >= kStep; n -= kStep, x += kStep, y += kStep) {
    V v[kVectors];
    for (int k = 0; k < kVectors; ++k) v[k] = V::load(x + k * V::width);
    Mask<Isa> rare = Common::is_rare(v[0]);
    for (int k = 1; k < kVectors; ++k) rare = rare | Common::is_rare(v[k]);
    if (__builtin_expect(any(rare), 0)) {
      activate_rare<Isa>(function, kStep, x, y);
    } else {
      for (int k = 0; k < kVectors; ++k) Common()(v[k]).store(y + k * V::width);
    }
  }
  if (n > 0) activate_rare<Isa>(function, n, x, y);
}

// A function of its own per Function: one with all loops would be beyond what compilers optimise in reasonable time.
template <class Isa, Function kFunction>
__attribute__((noinline)) void activate_rows_by(ActivationFunction<Isa, kFunction> function, int32_t rows,
                                                ptrdiff_t columns, const float* x, ptrdiff_t x_stride, float* y,
                                                ptrdiff_t y_stride) {
  for (int32_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    if constexpr (CommonCase<Isa, kFunction>::kExists) {
      activate_common_row(function, columns, x, y);
    } else {
      activate_row<Isa>(function, columns, x, y);
    }
  }
}

// y[r, i] = activation(x[r, i]); y may be x.
template <class Isa>
void activate_rows(const Activation& activation, int32_t rows, ptrdiff_t columns, const float* x, ptrdiff_t x_stride,
                   float* y, ptrdiff_t y_stride) {
  visit_activation<Isa>(activation, [&](auto function) LINNET_INLINE_LAMBDA {
    activate_rows_by<Isa>(function, rows, columns, x, x_stride, y, y_stride);
  });
}

// One vector.
template <class Isa>
LINNET_INLINE F32<Isa> activate(const Activation& activation, F32<Isa> x) {
  visit_activation<Isa>(activation, [&](auto function) LINNET_INLINE_LAMBDA { x = function(x); });
  return x;
}

// In place on n contiguous values.
template <class Isa>
LINNET_INLINE void apply_activation(const Activation& activation, float* row, int32_t n) {
  if (activation.function != Function::Identity) activate_rows<Isa>(activation, 1, n, row, 0, row, 0);
}

}  // namespace linnet::kernels
