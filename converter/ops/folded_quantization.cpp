// Quantization of constants, for folding.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/dynamic_quantize.hpp"
#include "converter/ops/folded.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/quantize_import.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

using Types = std::vector<const TensorType*>;
using Arrays = std::vector<const Array*>;

// How the elements of x share scales and zero points: all one, one per entry of an axis, or one per block along it.
struct Granularity {
  int64_t axis = 1, block = 0;

  // Of every element of x, the index of its scale.
  std::vector<int64_t> indices(const Shape& x, const Shape& scale) const;
  std::string text() const { return fmt::format("axis={} block={}", axis, block); }
};

std::vector<int64_t> Granularity::indices(const Shape& x, const Shape& scale) const {
  const auto count = static_cast<size_t>(element_count(x));
  if (element_count(scale) == 1 && block == 0) return std::vector<int64_t>(count, 0);
  const auto d = static_cast<size_t>(normalized_axis(axis, x.size()));
  const auto fail = [&] {
    return Error(fmt::format("scales of shape {} for x of {} ({})", to_string(scale), to_string(x), text()));
  };
  if (block == 0) {
    if (scale != Shape{x[d]}) throw fail();
    std::vector<int64_t> strides(x.size(), 0);
    strides[d] = 1;
    return strided_offsets(x, strides);
  }
  if (block < 0 || scale.size() != x.size()) throw fail();
  for (size_t i = 0; i < x.size(); ++i)
    if (scale[i] != (i == d ? x[d] / block + (x[d] % block != 0) : x[i])) throw fail();
  const std::vector<int64_t> strides = row_major_strides(x), scale_strides = row_major_strides(scale);
  std::vector<int64_t> result(count, 0);
  for (size_t i = 0; i < count; ++i)
    for (size_t k = 0; k < x.size(); ++k) {
      const int64_t at = static_cast<int64_t>(i) / strides[k] % x[k];
      result[i] += (k == d ? at / block : at) * scale_strides[k];
    }
  return result;
}

Granularity read_granularity(OnnxContext& context) {
  Granularity granularity;
  if (context.opset() >= 13) granularity.axis = context.integer("axis", 1);
  if (context.opset() >= 21) granularity.block = context.integer("block_size", 0);
  return granularity;
}

void require_parameters(const TensorType& x, const Types& inputs, const Granularity& granularity) {
  const TensorType& scale = required(inputs, 1, "scale");
  if (!is_floating(scale.dtype)) require_floating(scale, "scale");
  granularity.indices(x.shape, scale.shape);
  if (const TensorType* zero = optional(inputs, 2);
      zero != nullptr && element_count(zero->shape) != element_count(scale.shape))
    throw Error(fmt::format("zero point of shape {}, scale of {}", to_string(zero->shape), to_string(scale.shape)));
}

struct Limits {
  double least, most;
};

Limits limits_of(DType dtype) {
  switch (dtype) {
    case DType::i8:
      return {-128, 127};
    case DType::u8:
      return {0, 255};
    case DType::i16:
      return {-32768, 32767};
    case DType::u16:
      return {0, 65535};
    default:
      throw Error(fmt::format("quantizes to {}, supported are i8, u8, i16 and u16", ir::name(dtype)));
  }
}

int64_t quantized(double x, double scale, int64_t zero, const Limits& limits) {
  // In float32, as the specification's own arithmetic: its ties are others than in double.
  const double steps = std::nearbyint(static_cast<float>(x) / static_cast<float>(scale));
  const double value = steps + static_cast<double>(zero);
  return std::isnan(value) ? zero : static_cast<int64_t>(std::clamp(value, limits.least, limits.most));
}

}  // namespace

std::vector<Value*> fold_dequantize_linear(OnnxContext& context) {
  const Granularity granularity = read_granularity(context);
  const std::optional<DType> dtype = output_dtype(context, 23);
  const auto types = [=](const Types& inputs) -> std::vector<TensorType> {
    const TensorType& x = required(inputs, 0, "x");
    require_parameters(x, inputs, granularity);
    if (const TensorType* zero = optional(inputs, 2)) require_same_dtype(*zero, x, "zero point and x");
    return {{dtype.value_or(inputs[1]->dtype), x.shape}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array &x = *inputs[0], &scale = *inputs[1];
    const Array* zero = optional(inputs, 2);
    const std::vector<int64_t> indices = granularity.indices(x.shape(), scale.shape());
    std::vector<double> values(x.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const auto s = static_cast<size_t>(indices[i]);
      values[i] = (x.number(i) - (zero != nullptr ? zero->number(s) : 0.0)) * scale.number(s);
    }
    return {Array::of_doubles(x.shape(), std::move(values), types(types_of(inputs))[0].dtype)};
  };
  return fold(context, 3, granularity.text(), types, compute);
}

std::vector<Value*> fold_quantize_linear(OnnxContext& context) {
  const Granularity granularity = read_granularity(context);
  const std::optional<DType> dtype = output_dtype(context, 21);
  if (context.opset() >= 19) context.integer("saturate", 1);  // of 8-bit floats only
  if (context.opset() >= 23) context.integer("precision", 0);
  const auto types = [=](const Types& inputs) -> std::vector<TensorType> {
    const TensorType& x = required(inputs, 0, "x");
    require_parameters(x, inputs, granularity);
    const TensorType* zero = optional(inputs, 2);
    const DType to = zero != nullptr ? zero->dtype : dtype.value_or(DType::u8);
    if (dtype && *dtype != to)
      throw Error(fmt::format("output_dtype is {}, the zero point has {}", ir::name(*dtype), ir::name(to)));
    limits_of(to);
    return {{to, x.shape}};
  };
  const auto compute = [=](const Arrays& inputs) -> std::vector<Array> {
    const Array &x = *inputs[0], &scale = *inputs[1];
    const Array* zero = optional(inputs, 2);
    const TensorType type = types(types_of(inputs))[0];
    const std::vector<int64_t> indices = granularity.indices(x.shape(), scale.shape());
    std::vector<int64_t> values(x.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const auto s = static_cast<size_t>(indices[i]);
      values[i] =
          quantized(x.number(i), scale.number(s), zero != nullptr ? zero->integer(s) : 0, limits_of(type.dtype));
    }
    return {Array::of_integers(type.shape, std::move(values), type.dtype)};
  };
  return fold(context, 3, granularity.text(), types, compute);
}

std::vector<Value*> import_dynamic_quantize_linear(OnnxContext& context) {
  return fold(context, 1, std::make_unique<DynamicQuantize>());
}

}  // namespace linnet::ops
