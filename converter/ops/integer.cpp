#include "converter/ops/integer.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/functions.hpp"

namespace linnet::ops {

using kernels::PoolKind;
using kernels::ReduceKind;

namespace {

int32_t wrapped(int64_t value) {
  return static_cast<int32_t>(static_cast<uint32_t>(value));
}

// The elements less their zero point, as numbers; sums of their products are exact.
Array centered(const Array& array) {
  std::vector<double> values = array.doubles();
  if (array.type().quantization)
    for (double& value : values) value -= static_cast<double>(array.type().quantization->zero_points.front());
  return Array::of_doubles(array.shape(), std::move(values), DType::f64);
}

Array result(const IntegerForm& form, Shape shape, std::vector<int64_t> values) {
  return Array::of_integers(std::move(shape), std::move(values), form.dtype).with_quantization(form.quantization);
}

// The dimension of a layer's outputs.
template <class Op>
int64_t output_axis(const Op& op, const Shape& shape) {
  if constexpr (requires { op.channels_last; })
    if (!op.channels_last) return 1;
  return static_cast<int64_t>(shape.size()) - 1;
}

// The sums of a layer by its arithmetic of real numbers, and what its integer form makes of them.
template <class Op>
Array evaluate_layer(const Op& op, const std::vector<const Array*>& inputs) {
  Op plain = op;
  plain.integer.reset();
  plain.fused = {};
  std::vector<Array> numbers(inputs.size());
  std::vector<const Array*> pointers(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    numbers[i] = centered(*inputs[i]);
    pointers[i] = &numbers[i];
  }
  const Array sums = plain.evaluate(pointers).front();
  const Array* bias = optional(inputs, 2);
  const Requantizer requantize =
      layer_requantizer(op, inputs[0]->type(), inputs[1]->type(), bias != nullptr ? &bias->type() : nullptr);
  const AxisSplit view = split_at(sums.shape(), output_axis(op, sums.shape()));
  const auto outputs = static_cast<size_t>(view.size), inner = static_cast<size_t>(view.inner);
  std::vector<int64_t> values(sums.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = requantize(sums.integer(i), i / inner % outputs);
  return result(*op.integer, sums.shape(), std::move(values));
}

template <class Layer>
Array evaluate_with_residual(const Layer& op, const std::vector<const Array*>& inputs) {
  if (!op.summand) return evaluate_layer(op, inputs);
  const Array own = evaluate_layer(summand_layer(op), {inputs.begin(), inputs.begin() + 3});
  return evaluate_integer(residual_sum(op), {&own, inputs[3]});
}

constexpr int kScaledBits = 31, kDifferenceBits = 5;

int32_t input_radius(int integer_bits, int32_t shift) {
  const double radius = static_cast<double>((1 << integer_bits) - 1) *
                        static_cast<double>(int64_t{1} << (kScaledBits - integer_bits)) /
                        static_cast<double>(int64_t{1} << shift);
  return static_cast<int32_t>(std::floor(radius));
}

}  // namespace

void require_quantized(const TensorType& type, std::string_view what) {
  if (!type.quantization || is_floating(type.dtype))
    throw Error(fmt::format("{} is {}, integer arithmetic needs integers with a scale", what, to_string(type)));
  if (!type.quantization->per_tensor())
    throw Error(fmt::format("{} is {}, supported is one scale for the whole tensor", what, to_string(type)));
}

void require_integer_layer(const TensorType& x, const TensorType& weights, const TensorType* bias,
                           int64_t output_axis) {
  require_quantized(x, "x");
  if (x.dtype != DType::i8 && x.dtype != DType::i16)
    throw Error(fmt::format("x is {}; supported are i8 and i16", to_string(x)));
  if (weights.dtype != DType::i8 || !weights.quantization)
    throw Error(fmt::format("weights are {}; supported are i8 with scales", to_string(weights)));
  if (!weights.quantization->per_tensor() && weights.quantization->axis != output_axis)
    throw Error(fmt::format("weights {} have scales along dimension {}; supported is one scale per output or for all",
                            to_string(weights.shape), weights.quantization->axis));
  for (const int64_t zero_point : weights.quantization->zero_points)
    if (zero_point != 0) throw Error(fmt::format("weights have a zero point of {}; supported is 0", zero_point));
  if (bias != nullptr && bias->dtype != DType::i32 && bias->dtype != DType::i64)
    throw Error(fmt::format("bias is {}; supported are i32 and i64", to_string(*bias)));
  if (x.dtype == DType::i16 && x.quantization->zero_point() != 0)
    throw Error(fmt::format("x is {}; supported with i16 is a zero point of 0", to_string(x)));
}

void require_signed_words(const TensorType& x, const IntegerForm& form, std::string_view what) {
  const bool zero = x.quantization->zero_point() == 0 && form.quantization.zero_point() == 0;
  if (x.dtype != form.dtype || (x.dtype != DType::i8 && !(x.dtype == DType::i16 && zero)))
    throw Error(fmt::format("{} is {}, the result {}; supported with integers are i8, and i16 with a zero point of 0",
                            what, to_string(x), to_string(form.type({}))));
}

SumKind sum_kind(const TensorType& x, const TensorType* bias, bool fully_connected) {
  if (x.dtype != DType::i16) return SumKind::int32;
  if (fully_connected) return SumKind::float64;
  return bias != nullptr && bias->dtype == DType::i32 ? SumKind::int32 : SumKind::int64;
}

IntegerRange type_range(DType dtype) {
  switch (dtype) {
    case DType::i8:
      return {-128, 127};
    case DType::u8:
      return {0, 255};
    case DType::i16:
      return {-32768, 32767};
    case DType::i32:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
    default:
      throw Error(fmt::format("quantized {}; supported are i8, u8, i16 and i32", ir::name(dtype)));
  }
}

IntegerRange output_range(const IntegerForm& form, const Activation& fused) {
  IntegerRange range = type_range(form.dtype);
  const auto quantized = [&](float number) {
    const float exact = number / form.quantization.scale();
    const float steps = form.rounding == Rounding::tflite ? std::round(exact) : std::nearbyint(exact);
    const auto limited = static_cast<int64_t>(std::clamp(steps, -1e9f, 1e9f));
    return std::clamp(form.quantization.zero_point() + limited, range.low, range.high);
  };
  switch (fused.function) {
    case Function::Identity:
      return range;
    case Function::Relu:
      return {quantized(0.0f), range.high};
    case Function::Clip:
      return {quantized(fused.alpha), quantized(fused.beta)};
    default:
      throw Error(fmt::format("the fused activation is {}; supported with integers are Relu and Clip",
                              ir::name(fused.function)));
  }
}

std::vector<double> layer_factors(const TensorType& x, const TensorType& weights, const IntegerForm& form,
                                  bool single_precision) {
  const float scale = x.quantization->scale();
  const auto result = static_cast<double>(form.quantization.scale());
  const std::vector<float>& scales = weights.quantization->scales;
  const bool one_product = (single_precision || form.as_uint8) && scales.size() == 1;
  const bool rounds_product = one_product || form.rounding == Rounding::nearest;
  std::vector<double> factors;
  factors.reserve(scales.size());
  for (const float w : scales) {
    const double product = static_cast<double>(scale) * static_cast<double>(w);
    factors.push_back((rounds_product ? static_cast<double>(static_cast<float>(product)) : product) / result);
  }
  return factors;
}

FixedPoint wide_factor(double factor) {
  constexpr int32_t kMostShift = 14;
  const FixedPoint fixed = quantize_multiplier(factor);
  if (fixed.shift > kMostShift)
    throw Error(fmt::format("scales multiply sums by {}; supported with 64 bits are factors below {}", factor,
                            1 << kMostShift));
  return fixed;
}

Requantizer::Requantizer(const std::vector<double>& factors, const IntegerForm& form, const Activation& fused,
                         SumKind kind)
    : rounding_(form.rounding),
      range_(output_range(form, fused)),
      zero_point_(form.quantization.zero_point()),
      kind_(kind) {
  for (const double factor : factors) {
    fixed_.push_back(kind == SumKind::int64 ? wide_factor(factor) : quantize_multiplier(factor));
    factors_.push_back(rounding_ == Rounding::nearest ? float_factor(factor) : factor);
  }
}

int64_t Requantizer::operator()(int64_t sum, size_t output) const {
  const size_t row = fixed_.size() > 1 ? output : 0;
  if (rounding_ == Rounding::tflite) {
    if (kind_ == SumKind::float64) {
      const double scaled = std::round(static_cast<double>(sum) * factors_[row]);
      return static_cast<int64_t>(
          std::clamp(scaled, static_cast<double>(range_.low), static_cast<double>(range_.high)));
    }
    const int32_t scaled =
        kind_ == SumKind::int64 ? multiply_wide(sum, fixed_[row]) : multiply(wrapped(sum), fixed_[row]);
    return range_.clamp(int64_t{scaled} + zero_point_);
  }
  const float scaled = static_cast<float>(wrapped(sum)) * static_cast<float>(factors_[row]);
  const auto low = static_cast<float>(range_.low - zero_point_), high = static_cast<float>(range_.high - zero_point_);
  return static_cast<int64_t>(std::nearbyint(std::clamp(scaled, low, high))) + zero_point_;
}

bool Requantizer::monotone(double magnitude) const {
  constexpr double kLimit = 0x1p31;
  return std::all_of(factors_.begin(), factors_.end(),
                     [&](double factor) { return magnitude * std::max(1.0, 2 * factor) < kLimit; });
}

Requantizer layer_requantizer(const Conv& op, const TensorType& x, const TensorType& weights, const TensorType* bias) {
  return {layer_factors(x, weights, *op.integer, false), *op.integer, op.fused, sum_kind(x, bias, false)};
}
Requantizer layer_requantizer(const ConvTranspose& op, const TensorType& x, const TensorType& weights,
                              const TensorType* bias) {
  return {layer_factors(x, weights, *op.integer, false), *op.integer, op.fused, sum_kind(x, bias, false)};
}
Requantizer layer_requantizer(const Linear& op, const TensorType& x, const TensorType& weights,
                              const TensorType* bias) {
  return {layer_factors(x, weights, *op.integer, x.dtype != DType::i16), *op.integer, op.fused,
          sum_kind(x, bias, true)};
}
Requantizer layer_requantizer(const MatMul& op, const TensorType& a, const TensorType& b, const TensorType* bias) {
  return {layer_factors(a, b, *op.integer, true), *op.integer, op.fused, sum_kind(a, bias, false)};
}

Array evaluate_integer(const Conv& op, const std::vector<const Array*>& inputs) {
  return evaluate_with_residual(op, inputs);
}
Array evaluate_integer(const ConvTranspose& op, const std::vector<const Array*>& inputs) {
  return evaluate_layer(op, inputs);
}
Array evaluate_integer(const Linear& op, const std::vector<const Array*>& inputs) {
  return evaluate_with_residual(op, inputs);
}
Array evaluate_integer(const MatMul& op, const std::vector<const Array*>& inputs) {
  return evaluate_layer(op, inputs);
}

// Sums of windows of the elements as they are, zero point and all.
Array evaluate_integer(const Pool& op, const std::vector<const Array*>& inputs) {
  if (op.integer->rounding == Rounding::nearest && op.kind == PoolKind::Average) return evaluate_nearest(op, inputs);
  const Array& x = *inputs[0];
  Pool plain = op;
  plain.integer.reset();
  plain.fused = {};
  const Array numbers = Array::of_doubles(x.shape(), x.doubles(), DType::f64);
  const Array pooled = plain.evaluate({&numbers}).front();
  const IntegerRange range = output_range(*op.integer, op.fused);
  std::vector<int64_t> values(pooled.size());
  // The double nearest to a mean is half an integer only where the mean is.
  for (size_t i = 0; i < values.size(); ++i) {
    const double number = pooled.number(i);
    values[i] = range.clamp(static_cast<int64_t>(op.integer->as_uint8 ? std::floor(number + 0.5) : std::round(number)));
  }
  return result(*op.integer, pooled.shape(), std::move(values));
}

IntegerSoftmax integer_softmax(const TensorType& x, double beta) {
  const double factor = std::min(beta * static_cast<double>(x.quantization->scale()) *
                                     static_cast<double>(int64_t{1} << (kScaledBits - kDifferenceBits)),
                                 2147483647.0);
  const FixedPoint fixed = quantize_multiplier(factor);
  const double reverse = std::ldexp(1.0, 31 - fixed.shift) / static_cast<double>(std::max(fixed.multiplier, 1));
  return {fixed, -input_radius(kDifferenceBits, std::max(fixed.shift, int32_t{0})), quantize_multiplier(reverse)};
}

Array evaluate_integer(const Softmax& op, const std::vector<const Array*>& inputs) {
  if (op.log) return integer_log_softmax(op, *inputs[0]);
  constexpr int kSumBits = 12;
  const Array& x = *inputs[0];
  if (x.dtype() == DType::i16) return evaluate_int16(op, x);
  const IntegerSoftmax parameters = integer_softmax(x.type(), op.beta);
  const AxisSplit view = split_at(x.shape(), op.axis);
  const IntegerRange range = type_range(op.integer->dtype);
  std::vector<int64_t> values = x.integers();
  for (int64_t row = 0; row < view.outer * view.inner; ++row) {
    int64_t* column = values.data() + row / view.inner * view.size * view.inner + row % view.inner;
    int64_t largest = column[0];
    for (int64_t s = 1; s < view.size; ++s) largest = std::max(largest, column[s * view.inner]);
    const auto exponential = [&](int64_t difference) {
      return fixed_exp(multiply(static_cast<int32_t>(difference), parameters.factor));
    };
    int32_t sum = 0;
    for (int64_t s = 0; s < view.size; ++s) {
      const int64_t difference = column[s * view.inner] - largest;
      if (difference >= parameters.lowest_difference)
        sum = wrapped(int64_t{sum} + divide_by_power_of_two(exponential(difference), kSumBits));
    }
    const int headroom = std::countl_zero(static_cast<uint32_t>(sum));
    const int32_t rest = wrapped((int64_t{sum} << headroom) - (int64_t{1} << 31));
    const int32_t scale = fixed_one_over_one_plus(rest);
    for (int64_t s = 0; s < view.size; ++s) {
      int64_t& value = column[s * view.inner];
      const int64_t difference = value - largest;
      value = range.low;
      if (difference < parameters.lowest_difference) continue;
      const int shift = kSumBits - headroom + 31 - 8 * static_cast<int>(element_bytes(op.integer->dtype));
      value = range.clamp(range.low +
                          divide_by_power_of_two(doubling_high_multiply(scale, exponential(difference)), shift));
    }
  }
  return result(*op.integer, x.shape(), std::move(values));
}

FixedPoint reduction_factor(ReduceKind kind, int64_t count, const TensorType& x, const IntegerForm& form) {
  const auto from = static_cast<double>(x.quantization->scale()), to = static_cast<double>(form.quantization.scale());
  if (kind == ReduceKind::Prod) return quantize_multiplier(from / std::pow(to, 1.0 / static_cast<double>(count)));
  const FixedPoint factor = quantize_multiplier(from / to);
  if (kind == ReduceKind::Sum) return factor;
  const int width = static_cast<int>(std::bit_width(static_cast<uint64_t>(count))) - 1;
  const int shift = std::min({width, 32, 31 + factor.shift});
  return {static_cast<int32_t>((int64_t{factor.multiplier} << shift) / count), factor.shift - shift};
}

double nearest_reduction_factor(ReduceKind kind, int64_t count, const TensorType& x, const IntegerForm& form) {
  const float divisor = kind == ReduceKind::Mean ? static_cast<float>(count) : 1.0f;
  return static_cast<double>(x.quantization->scale() / (form.quantization.scale() * divisor));
}

namespace {

// Products of the elements less their zero point along the axes, rounded after each factor and once more at the end.
std::vector<int64_t> rounded_products(const Reduce& op, const Array& x, const Shape& kept, FixedPoint factor) {
  std::vector<int64_t> products(static_cast<size_t>(element_count(kept)));
  std::vector<bool> begun(products.size(), false);
  const int64_t zero_point = x.type().quantization->zero_point();
  size_t i = 0;
  for_each_position<1>(x.shape(), {broadcast_strides(kept, x.shape())}, [&](const std::array<int64_t, 1>& offsets) {
    const auto target = static_cast<size_t>(offsets[0]);
    const int64_t number = x.integer(i++) - zero_point;
    products[target] = begun[target] ? multiply_wide(products[target] * number, factor) : number;
    begun[target] = true;
  });
  const IntegerRange range = output_range(*op.integer, op.fused);
  for (int64_t& product : products)
    product = range.clamp(wrapped(int64_t{multiply_wide(product, factor)} + op.integer->quantization.zero_point()));
  return products;
}

}  // namespace

Array evaluate_integer(const Reduce& op, const std::vector<const Array*>& inputs) {
  const Array& x = *inputs[0];
  const bool picks = op.kind == ReduceKind::Max || op.kind == ReduceKind::Min;
  Reduce plain = op;
  plain.integer.reset();
  plain.fused = {};
  if (!picks) plain.kind = ReduceKind::Sum;
  plain.keep_dims = true;
  const Array numbers = picks ? Array::of_doubles(x.shape(), x.doubles(), DType::f64) : centered(x);
  const Array reduced = plain.evaluate({&numbers}).front();
  const Shape shape = op.infer({&x.type()})[0].shape;
  const IntegerRange range = output_range(*op.integer, op.fused);
  const auto count = static_cast<int64_t>(x.size() / std::max<size_t>(reduced.size(), 1));
  const FixedPoint factor = reduction_factor(op.kind, count, x.type(), *op.integer);
  if (op.kind == ReduceKind::Prod) return result(*op.integer, shape, rounded_products(op, x, reduced.shape(), factor));
  const Requantizer nearest({nearest_reduction_factor(op.kind, count, x.type(), *op.integer)}, *op.integer, op.fused);
  std::vector<int64_t> values(reduced.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t sum = reduced.integer(i);
    if (picks)
      values[i] = range.clamp(sum);
    else if (op.integer->rounding == Rounding::nearest)
      values[i] = nearest(sum, 0);
    else
      values[i] = range.clamp(multiply(wrapped(sum), factor) + op.integer->quantization.zero_point());
  }
  return result(*op.integer, shape, std::move(values));
}

}  // namespace linnet::ops
