// Random graphs: whatever a tensor holds lies in its channels' ranges, and removing dead channels changes no element.
#include "converter/passes/channel_ranges.hpp"

#include <array>

#include "converter/ops/resample.hpp"
#include "tests/passes/dead_channels.hpp"

namespace linnet::test {
namespace {

using kernels::BinaryFunction;
using kernels::PoolKind;

// Images of 4 x 4 pixels, until they are flattened: layers with dead channels and all that keeps channels apart.
struct RandomGraph : ChannelGraph {
  std::vector<Value*> images;

  RandomGraph(DType type, Rounding rule, unsigned seed) {
    dtype = type;
    rounding = rule;
    random_bits.seed(seed);
    next_quantization();
    images.push_back(ChannelGraph::input({1, 4, 4, 3}));
    const int64_t steps = uniform(3, 9);
    for (int64_t step = 0; step < steps; ++step) {
      next_quantization();
      images.push_back(this->step(images[static_cast<size_t>(uniform(0, static_cast<int64_t>(images.size()) - 1))]));
    }
    next_quantization();
    Value* last = images.back();
    output(uniform(0, 1) == 0 ? linear(mean(last), 3) : linear(flattened(last), 3));
  }

 private:
  void next_quantization() {
    const auto size = static_cast<float>(uniform(1, 40)) * 0.01f;
    quantization = scale(size, dtype == DType::i16 ? 0 : uniform(-128, 127));
  }
  Activation activation() {
    const std::array<Activation, 4> all = {kRelu, kRelu6, Activation{}, Activation{Function::Clip, -1.0f, 1.0f}};
    return all[static_cast<size_t>(uniform(0, 3))];
  }
  Value* flattened(Value* x) {
    if (uniform(0, 1) == 0) x = transpose(x, {0, 3, 1, 2});
    return reshape(x, {1, element_count(x->shape())});
  }
  // Some outputs that are constant, and some of a bias of any size.
  Value* layer(Value* x, int64_t outputs, int64_t kernel, int64_t groups) {
    std::vector<int64_t> dead, constants;
    for (int64_t out = 0; out < outputs; ++out) {
      if (uniform(0, 2) > 0) continue;
      dead.push_back(out);
      constants.push_back(uniform(0, 1) == 0 ? -100000 : uniform(-3000, 3000));
    }
    return conv(x, outputs, kernel, dead, activation(), kernel / 2, groups, constants);
  }
  Value* step(Value* x) {
    const int64_t channels = x->shape().back();
    switch (uniform(0, 9)) {
      case 0:
        return layer(x, channels * uniform(1, 2), 3, channels % 2 == 0 && uniform(0, 1) == 0 ? channels / 2 : channels);
      case 1: {
        ops::Unary op;
        const std::array<Function, 6> functions = {Function::LeakyRelu, Function::HardSwish, Function::Sigmoid,
                                                   Function::Relu,      Function::Tanh,      Function::Abs};
        op.function = {functions[static_cast<size_t>(uniform(0, dtype == DType::i16 ? 0 : 5))], 0.25f};
        op.integer = form();
        return add(op, {x}, "function");
      }
      case 2: {
        ops::Pool op;
        op.kind = uniform(0, 1) == 0 ? PoolKind::Max : PoolKind::Average;
        op.kernel = {3, 3};
        op.strides = op.dilations = op.pads_begin = op.pads_end = {1, 1};
        op.channels_last = true;
        op.fused = activation();
        if (!real()) quantization = *x->type.quantization;
        op.integer = form();
        return add(op, {x}, "pool");
      }
      case 3:
      case 4:
        return combined(x);
      case 5:
        for (Value* other : images)
          if (other->type.quantization == x->type.quantization) return concat({x, other, x});
        return x;
      case 6: {
        const int64_t start = uniform(0, channels - 1);
        return slice(x, start, uniform(1, channels - start));
      }
      default:
        return layer(x, uniform(2, 6), 2 * uniform(0, 1) + 1, 1);
    }
  }
  Value* combined(Value* x) {
    ops::Binary op;
    op.function = std::array{BinaryFunction::Add, BinaryFunction::Sub,
                             BinaryFunction::Mul}[static_cast<size_t>(uniform(0, dtype == DType::i16 ? 1 : 2))];
    op.integer = form();
    op.fused = activation();
    for (Value* other : images)
      if (other != x && other->shape() == x->shape()) return add(op, {x, other}, "sum");
    return add(op, {x, x}, "sum");
  }
};

void expect_within_ranges(const Graph& graph) {
  const passes::Channels channels(graph);
  const passes::ChannelRanges ranges(graph, channels);
  for (int run = 0; run < 4; ++run) {
    evaluate(graph, inputs_for(graph, run), [&](const Node& node, const std::vector<Array>& outputs) {
      const Value* y = node.outputs[0];
      const std::vector<passes::Range>& own = ranges.of(y);
      size_t inner = 1;
      for (size_t d = static_cast<size_t>(channels.axis(y)) + 1; channels.axis(y) >= 0 && d < y->shape().size(); ++d)
        inner *= static_cast<size_t>(y->shape()[d]);
      for (size_t i = 0; i < outputs[0].size(); ++i) {
        const passes::Range& range = own[i / inner % own.size()];
        ASSERT_TRUE(range.low <= outputs[0].number(i) && outputs[0].number(i) <= range.high)
            << node.name << " element " << i << ": " << outputs[0].number(i) << " in " << range.low << " to "
            << range.high << "\n"
            << dump(graph);
      }
    });
  }
}

TEST(ChannelRanges, HoldEveryElementOfRandomGraphs) {
  size_t layers = 0;
  for (const auto& [dtype, rounding] : {std::pair{DType::i8, Rounding::nearest},
                                        {DType::i8, Rounding::tflite},
                                        {DType::i16, Rounding::tflite},
                                        {DType::f32, Rounding::nearest}}) {
    for (unsigned seed = 0; seed < 60; ++seed) {
      RandomGraph b(dtype, rounding, seed);
      passes::PassLog log;
      passes::simplify(b.graph, log);
      expect_within_ranges(b.graph);
      const report::DeadChannels dead = remove(b.graph);
      if (testing::Test::HasFailure()) FAIL() << name(dtype) << " seed " << seed;
      layers += dead.layers.size();
    }
  }
  EXPECT_GT(layers, 50u);  // of which channels were removed
}

}  // namespace
}  // namespace linnet::test
