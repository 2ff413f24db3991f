#include "converter/passes/channel_ranges.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/ops/axes.hpp"
#include "converter/ops/batch_norm.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;
using kernels::PoolKind;
using kernels::ReduceKind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Range kAny = {-kInfinity, kInfinity}, kZero = {0.0, 0.0};

Range any_of(const TensorType& type) {
  if (!type.quantization) return kAny;
  const ops::IntegerRange range = ops::type_range(type.dtype);
  return {static_cast<double>(range.low), static_cast<double>(range.high)};
}

Range hull(const Range& a, const Range& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

Range hull(const std::vector<Range>& ranges) {
  Range result = ranges.front();
  for (const Range& range : ranges) result = hull(result, range);
  return result;
}

// What rounding cannot change.
Range sign_of(const Range& range) {
  return {range.low >= 0 ? 0.0 : -kInfinity, range.high <= 0 ? 0.0 : kInfinity};
}

// Functions that give exactly 0 for 0 because they multiply by x or pass it on.
bool keeps_zero(Function function) {
  constexpr Function kFunctions[] = {Function::LeakyRelu, Function::HardSwish, Function::Elu,  Function::Selu,
                                     Function::Softsign,  Function::Mish,      Function::Gelu, Function::GeluTanh,
                                     Function::Silu,      Function::Abs,       Function::Neg};
  return std::find(std::begin(kFunctions), std::end(kFunctions), function) != std::end(kFunctions);
}

// Of real numbers.
Range through(const Activation& activation, const Range& x) {
  const double alpha = activation.alpha, beta = activation.beta;
  switch (activation.function) {
    case Function::Identity:
      return x;
    case Function::Relu:
      return {std::max(x.low, 0.0), std::max(x.high, 0.0)};
    case Function::Clip:
      return {std::min(std::max(x.low, alpha), beta), std::min(std::max(x.high, alpha), beta)};
    default:
      return x == kZero && keeps_zero(activation.function) ? kZero : kAny;
  }
}

Range combined(BinaryFunction function, const Range& a, const Range& b) {
  switch (function) {
    case BinaryFunction::Add:
      return sign_of({a.low + b.low, a.high + b.high});
    case BinaryFunction::Sub:
      return sign_of({a.low - b.high, a.high - b.low});
    case BinaryFunction::Mul:
      if (a == kZero || b == kZero) return kZero;
      return a.low >= 0 && b.low >= 0 ? Range{0.0, kInfinity} : kAny;
    case BinaryFunction::Max:
      return {std::max(a.low, b.low), std::max(a.high, b.high)};
    case BinaryFunction::Min:
      return {std::min(a.low, b.low), std::min(a.high, b.high)};
    case BinaryFunction::PRelu:
      return a.low >= 0 ? a : kAny;
    default:
      return kAny;
  }
}

// Whether the results for the ends of both operands' ranges are the least and the largest.
bool monotone(const ops::Binary& op, const TensorType& a, const TensorType& b) {
  constexpr float kLargestFactor = 0x1p8f;  // far from where 32 bits of fixed point overflow
  const float x = a.quantization->scale(), y = b.quantization->scale(), z = op.integer->quantization.scale();
  switch (op.function) {
    case BinaryFunction::Add:
    case BinaryFunction::Sub:
      return !op.shifts && std::max(x, y) / z < kLargestFactor;
    case BinaryFunction::Mul:
      return a.dtype == DType::i8 && x * y / z < kLargestFactor;
    case BinaryFunction::Max:
    case BinaryFunction::Min:
      return true;
    default:
      return false;
  }
}

Array integers(const TensorType& type, const Shape& shape, std::vector<int64_t> values) {
  return Array::of_integers(shape, std::move(values), type.dtype).with_quantization(type.quantization);
}

// The least and the largest element of each channel.
std::vector<Range> ranges_along(const Array& low, const Array& high, int64_t axis) {
  const ops::AxisSplit view = ops::split_at(low.shape(), axis);
  std::vector<Range> result(static_cast<size_t>(view.size), {kInfinity, -kInfinity});
  for (size_t i = 0; i < low.size(); ++i) {
    Range& range = result[i / static_cast<size_t>(view.inner) % result.size()];
    range = hull(range, {low.number(i), high.number(i)});
  }
  return result;
}

// ---- layers ----

// Of the products that an output sums up.
struct Sum {
  double low = 0, high = 0, magnitude = 0;
  int64_t terms = 0;
  bool negative = false, positive = false;  // whether any product can be

  void add(double weight, const Range& x) {
    const double a = weight * x.low, b = weight * x.high;
    low += std::min(a, b);
    high += std::max(a, b);
    magnitude += std::max(std::fabs(a), std::fabs(b));
    negative = negative || std::min(a, b) < 0;
    positive = positive || std::max(a, b) > 0;
    ++terms;
  }

  // In float32, in any order, with the weights rounded: each term takes part in less than `terms` + 8 roundings. Sums
  // of numbers of one sign never cross the bias.
  Range rounded(double bias) const {
    const double margin = static_cast<double>(terms + 8) * 0x1.02p-24 * (std::fabs(bias) + magnitude);
    return {negative ? bias + low - margin : bias, positive ? bias + high + margin : bias};
  }
};

bool may_use_winograd(const Layer& layer) {
  const auto* conv = layer.node->as<ops::Conv>();
  const Shape& weights = layer.weights().shape();
  const auto is_one = [](int64_t value) { return value == 1; };
  return conv != nullptr && layer.groups == 1 && weights.size() == 4 && weights[2] == 3 && weights[3] == 3 &&
         std::all_of(conv->strides.begin(), conv->strides.end(), is_one) &&
         std::all_of(conv->dilations.begin(), conv->dilations.end(), is_one);
}

// Absent for layers of real numbers.
std::optional<ops::Requantizer> requantizer_of(const Node& node) {
  const TensorType* bias = node.has(kBias) ? &node.in(kBias).type : nullptr;
  const auto of = [&](const auto* op) -> std::optional<ops::Requantizer> {
    if (op == nullptr || !op->integer) return std::nullopt;
    return ops::layer_requantizer(*op, node.in(0).type, node.in(kWeights).type, bias);
  };
  if (auto found = of(node.as<ops::Conv>())) return found;
  if (auto found = of(node.as<ops::ConvTranspose>())) return found;
  return of(node.as<ops::Linear>());
}

}  // namespace

