// Which channels go and which stay, by every kind of operator between the layer that makes them and the one that reads
// them.
#include "tests/passes/dead_channels.hpp"

#include <cmath>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/softmax.hpp"

namespace linnet::test {
namespace {

using Counts = std::vector<int64_t>;
using kernels::BinaryFunction;
using kernels::PoolKind;

const Shape kImage = {1, 5, 4, 3};

struct Arithmetic {
  DType dtype;
  Rounding rounding;
};
constexpr Arithmetic kArithmetics[] = {
    {DType::i8, Rounding::nearest}, {DType::i8, Rounding::tflite}, {DType::f32, Rounding::nearest}};

ChannelGraph graph_of(const Arithmetic& arithmetic) {
  ChannelGraph b;
  b.dtype = arithmetic.dtype;
  b.rounding = arithmetic.rounding;
  return b;
}

// Runs `build(b, y)` on a layer of six channels, of which 1 and 4 are the number 0, and expects that they go.
template <class Build>
void expect_through(Build&& build, const Counts& want = {2, 0}) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    ChannelGraph b = graph_of(arithmetic);
    Value* y = b.conv(b.input(kImage), 6, 1, {1, 4});
    b.output(build(b, y));
    EXPECT_EQ(removed(b.graph), want) << name(arithmetic.dtype) << " " << name(arithmetic.rounding) << dump(b.graph);
  }
}

TEST(DeadChannels, OfTheNextLayersInput) {
  expect_through([](ChannelGraph& b, Value* y) { return b.conv(y, 4, 1); });
  expect_through([](ChannelGraph& b, Value* y) { return b.conv(y, 4, 3, {}, {}, 1); });
  expect_through([](ChannelGraph& b, Value* y) { return b.linear(b.mean(y), 4); });
  expect_through([](ChannelGraph& b, Value* y) { return b.linear(y, 4); });
}

TEST(DeadChannels, OfATransposedConvolution) {
  expect_through(
      [](ChannelGraph& b, Value* y) {
        ops::ConvTranspose op;
        op.strides = {2, 2};
        op.dilations = {1, 1};
        op.pads_begin = op.pads_end = {1, 1};
        op.output_padding = {0, 0};
        op.channels_last = true;
        op.integer = b.form();
        const Shape shape = {6, 4, 3, 3};
        std::vector<int64_t> taps = b.numbers(shape);
        for (size_t i = 0; i < taps.size(); ++i)
          if (i / 9 % 4 == 2) taps[i] = 0;
        Value* z = b.add(op, {y, b.weights(shape, taps, 1), b.bias({5, 6, 0, 8})}, "conv_transpose");
        if (!b.real()) z->producer->as<ops::ConvTranspose>()->fused = kRelu;
        return b.conv(z, 2, 3, {}, {}, 1);
      },
      {2, 1, 0});
}

