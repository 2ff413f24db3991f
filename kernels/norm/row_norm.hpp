// Where the squares of Layer or Rms leave the range of float32, so does the result; L2 is computed as by reduce_f32.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/norm/standardize.hpp"
#include "kernels/reduce/reduce.hpp"

namespace linnet::kernels {

template <class Isa>
LINNET_INLINE Standardization<Isa> standardize_row(const float* x, int32_t size, float epsilon) {
  constexpr int kWidth = F32<Isa>::width;
  const F32<Isa> mean = reduce_source<Isa, ReduceKind::Mean>(RowSource<Isa>{x, size});
  CascadeSum<Isa> differences, squares;
  for_each_vector<Isa>(size, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    F32<Isa> difference = F32<Isa>::load_n(x + i, count) - mean;
    if (count < kWidth) {
      alignas(64) float lanes[kWidth];
      difference.store(lanes);
      difference = F32<Isa>::load_n(lanes, count);
    }
    differences.add(difference);
    squares.add(difference * difference);
  });
  return standardize(mean, F32<Isa>::set(reduce_add(differences.total())), F32<Isa>::set(reduce_add(squares.total())),
                     F32<Isa>::set(static_cast<float>(size)), epsilon);
}

template <class Isa>
LINNET_INLINE Standardization<Isa> scaling_of_row(NormKind kind, const float* x, int32_t size, float epsilon) {
  const F32<Isa> zero = F32<Isa>::set(0.0f), one = F32<Isa>::set(1.0f), limit = F32<Isa>::set(epsilon);
  const RowSource<Isa> row{x, size};
  if (kind == NormKind::L2) return {zero, one / max(limit, l2_norm<Isa>(row)), zero};
  const F32<Isa> squares = reduce_source<Isa, ReduceKind::SumSquare>(row);
  return {zero, one / sqrt(squares / F32<Isa>::set(static_cast<float>(size)) + limit), zero};
}

template <class Isa>
void row_norm_f32_impl(const RowNormArgs& args) {
  const Clamp limits = make_clamp(args.activation);
  const ClampVectors<Isa> clamp(limits);
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* x = args.x + r * args.x_stride;
    float* y = args.y + r * args.y_stride;
    const Standardization<Isa> row = args.kind == NormKind::Layer
                                         ? standardize_row<Isa>(x, args.size, args.epsilon)
                                         : scaling_of_row<Isa>(args.kind, x, args.size, args.epsilon);
    for_each_vector<Isa>(args.size, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
      F32<Isa> value = fma(F32<Isa>::load_n(x + i, count) - row.mean, row.factor, row.offset);
      if (args.gain != nullptr) value = value * F32<Isa>::load_n(args.gain + i, count);
      if (args.shift != nullptr) value = value + F32<Isa>::load_n(args.shift + i, count);
      clamp(value).store_n(y + i, count);
    });
    if (limits.deferred) apply_activation<Isa>(args.activation, y, args.size);
  }
}

}  // namespace linnet::kernels
