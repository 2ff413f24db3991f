// Where the squares of Layer or Rms leave the range of float32, so does the result; L2 is computed as by reduce_f32.
#pragma once

#include "kernels/activation/epilogue.hpp"
#include "kernels/norm/standardize.hpp"
#include "kernels/norm/sums.hpp"
#include "kernels/reduce/reduce.hpp"

namespace linnet::kernels {

// Of a row: the sum of x; with kCentred those of x - mean and of its square. In every lane.
template <class Isa, bool kCentred>
LINNET_INLINE Sums<Isa, 1> sum_row(const float* x, int32_t size, F32<Isa> mean) {
  constexpr int kVectors = 4, kWidth = F32<Isa>::width, kBlock = kVectors * kWidth;
  const F32<Isa> means[kVectors] = {mean, mean, mean, mean};
  CascadeSum<Isa> values, squares;
  const int32_t blocks = size / kBlock;
  for (int32_t b = 0; b < blocks; b += kRunRows) {
    const auto run =
        sum_run<Isa, kCentred>(x + b * kBlock, kBlock, blocks - b < kRunRows ? blocks - b : kRunRows, kWidth, means);
    values.add((run.value[0] + run.value[1]) + (run.value[2] + run.value[3]));
    if constexpr (kCentred) squares.add((run.square[0] + run.square[1]) + (run.square[2] + run.square[3]));
  }
  F32<Isa> value = values.total(), square = squares.total();
  const int32_t rest = size % kBlock;
  for_each_vector<Isa>(rest, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
    F32<Isa> element = F32<Isa>::load_n(x + size - rest + i, count);
    if constexpr (kCentred) {
      element = element - mean;
      if (count < kWidth) {
        alignas(64) float lanes[kWidth];
        element.store(lanes);
        element = F32<Isa>::load_n(lanes, count);
      }
      square = fma(element, element, square);
    }
    value = value + element;
  });
  return {{F32<Isa>::set(reduce_add(value))}, {F32<Isa>::set(reduce_add(square))}};
}

template <class Isa>
LINNET_INLINE Standardization<Isa> standardize_row(const RowNormArgs& args, const float* x) {
  const int32_t size = args.size;
  const F32<Isa> zero = F32<Isa>::set(0.0f), one = F32<Isa>::set(1.0f), epsilon = F32<Isa>::set(args.epsilon);
  const F32<Isa> count = F32<Isa>::set(static_cast<float>(size));
  if (args.kind == NormKind::L2) {
    const F32<Isa> length = l2_norm<Isa>(RowSource<Isa>{x, size});
    return {zero, one / (args.epsilon_outside ? length + epsilon : max(epsilon, length)), zero};
  }
  if (args.kind == NormKind::Rms) {
    const F32<Isa> variance = sum_row<Isa, true>(x, size, zero).square[0] / count;
    return {zero, reciprocal_deviation(variance, args.epsilon, args.epsilon_outside), zero};
  }
  const F32<Isa> mean = sum_row<Isa, false>(x, size, zero).value[0] / count;
  const Sums<Isa, 1> differences = sum_row<Isa, true>(x, size, mean);
  return standardize(mean, differences.value[0], differences.square[0], count, args.epsilon, args.epsilon_outside);
}

template <class Isa>
void row_norm_f32_impl(const RowNormArgs& args) {
  const Clamp limits = make_clamp<Isa>(args.activation);
  const ClampVectors<Isa> clamp(limits);
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* x = args.x + r * args.x_stride;
    float* y = args.y + r * args.y_stride;
    const Standardization<Isa> row = standardize_row<Isa>(args, x);
    for_each_vector<Isa>(args.size, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
      F32<Isa> value = fma(F32<Isa>::load_n(x + i, count) - row.mean, row.factor, row.offset);
      if (args.gain != nullptr && args.shift != nullptr) {
        value = fma(value, F32<Isa>::load_n(args.gain + i, count), F32<Isa>::load_n(args.shift + i, count));
      } else if (args.gain != nullptr) {
        value = value * F32<Isa>::load_n(args.gain + i, count);
      } else if (args.shift != nullptr) {
        value = value + F32<Isa>::load_n(args.shift + i, count);
      }
      clamp(value).store_n(y + i, count);
    });
    if (limits.deferred) apply_activation<Isa>(args.activation, y, args.size);
  }
}

}  // namespace linnet::kernels