TEST(DeadChannels, ThroughOperatorsThatKeepChannelsApart) {
  expect_through(
      [](ChannelGraph& b, Value* y) {
        return b.conv(b.conv(y, 6, 3, {1, 4}, kRelu, 1, 6), 4, 1);
      },
      {2, 2, 0});
  expect_through([](ChannelGraph& b, Value* y) {
    ops::Pool op;
    op.kernel = op.strides = {2, 2};
    op.dilations = {1, 1};
    op.pads_begin = op.pads_end = {1, 1};
    op.channels_last = true;
    op.integer = b.form();
    Value* pooled = b.add(op, {y}, "max");
    op.kind = PoolKind::Average;
    op.fused = kRelu6;
    return b.conv(b.add(op, {pooled}, "average"), 4, 1);
  });
  expect_through([](ChannelGraph& b, Value* y) {
    ops::Unary op;
    op.function = {Function::LeakyRelu, 0.25f};
    op.integer = b.form();
    Value* z = b.add(op, {y}, "leaky_relu");
    op.function = {Function::HardSwish};
    return b.conv(b.add(op, {z}, "hard_swish"), 4, 1);
  });
  expect_through([](ChannelGraph& b, Value* y) {
    ops::Binary op;
    op.function = BinaryFunction::PRelu;
    op.integer = b.form();
    const std::vector<int64_t> slopes = b.numbers({6});
    const Array array = b.real() ? Array::of_doubles({6}, {slopes.begin(), slopes.end()})
                                 : Array::of_integers({6}, slopes, b.dtype).with_quantization(b.quantization);
    return b.conv(b.add(op, {y, b.graph.add_constant("slopes", array)}, "prelu"), 4, 1);
  });
  expect_through([](ChannelGraph& b, Value* y) {
    ops::Pad op;
    op.value = b.real() ? 0.0 : -3.0;
    op.pads_begin = {0, 1, 0, 0};
    op.pads_end = {0, 0, 2, 0};
    return b.conv(b.transpose(b.add(op, {y}, "pad"), {0, 2, 1, 3}), 4, 3);
  });
  expect_through([](ChannelGraph& b, Value* y) {
    ops::Resample op;
    op.taps = 2;
    op.axis = 1;
    op.indices = {0, 1, 1, 2, 3, 4};
    op.weights = {1, 3, 2, 2, 4, 0};
    op.shift = 2;
    op.integer = b.form();
    return b.conv(b.add(op, {y}, "resample"), 4, 1);
  });
  expect_through(
      [](ChannelGraph& b, Value* y) {
        ops::Gather op;
        op.axis = 3;
        op.indices = {5, 4, 3, 0, 1, 0};
        op.indices_shape = {6};
        return b.conv(b.add(op, {y}, "gather"), 4, 1);
      },
      {3, 0});  // and channel 2, which is not gathered
}

TEST(DeadChannels, BetweenIntegersAndRealNumbers) {
  expect_through([](ChannelGraph& b, Value* y) {
    if (b.real()) return b.conv(y, 4, 1);
    ops::Quantize to_real, to_integers;
    to_real.to = DType::f32;
    to_real.rounding = to_integers.rounding = b.rounding;
    to_integers.quantization = scale(0.25f, 17);
    b.quantization = *to_integers.quantization;
    return b.conv(b.add(to_integers, {b.add(to_real, {y}, "dequantize")}, "quantize"), 4, 3, {}, {}, 1);
  });
}

TEST(DeadChannels, ThroughFlattening) {
  for (const bool channels_last : {true, false}) {
    expect_through([&](ChannelGraph& b, Value* y) {
      if (!channels_last) y = b.transpose(y, {0, 3, 1, 2});
      return b.linear(b.reshape(y, {1, 120}), 4);
    });
  }
  expect_through([](ChannelGraph& b, Value* y) { return b.linear(b.reshape(y, {20, 6}), 4); });
  // Channels in two dimensions stay.
  expect_through([](ChannelGraph& b, Value* y) { return b.linear(b.reshape(y, {1, 40, 3}), 4); }, {0, 0});
}

TEST(DeadChannels, ThroughFactorsPerChannel) {
  ChannelGraph b = graph_of(kArithmetics[2]);
  Value* y = b.conv(b.input(kImage), 6, 1, {1, 4});
  ops::ScaleShift op;
  op.axis = 3;
  op.fused = kRelu;
  Value* z = b.add(op, {y, b.random({6}), b.constant({6}, {1, -2, 3, 4, 0, 6})}, "scale_shift");
  b.output(b.conv(b.times(z, b.random({6})), 4, 1));
  EXPECT_EQ(removed(b.graph), (Counts{2, 0}));
}