ChannelRanges::ChannelRanges(const Graph& graph, const Channels& channels) : channels_(channels) {
  for (const Value* input : graph.inputs) ranges_[input] = {any_of(input->type)};
  for (const auto& node : graph.nodes()) {
    ranges_[node->outputs[0]] = find(*node);
    for (size_t i = 1; i < node->outputs.size(); ++i) ranges_[node->outputs[i]] = {any_of(node->out(i).type)};
  }
}

const std::vector<Range>& ChannelRanges::of(const Value* value) const {
  return ranges_.at(value);
}

std::vector<Range> ChannelRanges::find(Node& node) const {
  const auto is_infinite = [](const Value* input) {
    return input != nullptr && input->constant && !input->constant->all_finite();
  };
  if (std::any_of(node.inputs.begin(), node.inputs.end(), is_infinite)) return any(node);
  if (const std::optional<Layer> layer = as_layer(&node)) return of_layer(*layer);
  if (const Flow* flow = channels_.flow(&node)) return of_flow(node, *flow);
  return any(node);
}

std::vector<Range> ChannelRanges::any(const Node& node) const {
  const auto count = static_cast<size_t>(channels_.count(node.outputs[0]));
  return std::vector<Range>(std::max<size_t>(count, 1), any_of(node.out().type));
}

std::vector<Range> ChannelRanges::operand(const Node& node, const Operand& operand) const {
  const Value* value = node.inputs[operand.input];
  if (value->constant) return ranges_along(*value->constant, *value->constant, operand.axis);
  if (channels_.axis(value) == operand.axis) return of(value);
  return std::vector<Range>(static_cast<size_t>(value->shape()[static_cast<size_t>(operand.axis)]), hull(of(value)));
}

// Of an input, for every output channel.
std::vector<Range> ChannelRanges::input(const Node& node, size_t index, const Flow& flow) const {
  for (const Operand& one : flow.operands) {
    if (one.input != index) continue;
    const std::vector<Range> own = operand(node, one);
    std::vector<Range> result;
    result.reserve(one.source.size());
    for (const int64_t channel : one.source) result.push_back(own[static_cast<size_t>(channel)]);
    return result;
  }
  const Value* value = node.inputs[index];
  const Range all = hull(value->constant ? ranges_along(*value->constant, *value->constant, 0) : of(value));
  return std::vector<Range>(static_cast<size_t>(node.out().shape()[static_cast<size_t>(flow.axis)]), all);
}

