// Float graphs quantized by samples: which steps become int8, that the device computes what the integer graph says, and
// how far that is from the float graph evaluated in double.
#include <algorithm>
#include <cmath>

#include "converter/ir/states.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/pipeline.hpp"
#include "converter/quantize/equalize.hpp"
#include "engine/linnet.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

struct Result {
  Conversion conversion;
  double sqnr = 0;    // dB, of the first output on other samples than those that calibrate
  bool exact = true;  // the device gives what the integer graph evaluates to
};

std::vector<double> on_device(Session& session, const Graph& graph, const Array& x) {
  const Span<float> input = session.input<float>(0);
  const Permutation& order = ir::program_inputs(graph)[0]->source_permutation;
  const std::vector<float> numbers = (order.empty() ? x : passes::transposed(x, order)).floats();
  std::copy(numbers.begin(), numbers.end(), input.begin());
  EXPECT_EQ(session.run(), LINNET_OK);
  const Span<const float> output = session.output<float>(0);
  return {output.begin(), output.end()};
}

// One input of `shape`, one output.
Result quantized(const GraphBuilder& b, const Shape& shape, quantize::Options options = {}) {
  constexpr int kSamples = 24;
  GraphBuilder drawn;
  const auto sample = [&] { return drawn.random(shape, -1.5, 1.5)->constant->cast(DType::f32); };
  for (int i = 0; i < kSamples; ++i) options.samples.push_back({sample()});
  ConvertOptions convert_options;
  convert_options.quantization = std::move(options);
  Result result;
  result.conversion = convert(b.graph.clone(), convert_options);
  const Graph& integer = *result.conversion.graph;
  Session session(result.conversion.model.data(), result.conversion.model.size(), Session::default_options());
  double signal = 0, noise = 0;
  for (int i = 0; i < kSamples; ++i) {
    const Array x = sample();
    const std::vector<double> got = on_device(session, integer, x);
    const Permutation& order = integer.inputs[0]->source_permutation;
    result.exact =
        result.exact && Runs(integer).run({order.empty() ? x : passes::transposed(x, order)})[0].doubles() == got;
    Array real = Runs(b.graph).run({x})[0];
    if (const Permutation& last = integer.outputs[0]->source_permutation; !last.empty())
      real = passes::transposed(real, last);
    for (size_t e = 0; e < got.size(); ++e) {
      signal += real.number(e) * real.number(e);
      noise += (real.number(e) - got[e]) * (real.number(e) - got[e]);
    }
  }
  result.sqnr = 10 * std::log10(signal / noise);
  return result;
}

void expect_int8(const Result& result, double least_sqnr) {
  for (const auto& step : result.conversion.report.steps)
    EXPECT_NE(step.arithmetic, "float32") << report::to_text(result.conversion.report, true);
  EXPECT_TRUE(result.exact) << dump(*result.conversion.graph);
  EXPECT_GE(result.sqnr, least_sqnr) << report::to_text(result.conversion.report, true);
}

const Shape kImage = {1, 4, 10, 12};

// R. Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -0.75.
double cubic(double distance) {
  constexpr double a = -0.75;
  return distance <= 1 ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
                       : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
}