TEST(DeadChannels, OfSumsGoWithBothOperands) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    for (const Counts& dead : {Counts{1, 4}, Counts{4}, Counts{}}) {
      ChannelGraph b = graph_of(arithmetic);
      Value *x = b.input(kImage), *a = b.conv(x, 6, 1, {1, 4}), *c = b.conv(x, 6, 3, dead, kRelu, 1);
      b.output(b.conv(b.sum(a, c), 4, 1));
      const auto count = static_cast<int64_t>(dead.size());
      EXPECT_EQ(removed(b.graph), (Counts{count, count, 0}));
    }
  }
}

// A factor per channel of a whole image, as squeeze-and-excitation makes it, and one for all channels.
TEST(DeadChannels, OfBroadcastProducts) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    for (const int64_t channels : {6, 1}) {
      ChannelGraph b = graph_of(arithmetic);
      Value* a = b.conv(b.input(kImage), 6, 1, {1, 4});
      ops::Reduce op;
      op.axes = {1, 2};
      op.integer = b.form();
      Value* factor = b.conv(b.add(op, {a}, "mean"), channels, 1);
      ops::Binary product;
      product.function = BinaryFunction::Mul;
      product.integer = b.form();
      b.output(b.conv(b.add(product, {a, factor}, "product"), 4, 1));
      EXPECT_EQ(removed(b.graph), (Counts{2, channels == 6 ? 2 : 0, 0}));
    }
  }
}

TEST(DeadChannels, OfConcatenationsAndSlices) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    ChannelGraph b = graph_of(arithmetic);
    Value *x = b.input(kImage), *a = b.conv(x, 4, 1, {0, 2}), *c = b.conv(x, 5, 1, {4});
    Value* all = b.concat({a, x, c});
    b.output(b.conv(all, 4, 1));
    b.output(b.conv(b.slice(all, 1, 7), 4, 1));
    b.output(b.conv(b.slice(c, 3, 2), 4, 1));
    EXPECT_EQ(removed(b.graph), (Counts{2, 1, 0, 0, 0}));
  }
}

TEST(DeadChannels, OfConcatenatedConstants) {
  ChannelGraph b;
  Value* a = b.conv(b.input({1, 1, 1, 3}), 4, 1, {0, 2});
  const Array constant = Array::of_integers({1, 1, 1, 3}, {-3, 7, -3}, DType::i8).with_quantization(b.quantization);
  b.output(b.conv(b.concat({b.graph.add_constant("c", constant), a}), 4, 1));
  EXPECT_EQ(removed(b.graph), (Counts{2, 0}));
  EXPECT_EQ(b.graph.outputs[0]->producer->in(0).producer->in(0).shape().back(), 1);
}

TEST(DeadChannels, ThatNothingReads) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    ChannelGraph b = graph_of(arithmetic);
    Value* y = b.conv(b.input(kImage), 6, 1);
    b.output(b.conv(b.slice(y, 1, 3), 4, 1));  // three are sliced away
    EXPECT_EQ(removed(b.graph), (Counts{3, 0}));

    ChannelGraph c = graph_of(arithmetic);
    Value* z = c.conv(c.input(kImage), 6, 1);
    const Shape shape = {4, 6, 3, 3};
    std::vector<int64_t> taps = c.numbers(shape);
    for (size_t i = 0; i < taps.size(); ++i)
      if (i / 9 % 6 == 5) taps[i] = 0;
    ops::Conv op = ChannelGraph::window(1);
    op.integer = c.form();
    c.output(c.add(op, {z, c.weights(shape, taps), c.bias(c.numbers({4}))}, "conv"));
    EXPECT_EQ(removed(c.graph), (Counts{1, 0}));
  }
}

