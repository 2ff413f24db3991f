// Normalizations and resampling of integers.
#include <cmath>

#include "converter/ops/axes.hpp"
#include "converter/ops/integer.hpp"

namespace linnet::ops {

namespace {

constexpr int64_t kMostInt32 = std::numeric_limits<int32_t>::max();

Array result(const IntegerForm& form, Shape shape, std::vector<int64_t> values) {
  return Array::of_integers(std::move(shape), std::move(values), form.dtype).with_quantization(form.quantization);
}

}  // namespace

Array integer_log_softmax(const Softmax& op, const Array& x) {
  constexpr int kSumBits = 12, kOutputShift = 22;
  const IntegerSoftmax parameters = integer_softmax(x.type(), op.beta);
  const AxisSplit view = split_at(x.shape(), op.axis);
  const IntegerRange range = type_range(op.integer->dtype);
  const auto scaled = [&](int64_t difference) { return multiply(static_cast<int32_t>(difference), parameters.factor); };
  std::vector<int64_t> values = x.integers();
  for (int64_t row = 0; row < view.outer * view.inner; ++row) {
    int64_t* column = values.data() + row / view.inner * view.size * view.inner + row % view.inner;
    int64_t largest = column[0], sum = 0;
    for (int64_t s = 1; s < view.size; ++s) largest = std::max(largest, column[s * view.inner]);
    for (int64_t s = 0; s < view.size; ++s) {
      const int64_t difference = column[s * view.inner] - largest;
      if (difference >= parameters.lowest_difference)
        sum += divide_by_power_of_two(fixed_exp(scaled(difference)), kSumBits);
    }
    const int32_t log_of_sum = fixed_log(static_cast<int32_t>(std::min(sum, kMostInt32)));
    const int32_t by_sum = multiply(static_cast<int32_t>(log_of_sum - kMostInt32 - 1), parameters.reverse_factor);
    const int64_t bound = std::max(parameters.lowest_difference - 1, by_sum);
    for (int64_t s = 0; s < view.size; ++s) {
      int64_t& value = column[s * view.inner];
      const int64_t difference = value - largest;
      const int32_t logarithm = difference > bound ? scaled(difference) - log_of_sum : 0;
      value =
          difference > bound ? range.clamp(divide_by_power_of_two(logarithm, kOutputShift) + range.high) : range.low;
    }
  }
  return result(*op.integer, x.shape(), std::move(values));
}

// The L2 norm; results have 7 bits of fraction.
Array evaluate_integer(const RowNorm& op, const std::vector<const Array*>& inputs) {
  const int32_t left_shift = l2_left_shift(*op.integer);
  const Array& x = *inputs[0];
  const IntegerRange range = type_range(op.integer->dtype);
  const int64_t zero_point = x.type().quantization->zero_point();
  const Shape row(x.shape().begin() + op.axis, x.shape().end());
  const auto size = static_cast<size_t>(element_count(row));
  std::vector<int64_t> values = x.integers();
  for (int64_t& value : values) value -= zero_point;
  for (size_t begin = 0; begin < values.size(); begin += size) {
    int64_t sum = 0;
    for (size_t i = begin; i < begin + size; ++i) sum += values[i] * values[i];
    FixedPoint factor = reciprocal_root(static_cast<int32_t>(std::min(sum, kMostInt32)));
    factor.shift += kernels::kL2FractionBits - left_shift;
    for (size_t i = begin; i < begin + size; ++i)
      values[i] = range.clamp(multiply(static_cast<int32_t>(values[i]) * (1 << left_shift), factor) +
                              op.integer->quantization.zero_point());
  }
  return result(*op.integer, x.shape(), std::move(values));
}

Array evaluate_integer(const Resample& op, const std::vector<const Array*>& inputs) {
  Resample plain = op;
  plain.integer.reset();
  const Array numbers = Array::of_doubles(inputs[0]->shape(), inputs[0]->doubles(), DType::f64);
  const Array sums = plain.evaluate({&numbers}).front();
  const IntegerRange range = type_range(op.integer->dtype);
  const bool wide = inputs[0]->dtype() == DType::i16 || op.integer->dtype == DType::i16;
  const auto half = static_cast<int64_t>(op.shift == 0 ? 0 : int64_t{1} << (op.shift - 1));
  std::vector<int64_t> values(sums.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t sum = wide ? sums.integer(i) : static_cast<int32_t>(sums.integer(i));
    values[i] = range.clamp(op.integer->as_uint8 ? (sum + half) >> op.shift
                                                 : (sum < 0 ? sum - half : sum + half) / (int64_t{1} << op.shift));
  }
  return result(*op.integer, sums.shape(), std::move(values));
}

}  // namespace linnet::ops