// A table of `out` positions between `in`, of so many taps around each, with weights that are 1 together.
ops::Resample table(int64_t axis, int64_t in, int64_t out, int64_t taps) {
  ops::Resample op;
  op.axis = axis;
  op.taps = taps;
  for (int64_t i = 0; i < out; ++i) {
    const double position = (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    std::vector<double> weights;
    double sum = 0;
    for (int64_t t = 0; t < taps; ++t) {
      const double distance = std::floor(position) + static_cast<double>(t - taps / 2 + 1) - position;
      op.indices.push_back(std::clamp<int64_t>(std::llround(position + distance), 0, in - 1));
      weights.push_back(taps == 2 ? 1 - std::abs(distance) : cubic(std::abs(distance)));
      sum += weights.back();
    }
    for (const double weight : weights) op.weights.push_back(weight / sum);
  }
  return op;
}

TEST(Quantize, ResizingBetweenConvolutions) {
  for (const int64_t taps : {2, 4}) {
    for (const auto& [height, width] : {std::pair{20, 24}, {20, 12}, {10, 31}, {7, 9}}) {
      SCOPED_TRACE(fmt::format("{} taps to {}x{}", taps, height, width));
      GraphBuilder b;
      Value* x = b.unary(Function::Relu, b.conv(b.input(kImage), 8, 3, 1));
      if (height != 10) x = b.add(table(2, 10, height, taps), {x});
      if (width != 12) x = b.add(table(3, 12, width, taps), {x});
      b.output(b.conv(x, 5, 1));
      const Result result = quantized(b, kImage);
      expect_int8(result, 30);
      EXPECT_EQ(count<ops::Resample>(*result.conversion.graph), (height != 10) + (width != 12));
    }
  }
}

// Both axes of two images at once, in another order of steps than of layers.
TEST(Quantize, ResizingInTwoBranches) {
  GraphBuilder b;
  Value *x = b.conv(b.input(kImage), 6, 3, 1), *y = b.conv(x, 6, 1);
  Value *x1 = b.add(table(2, 10, 15, 2), {x}), *y1 = b.add(table(2, 10, 15, 2), {y});
  b.output(b.plus(b.add(table(3, 12, 30, 2), {x1}), b.add(table(3, 12, 30, 2), {y1})));
  expect_int8(quantized(b, kImage), 30);
}

// What lies between the axes is read elsewhere, too.
TEST(Quantize, ResizingWhoseFirstAxisIsUsedToo) {
  GraphBuilder b;
  Value* half = b.add(table(2, 10, 5, 2), {b.conv(b.input(kImage), 6, 3, 1)});
  Value* both = b.conv(b.add(table(3, 12, 6, 2), {half}), 3, 1);
  ops::Reduce mean;
  mean.kind = kernels::ReduceKind::Mean;
  mean.axes = {2, 3};
  b.output(b.plus(b.add(mean, {b.conv(half, 3, 1)}), b.add(mean, {both})));
  expect_int8(quantized(b, kImage), 20);
}

TEST(Quantize, ResizingToTheNearest) {
  GraphBuilder b;
  ops::Gather nearest;
  nearest.axis = 2;
  for (int64_t i = 0; i < 20; ++i) nearest.indices.push_back(i / 2);
  nearest.indices_shape = {20};
  b.output(b.conv(b.add(nearest, {b.conv(b.input(kImage), 6, 3, 1)}), 3, 1));
  expect_int8(quantized(b, kImage), 30);
}

TEST(Quantize, ResizingThatIsNoMeanStaysFloat) {
  GraphBuilder b;
  ops::Resample op = table(2, 10, 20, 2);
  op.bias.assign(20, 0.0);
  op.bias[0] = 1.0;
  b.output(b.conv(b.add(op, {b.conv(b.input(kImage), 6, 3, 1)}), 3, 1));
  const report::Report report = quantized(b, kImage).conversion.report;
  ASSERT_EQ(report.float_steps.size(), 1u) << report::to_text(report, true);
  EXPECT_EQ(report.float_steps[0].reason, "Resample has no int8 step");
}

TEST(Quantize, TransposedConvolutions) {
  for (const int64_t groups : {1, 2}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const bool relu : {false, true}) {
        SCOPED_TRACE(fmt::format("{} groups, stride {}, relu {}", groups, stride, relu));
        GraphBuilder b;
        ops::ConvTranspose op;
        op.strides = {stride, stride};
        op.dilations = {1, 1};
        op.pads_begin = op.pads_end = {1, 1};
        op.output_padding = {0, 0};
        op.groups = groups;
        Value* x = b.unary(Function::Relu, b.conv(b.input(kImage), 8, 3, 1));
        Value* y = b.add(op, {x, b.random({8, 6 / groups, 3, 3}), b.random({6})});
        b.output(b.conv(relu ? b.unary(Function::Relu, y) : y, 5, 1));
        expect_int8(quantized(b, kImage), 30);
      }
    }
  }
}