// Channel 0 of each layer is read by channel 0 of the next alone, and the last one's is dead.
TEST(DeadChannels, UntilNothingChanges) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    ChannelGraph b = graph_of(arithmetic);
    Value* y = b.input(kImage);
    for (int layer = 0; layer < 4; ++layer) {
      const Shape shape = {5, y->shape().back(), 1, 1};
      std::vector<int64_t> taps = b.numbers(shape);
      for (int64_t out = 1; layer > 0 && out < 5; ++out) taps[static_cast<size_t>(out * shape[1])] = 0;
      if (layer == 3) std::fill_n(taps.begin(), shape[1], 0);
      ops::Conv op = ChannelGraph::window();
      op.integer = b.form();
      op.fused = kRelu;
      y = b.add(op, {y, b.weights(shape, taps), b.bias({-5, 1, 2, 3, 4})}, "conv");
    }
    b.output(b.conv(y, 2, 1));
    EXPECT_EQ(removed(b.graph), (Counts{1, 1, 1, 1, 0}));
  }
}

TEST(DeadChannels, OneOfAllStays) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    ChannelGraph b = graph_of(arithmetic);
    Value* y = b.conv(b.input(kImage), 4, 1, {0, 1, 2, 3});
    b.output(b.conv(b.conv(y, 4, 3, {0, 1, 2, 3}, kRelu, 1, 4), 3, 1));
    EXPECT_EQ(removed(b.graph), (Counts{3, 3, 0}));
  }
}

TEST(DeadChannels, OfDepthwiseLayersWithAMultiplier) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    for (const Counts& dead : {Counts{2, 3, 4}, Counts{2}}) {
      ChannelGraph b = graph_of(arithmetic);
      Value* y = b.conv(b.conv(b.input(kImage), 3, 1), 6, 3, dead, kRelu, 1, 3);
      b.output(b.conv(y, 4, 1));
      EXPECT_EQ(removed(b.graph), dead.size() == 3 ? (Counts{1, 2, 0}) : (Counts{0, 0, 0}));
    }
  }
}

// Of 4 inputs and 2 outputs each.
TEST(DeadChannels, OfGroupsGoTogether) {
  for (const Arithmetic& arithmetic : kArithmetics) {
    for (const Counts& dead : {Counts{2, 3}, Counts{2, 4}, Counts{0, 1, 2, 3}}) {
      ChannelGraph b = graph_of(arithmetic);
      Value* y = b.conv(b.conv(b.input(kImage), 12, 1), 6, 3, dead, kRelu, 1, 3);
      b.output(b.conv(y, 4, 1));
      const int64_t groups = dead == Counts{2, 4} ? 0 : static_cast<int64_t>(dead.size()) / 2;
      EXPECT_EQ(removed(b.graph), (Counts{4 * groups, 2 * groups, 0}));
      EXPECT_EQ(y->producer->as<ops::Conv>()->groups, 3 - groups);
    }
  }
}

TEST(DeadChannels, OfWhatMixesThemStay) {
  expect_through([](ChannelGraph& b, Value* y) { return b.conv(y, 4, 1, {}, {}, 0, 2); }, {0, 0});  // groups
  expect_through([](ChannelGraph&, Value* y) { return y; }, {0});
  expect_through(
      [](ChannelGraph& b, Value* y) {
        b.output(y);
        return b.conv(y, 4, 1);
      },
      {0, 0});
  expect_through(
      [](ChannelGraph& b, Value* y) {
        ops::Reduce op;
        op.axes = {3};
        op.integer = b.form();
        return b.add(op, {y}, "mean");
      },
      {0});
  expect_through(
      [](ChannelGraph& b, Value* y) {
        ops::Slice op = ops::whole_slice(y->shape());
        op.steps[3] = 2;
        op.shape[3] = 3;
        return b.conv(b.add(op, {y}, "slice"), 4, 1);
      },
      {0, 0});
  ChannelGraph b = graph_of(kArithmetics[2]);
  Value* y = b.conv(b.input(kImage), 6, 1, {1, 4});
  ops::Softmax op;
  op.axis = 3;
  b.output(b.conv(b.add(op, {y}, "softmax"), 4, 1));
  EXPECT_EQ(removed(b.graph), (Counts{0, 0}));
}

// ---- constants other than 0 ----

