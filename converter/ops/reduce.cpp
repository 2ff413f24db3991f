#include "converter/ops/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/reduce_axes.hpp"

namespace linnet::ops {

using kernels::ReduceKind;

namespace {

Shape reduced_shape(const Shape& shape, const std::vector<int64_t>& axes, bool keep_dims) {
  Shape result;
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(d));
    if (!reduced) result.push_back(shape[d]);
    if (reduced && keep_dims) result.push_back(1);
  }
  return result;
}

// Integers are added up in 128 bits. A sum of 2^31 of them, and any square, fits; products that would not end here.
using Wide = __int128;

double product(double a, double b) {
  return a * b;
}
Wide product(Wide a, Wide b) {
  if (std::abs(static_cast<double>(a) * static_cast<double>(b)) > 0x1p94)
    throw Error("the integers' product overflows");
  return a * b;
}

template <class T>
T initial(ReduceKind kind) {
  const T infinity = std::is_floating_point_v<T> ? static_cast<T>(std::numeric_limits<double>::infinity())
                                                 : static_cast<T>(Wide{1} << 94);
  switch (kind) {
    case ReduceKind::Prod:
      return 1;
    case ReduceKind::Max:
      return -infinity;
    case ReduceKind::Min:
      return infinity;
    default:
      return 0;
  }
}

template <class T>
T accumulate(ReduceKind kind, T sum, T value) {
  switch (kind) {
    case ReduceKind::Sum:
    case ReduceKind::Mean:
      return sum + value;
    case ReduceKind::Max:
      return value < sum || sum != sum ? sum : value;
    case ReduceKind::Min:
      return value > sum || sum != sum ? sum : value;
    case ReduceKind::Prod:
      return product(sum, value);
    case ReduceKind::L1:
      return sum + (value < 0 ? -value : value);
    case ReduceKind::L2:
    case ReduceKind::SumSquare:
      return sum + product(value, value);
  }
  throw Error(fmt::format("unknown reduction {}", static_cast<int>(kind)));
}

template <class T>
std::vector<T> reduce_values(ReduceKind kind, const std::vector<T>& values, const Shape& shape, const Shape& kept) {
  std::vector<T> result(static_cast<size_t>(element_count(kept)), initial<T>(kind));
  const std::array<std::vector<int64_t>, 1> strides = {broadcast_strides(kept, shape)};
  size_t i = 0;
  for_each_position(shape, strides, [&](const std::array<int64_t, 1>& offsets) {
    T& target = result[static_cast<size_t>(offsets[0])];
    target = accumulate(kind, target, values[i++]);
  });
  const T count = static_cast<T>(result.empty() ? 1 : values.size() / result.size());
  for (T& value : result) {
    if (kind == ReduceKind::Mean) value /= count;
    if (kind == ReduceKind::L2) value = static_cast<T>(std::sqrt(static_cast<double>(value)));
  }
  return result;
}

// The elements of an integer type; uint64 is kept as the bits of int64.
std::vector<int64_t> reduce_integers(ReduceKind kind, const Array& x, const Shape& kept) {
  const bool is_unsigned = x.dtype() == DType::u64;
  std::vector<Wide> values(x.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = is_unsigned ? static_cast<Wide>(static_cast<uint64_t>(x.integer(i))) : static_cast<Wide>(x.integer(i));
  std::vector<int64_t> results;
  for (const Wide value : reduce_values(kind, values, x.shape(), kept)) {
    const int64_t narrow = Array::of_integers({}, {static_cast<int64_t>(value)}).cast(x.dtype()).integer(0);
    if ((is_unsigned ? static_cast<Wide>(static_cast<uint64_t>(narrow)) : static_cast<Wide>(narrow)) != value)
      throw Error(fmt::format("a reduction by {} leaves the range of {}", ops::name(kind), ir::name(x.dtype())));
    results.push_back(narrow);
  }
  return results;
}

}  // namespace