// ---- equalization ----

// Greatest magnitudes of dimension d of a layer's weights.
std::vector<double> magnitudes(const Value& weights, size_t d) {
  const Shape& shape = weights.shape();
  size_t inner = 1;
  for (size_t i = d + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
  std::vector<double> result(static_cast<size_t>(shape[d]));
  for (size_t i = 0; i < weights.constant->size(); ++i) {
    double& one = result[i / inner % result.size()];
    one = std::max(one, std::abs(weights.constant->number(i)));
  }
  return result;
}

// The graph computes the same; so many pairs are equalized.
void expect_pairs(GraphBuilder& b, int pairs) {
  int found = -1;
  run(
      b.graph,
      [&](Graph& graph, passes::PassLog& log) {
        passes::legalize_layout(graph, log, false);
        found = quantize::equalize(graph, nullptr);
      },
      1e-5);
  EXPECT_EQ(found, pairs) << dump(b.graph);
}

Value* transposed_conv(GraphBuilder& b, Value* x, int64_t outputs, int64_t groups) {
  ops::ConvTranspose op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {1, 1};
  op.output_padding = {0, 0};
  op.groups = groups;
  return b.add(op, {x, b.random({x->shape()[1], outputs / groups, 3, 3}), b.random({outputs})});
}

TEST(Equalize, MakesChannelsOfBothLayersEqual) {
  GraphBuilder b;
  b.output(b.conv(b.unary(Function::Relu, b.conv(b.input(kImage), 8, 3, 1)), 5, 1));
  expect_pairs(b, 1);
  std::vector<const Node*> layers;
  for (const auto& node : b.graph.nodes())
    if (node->as<ops::Conv>() != nullptr) layers.push_back(node.get());
  ASSERT_EQ(layers.size(), 2u);
  const std::vector<double> r1 = magnitudes(layers[0]->in(1), 0), r2 = magnitudes(layers[1]->in(1), 1);
  for (size_t c = 0; c < r1.size(); ++c) EXPECT_NEAR(r1[c], r2[c], 1e-5);
  EXPECT_NE(layers[1]->in(0).name.find("_equalized"), std::string::npos);
}

TEST(Equalize, ThroughWhatMultiplies) {
  for (const Function function : {Function::Identity, Function::Relu, Function::LeakyRelu}) {
    for (const int64_t groups : {1, 2, 8}) {
      for (const bool up : {false, true}) {
        GraphBuilder b;
        Value* x = b.conv(b.input(kImage), 8, 3, 1, 1, groups == 2 ? 2 : 1);
        if (function != Function::Identity) x = b.unary(function, x, 0.1f);
        b.output(up ? transposed_conv(b, x, 8, groups) : b.conv(x, 8, 3, 1, 1, groups));
        SCOPED_TRACE(fmt::format("function {} groups {} up {}", static_cast<int>(function), groups, up));
        expect_pairs(b, 1);
      }
    }
  }
  GraphBuilder b;  // a transposed convolution, a mean and a linear layer, too
  ops::Reduce mean;
  mean.kind = kernels::ReduceKind::Mean;
  mean.axes = {2, 3};
  Value* x = transposed_conv(b, b.conv(b.input(kImage), 6, 3, 1), 8, 2);
  b.output(b.linear(b.reshape(b.add(mean, {b.unary(Function::Relu, x)}), {1, 8}), 5));
  expect_pairs(b, 2);
}

TEST(Equalize, NotThroughWhatDoesNot) {
  for (const Function function : {Function::Clip, Function::Sigmoid, Function::HardSwish}) {
    GraphBuilder b;
    b.output(b.conv(b.unary(function, b.conv(b.input(kImage), 8, 3, 1), 0, 6), 5, 1));
    expect_pairs(b, 0);
  }
  GraphBuilder b;  // read twice
  Value* x = b.conv(b.input(kImage), 4, 3, 1);
  b.output(b.plus(b.conv(x, 4, 1), x));
  expect_pairs(b, 0);
}

// Channels of sizes from 1 to 1000 that the second layer evens out.
TEST(Equalize, MakesUnequalChannelsExact) {
  GraphBuilder b;
  Value* w1 = b.random({8, 4, 3, 3});
  Value* w2 = b.random({5, 8, 1, 1});
  const auto scaled = [&](const Value* weights, size_t inner, double sign) {
    std::vector<double> numbers = weights->constant->doubles();
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] *= std::pow(1000.0, sign * static_cast<double>(i / inner % 8) / 7);
    return b.constant(weights->shape(), std::move(numbers));
  };
  ops::Conv first, second;
  first.strides = first.dilations = first.pads_begin = first.pads_end = {1, 1};
  second.strides = second.dilations = {1, 1};
  second.pads_begin = second.pads_end = {0, 0};
  Value* x = b.unary(Function::Relu, b.add(first, {b.input(kImage), scaled(w1, 36, 1)}));
  b.output(b.add(second, {x, scaled(w2, 1, -1)}));
  quantize::Options plain;
  plain.equalize = false;
  const double without = quantized(b, kImage, plain).sqnr;
  const Result with = quantized(b, kImage);
  expect_int8(with, 33);
  EXPECT_LT(without, 20);
  EXPECT_NE(with.conversion.report.quantization.equalized.find("1 pair of layers"), std::string::npos);
}

