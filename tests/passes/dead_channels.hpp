// Graphs of layers whose weights and biases are given, of integers by either rounding or of real numbers, and the
// comparison of what they compute before and after dead channels are removed.
#pragma once

#include <limits>
#include <random>

#include "converter/ops/concat.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/slice.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {

inline Quantization scale(float value, int64_t zero_point) {
  return {{value}, {zero_point}, 0};
}

constexpr Activation kRelu = {Function::Relu}, kRelu6 = {Function::Clip, 0.0f, 6.0f};

// Images are channels-last. Integers have a scale of 1/16 and a zero point of -3, unless a test says otherwise.
struct ChannelGraph : GraphBuilder {
  DType dtype = DType::i8;
  Rounding rounding = Rounding::nearest;
  Quantization quantization = scale(0.0625f, -3);
  std::mt19937 random_bits{7};

  int64_t uniform(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_bits() % static_cast<uint64_t>(high - low + 1));
  }
  bool real() const { return is_floating(dtype); }
  TensorType type(const Shape& shape) const {
    return {dtype, shape, real() ? std::nullopt : std::optional(quantization)};
  }
  Value* input(const Shape& shape) { return graph.add_input("x", type(shape)); }
  std::optional<IntegerForm> form() const {
    return real() ? std::nullopt : std::optional<IntegerForm>({dtype, quantization, rounding});
  }

  // With one scale per index of dimension `axis` of weights of integers.
  Value* weights(const Shape& shape, std::vector<int64_t> values, size_t axis = 0) {
    if (real()) return graph.add_constant("w", Array::of_doubles(shape, {values.begin(), values.end()}));
    Quantization scales{{}, std::vector<int64_t>(static_cast<size_t>(shape[axis]), 0), static_cast<int64_t>(axis)};
    for (size_t i = 0; i < scales.zero_points.size(); ++i)
      scales.scales.push_back(0.01f + 0.002f * static_cast<float>(i % 5));
    Array array = Array::of_integers(shape, std::move(values), DType::i8);
    return graph.add_constant("w", array.with_quantization(scales));
  }
  Value* bias(std::vector<int64_t> values) {
    const Shape shape = {static_cast<int64_t>(values.size())};
    if (real()) return graph.add_constant("b", Array::of_doubles(shape, {values.begin(), values.end()}));
    return graph.add_constant(
        "b", Array::of_integers(shape, std::move(values), dtype == DType::i16 ? DType::i64 : DType::i32));
  }
  std::vector<int64_t> numbers(const Shape& shape, int64_t size = 90) {
    std::vector<int64_t> values(static_cast<size_t>(element_count(shape)));
    for (int64_t& value : values) value = uniform(1, size) * (uniform(0, 1) == 0 ? -1 : 1);
    return values;
  }

  static ops::Conv window(int64_t pad = 0, int64_t groups = 1) {
    ops::Conv op;
    op.strides = op.dilations = {1, 1};
    op.pads_begin = op.pads_end = {pad, pad};
    op.groups = groups;
    op.channels_last = true;
    return op;
  }
  // `dead`: outputs of weights 0, whose biases are -200 or, of `constants`, those.
  Value* conv(Value* x, int64_t outputs, int64_t kernel, std::vector<int64_t> dead = {}, Activation fused = kRelu,
              int64_t pad = 0, int64_t groups = 1, std::vector<int64_t> constants = {}) {
    ops::Conv op = window(pad, groups);
    op.integer = form();
    op.fused = fused;
    const Shape shape = {outputs, x->shape().back() / groups, kernel, kernel};
    std::vector<int64_t> taps = numbers(shape), biases = numbers({outputs}, 900);
    const auto size = static_cast<int64_t>(taps.size()) / outputs;
    for (size_t i = 0; i < dead.size(); ++i) {
      std::fill_n(taps.begin() + dead[i] * size, size, 0);
      biases[static_cast<size_t>(dead[i])] = i < constants.size() ? constants[i] : -200;
    }
    return add(op, {x, weights(shape, std::move(taps)), bias(std::move(biases))}, "conv");
  }
  Value* linear(Value* x, int64_t outputs) {
    ops::Linear op;
    op.integer = form();
    const Shape shape = {outputs, x->shape().back()};
    return add(op, {x, weights(shape, numbers(shape)), bias(numbers({outputs}, 900))}, "linear");
  }
  Value* sum(Value* a, Value* b, Activation fused = {}) {
    ops::Binary op;
    op.integer = form();
    op.fused = fused;
    return add(op, {a, b}, "sum");
  }
  Value* concat(std::vector<Value*> parts) {
    ops::Concat op;
    op.axis = static_cast<int64_t>(parts[0]->shape().size()) - 1;
    return add(op, std::move(parts), "concat");
  }
  Value* slice(Value* x, int64_t start, int64_t count) {
    ops::Slice op = ops::whole_slice(x->shape());
    op.starts.back() = start;
    op.shape.back() = count;
    return add(op, {x}, "slice");
  }
  Value* mean(Value* x) {
    ops::Reduce op;
    op.axes = {1, 2};
    op.keep_dims = false;
    op.integer = form();
    return add(op, {x}, "mean");
  }
};

// The least, the largest and random numbers.
inline std::vector<Array> inputs_for(const Graph& graph, int run) {
  std::vector<Array> result;
  std::mt19937 random(static_cast<unsigned>(run));
  for (const Value* input : graph.inputs) {
    const auto count = static_cast<size_t>(element_count(input->shape()));
    const int bits = input->type.dtype == DType::i16 ? 16 : 8;
    const int64_t low = -(int64_t{1} << (bits - 1)), high = -low - 1;
    std::vector<int64_t> values(count);
    for (int64_t& value : values)
      value = run == 0   ? low
              : run == 1 ? high
                         : low + static_cast<int64_t>(random() % static_cast<unsigned>(1 << bits));
    if (is_floating(input->type.dtype))
      result.push_back(Array::of_doubles(input->shape(), {values.begin(), values.end()}));
    else
      result.push_back(Array::of_integers(input->shape(), std::move(values), input->type.dtype)
                           .with_quantization(input->type.quantization));
  }
  return result;
}

// Every element of every output must be what it was.
inline report::DeadChannels remove(Graph& graph) {
  const std::unique_ptr<Graph> before = graph.clone();
  verify(graph, "construction");
  passes::PassLog log;
  report::DeadChannels result = passes::remove_dead_channels(graph, log);
  EXPECT_NO_THROW(verify(graph, "the pass")) << dump(graph);
  for (int run = 0; run < 6; ++run) {
    const std::vector<Array> inputs = inputs_for(graph, run), want = evaluate(*before, inputs),
                             got = evaluate(graph, inputs);
    for (size_t o = 0; o < want.size(); ++o) {
      EXPECT_EQ(got[o].type(), want[o].type());
      EXPECT_EQ(got[o].doubles(), want[o].doubles()) << "run " << run << "\n" << dump(*before) << dump(graph);
    }
  }
  return result;
}

// What the layers, in order, have lost.
inline std::vector<int64_t> removed(Graph& graph) {
  std::vector<std::pair<const Node*, int64_t>> layers;
  for (const auto& node : graph.nodes())
    if (node->as<ops::Conv>() != nullptr || node->as<ops::ConvTranspose>() != nullptr ||
        node->as<ops::Linear>() != nullptr)
      layers.emplace_back(node.get(), node->out().shape().back());
  remove(graph);
  std::vector<int64_t> result;
  for (const auto& [node, before] : layers) result.push_back(before - node->out().shape().back());
  return result;
}

}  // namespace linnet::test