std::vector<Range> ChannelRanges::of_layer(const Layer& layer) const {
  const Node& node = *layer.node;
  const Value& x = node.in(0);
  std::vector<Range> result = any(node);
  const Array& weights = *layer.weights().constant;
  if (node.has(kResidual) || node.has(kFactors)) return result;

  const Operand channels = {0, layer.channel_axis(), {}};
  std::vector<Range> inputs = operand(node, channels);
  const double zero_point = x.type.quantization ? static_cast<double>(x.type.quantization->zero_point()) : 0.0;
  for (Range& range : inputs) {
    range = {range.low - zero_point, range.high - zero_point};
    if (layer.padded) range = hull(range, kZero);
  }
  std::vector<Sum> sums(result.size());
  const std::vector<float> taps = weights.floats();
  for (size_t i = 0; i < taps.size(); ++i) {
    if (taps[i] == 0.0f) continue;
    const auto [in, out] = layer.channels(static_cast<int64_t>(i));
    sums[static_cast<size_t>(out)].add(taps[i], inputs[static_cast<size_t>(in)]);
  }

  const std::optional<ops::Requantizer> requantize = requantizer_of(node);
  const Array* biases = node.has(kBias) ? &*node.in(kBias).constant : nullptr;
  for (size_t out = 0; out < result.size(); ++out) {
    const Sum& sum = sums[out];
    if (requantize) {
      const double bias = biases != nullptr ? biases->number(out) : 0.0;
      const double low = bias + sum.low, high = bias + sum.high;
      if (!requantize->monotone(std::max(std::fabs(low), std::fabs(high)))) continue;
      result[out] = {static_cast<double>((*requantize)(static_cast<int64_t>(low), out)),
                     static_cast<double>((*requantize)(static_cast<int64_t>(high), out))};
    } else if (sum.magnitude == 0 || (weights.floating() && !may_use_winograd(layer))) {
      const double bias = biases != nullptr ? static_cast<double>(static_cast<float>(biases->number(out))) : 0.0;
      result[out] = through(*layer.node->op->activation(), sum.rounded(bias));
    }
  }
  return result;
}

std::vector<Range> ChannelRanges::of_flow(Node& node, const Flow& flow) const {
  if (node.as<ops::Binary>() != nullptr) return of_binary(node, flow);
  if (node.as<ops::ScaleShift>() != nullptr) return of_factors(node, flow);
  if (node.as<ops::Unary>() != nullptr || node.as<ops::Quantize>() != nullptr) return of_function(node, flow);
  const auto* pool = node.as<ops::Pool>();
  const auto* reduce = node.as<ops::Reduce>();
  const auto* resample = node.as<ops::Resample>();
  if (pool == nullptr && reduce == nullptr && resample == nullptr) return of_moved(node, flow);

  const bool picks = (pool != nullptr && pool->kind == PoolKind::Max) ||
                     (reduce != nullptr && (reduce->kind == ReduceKind::Max || reduce->kind == ReduceKind::Min));
  const auto positive = [](double weight) { return weight >= 0; };
  const bool averages = (pool != nullptr && !picks) || (reduce != nullptr && reduce->kind == ReduceKind::Mean) ||
                        (resample != nullptr && resample->bias.empty() &&
                         std::all_of(resample->weights.begin(), resample->weights.end(), positive));
  std::vector<Range> result = input(node, 0, flow);
  const TensorType &from = node.in(0).type, &to = node.out().type;
  if (!picks && !averages) return any(node);
  if (from.quantization) {
    constexpr float kLargestFactor = 16.0f;  // far from where the sums of the largest image leave 32 bits
    const bool bounded = from.dtype == DType::i8 && to.quantization &&
                         (picks || from.quantization->scale() / to.quantization->scale() < kLargestFactor);
    return bounded ? of_evaluation(node, flow) : any(node);
  }
  const Activation* fused = node.op->activation();
  for (Range& range : result) {
    if (!picks) range = sign_of(range);
    if (fused != nullptr) range = through(*fused, range);
  }
  return result;
}

std::vector<Range> ChannelRanges::of_binary(const Node& node, const Flow& flow) const {
  const auto& op = *node.as<ops::Binary>();
  const std::vector<Range> a = input(node, 0, flow), b = input(node, 1, flow);
  std::vector<Range> result = any(node);
  if (is_floating(node.out())) {
    for (size_t c = 0; c < result.size(); ++c) result[c] = through(op.fused, combined(op.function, a[c], b[c]));
    return result;
  }
  if (!op.integer) return result;
  std::vector<int64_t> x, y;
  for (size_t c = 0; c < result.size(); ++c)
    for (const double left : {a[c].low, a[c].high})
      for (const double right : {b[c].low, b[c].high}) {
        x.push_back(static_cast<int64_t>(left));
        y.push_back(static_cast<int64_t>(right));
      }
  const Shape shape = {static_cast<int64_t>(x.size())};
  const Array left = integers(node.in(0).type, shape, std::move(x)),
              right = integers(node.in(1).type, shape, std::move(y));
  const Array corners = op.evaluate({&left, &right})[0].reshaped({static_cast<int64_t>(result.size()), 4});
  const std::vector<Range> ranges = ranges_along(corners, corners, 0);
  const bool bounded = monotone(op, node.in(0).type, node.in(1).type);
  for (size_t c = 0; c < result.size(); ++c)
    if (bounded || (a[c].constant() && b[c].constant())) result[c] = ranges[c];
  return result;
}