// Squeeze-and-excitation, its factors by 1x1 convolutions or by linear layers.
TEST(Quantize, SqueezeAndExcitation) {
  for (const Function gate : {Function::Sigmoid, Function::HardSigmoid}) {
    for (const bool linear : {false, true}) {
      SCOPED_TRACE(fmt::format("{} linear {}", static_cast<int>(gate), linear));
      GraphBuilder b;
      Value* x = b.unary(Function::HardSwish, b.conv(b.input(kImage), 8, 3, 1));
      ops::Reduce mean;
      mean.kind = kernels::ReduceKind::Mean;
      mean.axes = {2, 3};
      Value* squeezed = b.add(mean, {x});
      if (linear) squeezed = b.reshape(squeezed, {1, 8});
      const auto layer = [&](Value* y, int64_t outputs) {
        return linear ? b.linear(y, outputs) : b.conv(y, outputs, 1);
      };
      Value* factors = b.unary(gate, layer(b.unary(Function::Relu, layer(squeezed, 4)), 8), 1.0f / 6, 0.5f);
      if (linear) factors = b.reshape(factors, {1, 8, 1, 1});
      b.output(b.conv(b.times(x, factors), 5, 1));
      expect_int8(quantized(b, kImage), 28);
    }
  }
}

quantize::Range trimmed(const Conversion& conversion, Function function) {
  for (const auto& node : conversion.graph->nodes()) {
    const auto* unary = node->as<ops::Unary>();
    if (unary == nullptr || unary->function.function != function) continue;
    const ir::Quantization& x = *node->in(0).type.quantization;
    const auto number = [&](int64_t q) {
      return static_cast<double>(x.scale()) * static_cast<double>(q - x.zero_point());
    };
    return {number(-128), number(127)};
  }
  ADD_FAILURE() << dump(*conversion.graph);
  return {};
}

// The samples go from -10 to 10 and more, where these functions are flat.
TEST(Quantize, RangesEndWhereFunctionsAreFlat) {
  constexpr double kNear = 0.15;
  for (const Function function : {Function::HardSwish, Function::HardSigmoid}) {
    GraphBuilder b;
    Value* x = b.unary(function, b.conv(b.input(kImage), 8, 3, 1), 1.0f / 6, 0.5f);
    b.output(b.conv(x, 5, 1));
    const Result result = quantized(b, kImage);
    expect_int8(result, 35);
    const quantize::Range range = trimmed(result.conversion, function);
    EXPECT_NEAR(range.low, -3, kNear);
    if (function == Function::HardSigmoid)
      EXPECT_NEAR(range.high, 3, kNear);
    else
      EXPECT_GT(range.high, 6);
  }
}