void Reduce::attributes(AttributeWriter& writer) const {
  writer.add("kind", ops::name(kind));
  writer.add("axes", axes);
  writer.add("keep_dims", keep_dims);
  writer.add("fused", fused);
  writer.add("integer", integer);
}

std::vector<TensorType> Reduce::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  if (x.dtype == DType::boolean && kind != ReduceKind::Max && kind != ReduceKind::Min)
    throw Error("x has element type bool, supported are numbers");
  if (axes.empty()) throw Error("no axes to reduce");
  for (size_t i = 0; i < axes.size(); ++i) {
    require_axis(axes[i], x.shape);
    if (i > 0 && axes[i] <= axes[i - 1]) throw Error(fmt::format("axis {} is given twice or out of order", axes[i]));
    if (x.shape[static_cast<size_t>(axes[i])] == 0)
      throw Error(fmt::format("axis {} of shape {} is empty", axes[i], to_string(x.shape)));
  }
  if (integer) {
    require_quantized(x, "x");
    const bool picks = kind == ReduceKind::Max || kind == ReduceKind::Min;
    const bool sums = kind == ReduceKind::Mean || kind == ReduceKind::Sum;
    const bool multiplies = kind == ReduceKind::Prod && integer->rounding == Rounding::tflite;
    if (!sums && !multiplies && !(picks && integer->type(x.shape) == x))
      throw Error(fmt::format(
          "reduces {} by {} to {}; supported are Mean, Sum, TensorFlow Lite's Prod, and Max and Min to the same type",
          to_string(x), ops::name(kind), to_string(integer->type({}))));
    const Shape shape = reduced_shape(x.shape, axes, keep_dims);
    const int64_t count = element_count(x.shape) / std::max<int64_t>(element_count(shape), 1);
    constexpr int32_t kHighestShift = 14;  // of the device
    if (multiplies && reduction_factor(kind, count, x, *integer).shift > kHighestShift)
      throw Error(fmt::format("products of {} are too large for {}", to_string(x), to_string(integer->type({}))));
    return {integer->type(shape)};
  }
  if (fused.function != Function::Identity) require_floating(x, "x");
  require_not_quantized(x, "x");
  return {{x.dtype, reduced_shape(x.shape, axes, keep_dims)}};
}

std::vector<Array> Reduce::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array& x = *inputs[0];
  const Shape kept = reduced_shape(x.shape(), axes, true), shape = reduced_shape(x.shape(), axes, keep_dims);
  if (x.floating()) return {finish(shape, reduce_values(kind, x.doubles(), x.shape(), kept), x.dtype(), fused)};
  return {Array::of_integers(shape, reduce_integers(kind, x, kept), x.dtype())};
}

std::unique_ptr<Op> Reduce::permuted(const Permutation& permutation, const Node& node) const {
  const Shape& shape = node.in(0).shape();
  if (!keep_dims || permutation.size() != shape.size()) return nullptr;
  auto op = std::make_unique<Reduce>(*this);
  for (int64_t& axis : op->axes) axis = permuted_axis(axis, permutation);
  std::sort(op->axes.begin(), op->axes.end());
  if (adjacent_runs(op->axes, permute(shape, permutation)).size() > 1) return nullptr;  // the device reduces one run
  return op;
}

void Reduce::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_float_arithmetic(node);
  const Shape& shape = node.in(0).shape();
  const auto runs = adjacent_runs(axes, shape);
  if (runs.size() > 1) {
    throw Error(fmt::format("reduces axes {} of shape {}, the device supports axes that follow one another",
                            fmt::join(axes, ", "), to_string(shape)));
  }
  const AxisSplit view = reduced_view(runs[0], shape);
  const fb::Activation activation = emit::Context::activation(fused);
  const auto table = fb::CreateReduce(context.builder(), static_cast<fb::ReduceKind>(kind), device_int(view.outer),
                                      device_int(view.size), device_int(view.inner), &activation);
  context.step(node, table, {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

}  // namespace linnet::ops