TEST(DeadChannels, OtherConstantsBecomePartOfTheBiasWithoutPadding) {
  for (const Rounding rounding : {Rounding::nearest, Rounding::tflite}) {
    for (const DType dtype : {DType::i8, DType::i16}) {
      for (const bool has_bias : {true, false}) {
        for (const int64_t pad : {0, 1}) {
          ChannelGraph b;
          b.dtype = dtype;
          b.rounding = dtype == DType::i8 ? rounding : Rounding::tflite;
          if (dtype == DType::i16) b.quantization = scale(0.0625f, 0);
          Value* y = b.conv(b.input(kImage), 5, 1, {1, 3}, {}, 0, 1, {700, -900});
          const Shape shape = {4, 5, 3, 3};
          ops::Conv op = ChannelGraph::window(pad);
          op.integer = b.form();
          std::vector<Value*> inputs = {y, b.weights(shape, b.numbers(shape))};
          if (has_bias) inputs.push_back(b.bias(b.numbers({4}, 900)));
          b.output(b.add(op, std::move(inputs), "conv"));
          EXPECT_EQ(removed(b.graph), pad == 0 ? (Counts{2, 0}) : (Counts{0, 0}));
        }
      }
    }
  }
}

TEST(DeadChannels, ConstantsThatABiasCannotHoldStay) {
  for (const int64_t bias : {0, 1}) {
    ChannelGraph b;
    Value* y = b.conv(b.input(kImage), 2, 1, {0}, {}, 0, 1, {1 << 20});  // 127, less -3: 130
    ops::Linear op;
    op.integer = b.form();
    const int64_t largest = std::numeric_limits<int32_t>::max() - 100 * 130 + bias;
    b.output(b.add(op, {y, b.weights({1, 2}, {100, 1}), b.bias({largest})}, "linear"));
    EXPECT_EQ(removed(b.graph), (Counts{1 - bias, 0}));
  }
}

TEST(DeadChannels, RealConstantsOtherThanZeroStay) {
  ChannelGraph b = graph_of(kArithmetics[2]);
  Value* y = b.conv(b.input(kImage), 5, 1, {1, 3}, kRelu, 0, 1, {3, -3});
  b.output(b.conv(y, 4, 1));
  EXPECT_EQ(removed(b.graph), (Counts{1, 0}));
}

// ---- constants by their range ----

// y = x + bias for x of -128 to 127, limited to 127: constant from a bias of 255 on.
TEST(DeadChannels, OfLimitedIntegersExactly) {
  for (const Rounding rounding : {Rounding::nearest, Rounding::tflite}) {
    for (const int64_t bias : {254, 255, -254, -255}) {
      ChannelGraph b;
      b.rounding = rounding;
      b.quantization = scale(1.0f, 0);
      ops::Conv op = ChannelGraph::window();
      op.integer = b.form();
      const Array taps = Array::of_integers({2, 1, 1, 1}, {1, 1}, DType::i8).with_quantization(scale(1.0f, 0));
      Value* y = b.add(op, {b.input({1, 3, 3, 1}), b.graph.add_constant("w", taps), b.bias({bias, 0})}, "conv");
      b.output(b.conv(y, 3, 1));
      EXPECT_EQ(removed(b.graph), (Counts{bias == 255 || bias == -255 ? 1 : 0, 0})) << bias;
    }
  }
}

// Sums that wrap around at 32 bits may be anything.
TEST(DeadChannels, SumsBeyond32BitsAreNotConstant) {
  for (const Rounding rounding : {Rounding::nearest, Rounding::tflite}) {
    for (const int64_t bias : {2147483647 - 40, 2147483647 - 40000}) {
      ChannelGraph b;
      b.rounding = rounding;
      ops::Conv op = ChannelGraph::window();
      op.integer = b.form();
      Value* y = b.add(op, {b.input(kImage), b.weights({2, 3, 1, 1}, {1, 2, 3, 4, 5, 6}), b.bias({bias, 0})}, "conv");
      b.output(b.conv(y, 3, 1));
      EXPECT_EQ(removed(b.graph), (Counts{bias == 2147483647 - 40000 ? 1 : 0, 0})) << bias;
    }
  }
}