// A mask far below all scores, which leaves them no resolution unless their range ends where probabilities are 0.
TEST(Quantize, MaskedAttention) {
  constexpr int64_t kTokens = 6;
  GraphBuilder b;
  const Shape shape = {1, kTokens, 8};
  Value* x = b.input(shape);
  std::vector<double> mask;
  for (int64_t i = 0; i < kTokens * kTokens; ++i) mask.push_back(i % kTokens > i / kTokens ? -1e4 : 0);
  ops::Softmax softmax;
  softmax.axis = 2;
  Value* scores = b.plus(b.linear(x, kTokens), b.constant({1, kTokens, kTokens}, mask));
  b.output(b.linear(b.add(ops::MatMul(), {b.add(softmax, {scores}), b.linear(x, 8)}), 4));
  expect_int8(quantized(b, shape), 20);
}

// A residual stream that normalizations read, which have no int8 step; between layers sums are int8.
TEST(Quantize, SumsBesideNormalizationsAreReal) {
  const Shape shape = {1, 6, 16};
  const auto normalized = [](GraphBuilder& b, Value* x) {
    ops::RowNorm norm;
    norm.axis = 2;
    return b.add(norm, {x, b.random({16}, 0.5, 1.5), b.random({16})});
  };
  const auto sums = [](const Result& result, const char* arithmetic) {
    return std::count_if(result.conversion.report.steps.begin(), result.conversion.report.steps.end(),
                         [&](const auto& step) { return step.op == "Binary" && step.arithmetic == arithmetic; });
  };
  GraphBuilder b;
  Value* stream = b.linear(b.input(shape), 16);
  for (int i = 0; i < 3; ++i) stream = b.plus(b.linear(normalized(b, stream), 16), stream);
  b.output(b.linear(normalized(b, stream), 4));
  const Result real = quantized(b, shape);
  EXPECT_EQ(sums(real, "float32"), 3) << report::to_text(real.conversion.report, true);
  EXPECT_GE(real.sqnr, 32);
  GraphBuilder other;
  Value* x = other.linear(other.times(other.input(shape), other.scalar(0.5)), 16);
  for (int i = 0; i < 2; ++i) x = other.plus(other.linear(x, 16), x);
  other.output(other.linear(x, 4));
  expect_int8(quantized(other, shape), 30);
}

// Outputs of very different sizes each have a scale of their own.
TEST(Quantize, TransposedConvolutionsHaveAScalePerOutput) {
  GraphBuilder b;
  ops::ConvTranspose op;
  op.strides = {2, 2};
  op.dilations = {1, 1};
  op.pads_begin = op.pads_end = op.output_padding = {0, 0};
  Array weights = *b.random({4, 3, 2, 2})->constant;
  std::vector<double> numbers = weights.doubles();
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] *= std::pow(0.01, static_cast<double>(i / 4 % 3));
  b.output(b.add(op, {b.input(kImage), b.constant({4, 3, 2, 2}, numbers)}));
  const Result result = quantized(b, kImage);
  const auto found = std::find_if(result.conversion.graph->nodes().begin(), result.conversion.graph->nodes().end(),
                                  [](const auto& node) { return node->template as<ops::ConvTranspose>() != nullptr; });
  ASSERT_NE(found, result.conversion.graph->nodes().end());
  const std::vector<float> scales = (*found)->in(1).type.quantization->scales;
  ASSERT_EQ(scales.size(), 3u);
  EXPECT_NEAR(scales[1] / scales[0], 0.01, 0.005);
  EXPECT_NEAR(scales[2] / scales[0], 0.0001, 0.00005);
}

}  // namespace
}  // namespace linnet::test