std::vector<Range> ChannelRanges::of_factors(const Node& node, const Flow& flow) const {
  const auto& op = *node.as<ops::ScaleShift>();
  const std::vector<Range> x = input(node, 0, flow);
  const std::vector<float> scales = node.in(1).constant->floats(), shifts = node.in(2).constant->floats();
  std::vector<Range> result;
  for (size_t c = 0; c < x.size(); ++c) {
    Sum sum;
    if (scales[c] != 0.0f) sum.add(scales[c], x[c]);
    result.push_back(through(op.fused, sum.rounded(shifts[c])));
  }
  return result;
}

// Of 8 bits by the results for all numbers of a range.
std::vector<Range> ChannelRanges::of_function(const Node& node, const Flow& flow) const {
  const TensorType& type = node.in(0).type;
  std::vector<Range> result = input(node, 0, flow);
  const auto evaluated = [&](std::vector<int64_t> values) {
    const Shape shape = {static_cast<int64_t>(values.size())};
    const Array x = integers(type, shape, std::move(values));
    return node.op->evaluate({&x})[0];
  };
  if (!type.quantization) {
    const auto* unary = node.as<ops::Unary>();
    for (Range& range : result) {
      if (unary != nullptr) {
        range = through(unary->function, range);
        continue;
      }
      constexpr double kLargest = std::numeric_limits<float>::max();
      const Range sign = sign_of(range);
      const Array ends = Array::of_doubles({2}, {std::max(sign.low, -kLargest), std::min(sign.high, kLargest)});
      const Array integer = node.op->evaluate({&ends})[0];
      range = {integer.number(0), integer.number(1)};
    }
    return result;
  }
  const bool bytes = type.dtype == DType::i8 || type.dtype == DType::u8;
  const ops::IntegerRange all = ops::type_range(type.dtype);
  std::vector<int64_t> values;
  for (int64_t value = all.low; bytes && value <= all.high; ++value) values.push_back(value);
  const Array table = bytes ? evaluated(std::move(values)) : Array();
  for (Range& range : result) {
    const auto low = static_cast<int64_t>(range.low), high = static_cast<int64_t>(range.high);
    if (!bytes && low != high) {
      range = any_of(node.out().type);
      continue;
    }
    const Array single = bytes ? Array() : evaluated({low});
    range = {kInfinity, -kInfinity};
    for (int64_t value = low; value <= high; ++value) {
      const double number = bytes ? table.number(static_cast<size_t>(value - all.low)) : single.number(0);
      range = hull(range, {number, number});
    }
    if (is_floating(node.out())) range = sign_of(range);
  }
  return result;
}

std::vector<Range> ChannelRanges::of_moved(const Node& node, const Flow& flow) const {
  std::vector<Range> result(static_cast<size_t>(node.out().shape()[static_cast<size_t>(flow.axis)]),
                            {kInfinity, -kInfinity});
  for (const Operand& one : flow.operands) {
    const std::vector<Range> own = operand(node, one);
    for (size_t c = 0; c < result.size(); ++c)
      if (one.source[c] >= 0) result[c] = hull(result[c], own[static_cast<size_t>(one.source[c])]);
  }
  const auto* pad = node.as<ops::Pad>();
  if (pad != nullptr && pad->mode == ops::PadMode::Constant)
    for (Range& range : result) range = hull(range, {pad->value, pad->value});
  return result;
}

// Operators of integers whose results grow with every element: those of the least and of the largest tensor.
std::vector<Range> ChannelRanges::of_evaluation(const Node& node, const Flow& flow) const {
  const Operand& x = flow.operands[0];
  const std::vector<Range> ranges = operand(node, x);
  const Shape& shape = node.in(0).shape();
  const auto inner = static_cast<size_t>(ops::split_at(shape, x.axis).inner);
  const auto evaluated = [&](double Range::*end) {
    std::vector<int64_t> values(static_cast<size_t>(element_count(shape)));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(ranges[i / inner % ranges.size()].*end);
    const Array array = integers(node.in(0).type, shape, std::move(values));
    return node.op->evaluate({&array})[0];
  };
  return ranges_along(evaluated(&Range::low), evaluated(&Range::high), flow.axis);
}

}  // namespace linnet::passes