// x of 0 to 6: sums of 6 (1 + 2) - bias are below 0 by more than float32 rounds, or not.
TEST(DeadChannels, OfLimitedRealNumbersWithAMargin) {
  for (const auto& [bias, kernel, count] : {std::tuple{-18.001, 1, 1}, {-18.0, 1, 0}, {-17.9, 1, 0}, {-18.001, 3, 0}}) {
    ChannelGraph b = graph_of(kArithmetics[2]);
    Value* x = b.unary(Function::Clip, b.conv(b.input(kImage), 2, 1, {}, {}), 0.0f, 6.0f);
    ops::Conv op = ChannelGraph::window(kernel / 2);
    op.fused = kRelu;
    const Shape shape = {2, 2, kernel, kernel};
    std::vector<double> taps(static_cast<size_t>(element_count(shape)), 0.0);
    const size_t plane = taps.size() / 4;
    taps[plane / 2] = 1;
    taps[plane + plane / 2] = 2;
    taps[2 * plane] = 1;
    Value* y = b.add(op, {x, b.constant(shape, taps), b.constant({2}, {bias, 0})}, "conv");
    b.output(b.conv(y, 3, 1));
    EXPECT_EQ(removed(b.graph)[1], count) << bias;  // a 3x3 layer may be Winograd's
  }
}

// x is not negative, weights and bias are not positive.
TEST(DeadChannels, OfRealNumbersByTheirSign) {
  for (const double bias : {0.0, -1.0, 0.5}) {
    for (const double weight : {-0.25, 0.25}) {
      ChannelGraph b = graph_of(kArithmetics[2]);
      Value* x = b.conv(b.input(kImage), 2, 1);
      Value* y =
          b.add(ops::Linear(), {x, b.constant({2, 2}, {-1, weight, 1, 1}), b.constant({2}, {bias, 0})}, "linear");
      b.output(b.linear(b.unary(Function::Relu, y), 3));
      EXPECT_EQ(removed(b.graph)[1], bias <= 0 && weight < 0 ? 1 : 0);
    }
  }
}

TEST(DeadChannels, InfiniteConstantsAreNoReason) {
  for (const double number : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    ChannelGraph b = graph_of(kArithmetics[2]);
    Value* y = b.conv(b.input(kImage), 6, 1, {1, 4});
    ops::Conv op = ChannelGraph::window();
    op.fused = kRelu;
    Value* z =
        b.add(op, {y, b.constant({2, 6, 1, 1}, std::vector<double>(12, 0.0)), b.constant({2}, {number, -1})}, "conv");
    b.output(b.conv(b.times(z, b.constant({2}, {number, 1})), 4, 1));
    passes::PassLog log;
    passes::remove_dead_channels(b.graph, log);
    verify(b.graph, "the pass");
    EXPECT_EQ(z->shape().back(), 2);
  }
}

TEST(DeadChannels, TheReportNamesLayersAndSavings) {
  ChannelGraph b;
  b.output(b.conv(b.conv(b.input(kImage), 6, 1, {1, 4}), 4, 1));
  const report::DeadChannels dead = remove(b.graph);
  EXPECT_EQ(dead.macs_before, 20 * (6 * 3 + 4 * 6));
  EXPECT_EQ(dead.macs_after, 20 * (4 * 3 + 4 * 4));
  ASSERT_EQ(dead.layers.size(), 1u);
  EXPECT_EQ(dead.layers[0].layer, "conv");
  EXPECT_EQ(dead.layers[0].removed, 2);
  EXPECT_EQ(dead.layers[0].of, 6);
}

}  // namespace
}  // namespace linnet::test
