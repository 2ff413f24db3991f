// int8 weights beside real activations, and inputs quantized at run time.
#include <cmath>
#include <filesystem>

#include "converter/ops/conv.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/pipeline.hpp"
#include "converter/quantize/weights.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

TEST(Int8Weights, AreWithinHalfAStepOfTheLargest) {
  GraphBuilder b;
  const Array weights = *b.random({7, 3, 5, 5})->constant;
  const Array rounded = quantize::int8_weights(weights);
  const std::vector<double> real = ops::real_weights(rounded);
  for (size_t n = 0; n < 7; ++n) {
    double largest = 0;
    for (size_t i = n * 75; i < (n + 1) * 75; ++i) largest = std::max(largest, std::abs(weights.number(i)));
    const auto scale = static_cast<double>(rounded.type().quantization->scales[n]);
    EXPECT_NEAR(scale, largest / 127, 1e-6 * scale);
    for (size_t i = n * 75; i < (n + 1) * 75; ++i)
      EXPECT_LE(std::abs(real[i] - weights.number(i)), 0.5000001 * scale) << "weight " << i;
  }
}

// As files hold them: float32 products of an integer and a scale of the whole tensor, of a row, or of either times a
// factor that was folded into the row later.
TEST(Int8Weights, OfIntegersBeforeAreTheSameNumbers) {
  std::minstd_rand random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> weights;
    const int largest = 1 + static_cast<int>(random() % 128);
    const float scale = 0.003f + static_cast<float>(random() % 1000) * 1e-5f;
    for (int row = 0; row < 4; ++row) {
      const float factor = round % 2 == 0 ? 1.0f : 0.7f + 0.1f * static_cast<float>(row);
      for (int i = 0; i < 30; ++i) {
        const int integer = static_cast<int>(random() % (2 * static_cast<unsigned>(largest) + 1)) - largest;
        weights.push_back(scale * static_cast<float>(std::min(integer, 127)) * factor);
      }
    }
    const Array array = Array::of_floats({4, 30}, weights);
    const std::vector<double> real = ops::real_weights(quantize::int8_weights(array));
    for (size_t i = 0; i < real.size(); ++i)
      ASSERT_NEAR(real[i], static_cast<double>(weights[i]), 5e-7 * std::abs(static_cast<double>(weights[i])))
          << "largest " << largest << " weight " << i;
  }
}

TEST(Int8Weights, OfNothingAreNothing) {
  const Array rounded = quantize::int8_weights(Array::of_floats({2, 3}, {0, 0, 0, 1, 0, -1}));
  EXPECT_EQ(rounded.integers(), (std::vector<int64_t>{0, 0, 0, 1, 0, -1}));
}

TEST(Int8Weights, ReportSaysWhatStaysFloat) {
  GraphBuilder b;
  Value* x = b.input({1, 6, 8, 8});
  Value* y = b.conv(b.conv(x, 4, 3), 4, 1, 0, 1, 4);
  y = b.conv(y, 4, 3, 1, 1, 4);
  ops::ConvTranspose transposed;
  transposed.strides = transposed.dilations = {1, 1};
  transposed.pads_begin = transposed.pads_end = transposed.output_padding = {0, 0};
  transposed.groups = 2;
  y = b.add(transposed, {y, b.random({4, 3, 3, 3})}, "transposed");
  y = b.add(ops::Linear(), {y, b.input({5, y->shape().back()})}, "given");
  b.output(b.linear(y, 5));
  passes::PassLog log;
  const report::Int8Weights report =
      quantize::quantize_weights(b.graph, {[](const Node&) { return true; }, false}, log);
  EXPECT_EQ(report.layers, 4);
  EXPECT_EQ(report.bytes, 4 * (6 * 9 + 4) + 4 * (9 + 4) + 6 * (2 * 9 + 4) + 5 * (5 + 4));
  EXPECT_EQ(report.float_bytes, 4 * (4 * 6 * 9 + 4 * 9 + 6 * 2 * 9 + 5 * 5));
  ASSERT_EQ(report.float_reasons.size(), 2u);
  EXPECT_EQ(report.float_reasons.at("given"), "its weights depend on the model's inputs");
}

// Two groups of 2 inputs and 3 outputs: the scales are those of the outputs of all groups.
TEST(Int8Weights, OfTransposedConvolutionsHaveAScaleForEachOutput) {
  GraphBuilder b;
  ops::ConvTranspose transposed;
  transposed.strides = transposed.dilations = {1, 1};
  transposed.pads_begin = transposed.pads_end = transposed.output_padding = {0, 0};
  transposed.groups = 2;
  Value* weights = b.random({4, 3, 2, 2});
  const std::vector<double> before = weights->constant->doubles();
  b.output(b.add(transposed, {b.input({1, 4, 5, 5}), weights}, "transposed"));
  passes::PassLog log;
  quantize::quantize_weights(b.graph, {[](const Node&) { return true; }, false}, log);
  const Array& rounded = *b.graph.nodes().front()->in(1).constant;
  const Quantization& quantization = *rounded.type().quantization;
  ASSERT_EQ(quantization.scales.size(), 6u);
  EXPECT_EQ(quantization.axis, 1);
  for (size_t input = 0; input < 4; ++input)
    for (size_t output = 0; output < 3; ++output)
      for (size_t tap = 0; tap < 4; ++tap) {
        const size_t i = (input * 3 + output) * 4 + tap;
        const auto scale = static_cast<double>(quantization.scales[input / 2 * 3 + output]);
        EXPECT_LE(std::abs(static_cast<double>(rounded.integer(i)) * scale - before[i]), 0.5000001 * scale)
            << "weight " << i;
      }
}

TEST(Int8Weights, OnlyLinearAndRecurrentLayersAreDynamic) {
  GraphBuilder b;
  b.output(b.linear(b.conv(b.input({1, 2, 8, 8}), 4, 3), 5));
  ops::Recurrent gru;
  gru.kind = kernels::RecurrentKind::Gru;
  gru.gate = {Function::Sigmoid};
  gru.cell = {Function::Tanh};
  b.output(b.add(gru, {b.input({7, 1, 6}), b.random({15, 6}), b.random({15, 5})}, "gru"));
  passes::PassLog log;
  const report::Int8Weights report =
      quantize::quantize_weights(b.graph, {[](const Node&) { return false; }, true}, log);
  EXPECT_EQ(report.layers, 2);
  EXPECT_EQ(report.bytes, 5 * (6 + 4) + 15 * (6 + 4) + 15 * (5 + 4));
  ASSERT_EQ(report.float_reasons.size(), 1u);
  EXPECT_EQ(report.float_reasons.at("conv"), "only linear and recurrent layers quantize their inputs at run time");
  for (const auto& node : b.graph.nodes())
    if (const auto* layer = node->as<ops::Recurrent>()) {
      EXPECT_TRUE(layer->dynamic);
    }
}

// Of TensorFlow Lite, beside float activations: other integers would differ by parts of a step.
TEST(Int8Weights, OfAFileStayItsIntegers) {
  const auto folder = std::filesystem::path(LINNET_GOLDENS).parent_path() / "tflite_ops";
  const std::pair<const char*, int> files[] = {
      {"hybrid_layers", 4}, {"lstm_int8", 1}, {"lstm_int8_batch_major", 1}, {"lstm_int8_coupled", 1}};
  for (const auto& [name, layers] : files) {
    SCOPED_TRACE(name);
    ConvertOptions options;
    const Conversion real = convert(folder / (std::string(name) + ".tflite"), options);
    options.treatments.weights = {treat::parse_weights("int8")};
    const Conversion integers = convert(folder / (std::string(name) + ".tflite"), options);
    EXPECT_EQ(integers.report.int8_weights.layers, layers);
    EXPECT_TRUE(integers.report.int8_weights.float_reasons.empty());
    std::vector<Array> inputs;
    std::minstd_rand random(3);
    for (const Value* input : real.graph->inputs) {
      std::vector<float> numbers(static_cast<size_t>(element_count(input->shape())));
      for (float& number : numbers) number = static_cast<float>(random() % 2001) * 1e-3f - 1;
      inputs.push_back(Array::of_floats(input->shape(), std::move(numbers)));
    }
    const std::vector<Array> wanted = evaluate(*real.graph, inputs), got = evaluate(*integers.graph, inputs);
    for (size_t i = 0; i < wanted.size(); ++i)
      for (size_t k = 0; k < wanted[i].size(); ++k)
        ASSERT_NEAR(got[i].number(k), wanted[i].number(k), 1e-5) << "output " << i << " number " << k;
  }
}

// Layers whose weights are int8 already quantize their inputs by the same integers.
TEST(Int8Weights, OfARecurrentLayerInAFileBecomeDynamic) {
  ConvertOptions options;
  options.dynamic_int8 = true;
  const auto folder = std::filesystem::path(LINNET_GOLDENS).parent_path() / "tflite_ops";
  const Conversion conversion = convert(folder / "lstm_int8.tflite", options);
  EXPECT_EQ(conversion.report.int8_weights.layers, 1);
  for (const auto& node : conversion.graph->nodes())
    if (const auto* layer = node->as<ops::Recurrent>()) {
      EXPECT_TRUE(layer->dynamic);
    }
}

TEST(Int8Weights, TakeNoFactors) {
  for (const bool behind : {false, true}) {
    GraphBuilder b;
    Value *x = b.input({3, 6}), *factors = b.random({6}, 0.5, 1.5);
    Value* weights = b.graph.add_constant("w", quantize::int8_weights(*b.random({6, 6})->constant));
    if (!behind) x = b.times(x, factors);
    Value* y = b.add(ops::Linear(), {x, weights}, "linear");
    b.output(behind ? b.times(y, factors) : y);
    run(b.graph, passes::fold_batch_norm);
    ASSERT_EQ(b.graph.nodes().size(), 2u);
    for (const auto& node : b.graph.nodes())
      if (node->as<ops::Linear>() != nullptr) {
        EXPECT_EQ(node->in(1).type.dtype, DType::i8);
      }
  }
}

// Operators of the steps of a network that quantize_dynamic made.
std::map<std::string, int> steps_of(const std::string& name) {
  const auto folder = std::filesystem::path(LINNET_GOLDENS).parent_path() / "onnx_int8";
  const Conversion conversion = convert(folder / ("dynamic_" + name + ".onnx"), {});
  std::map<std::string, int> counts;
  for (const report::StepSummary& step : conversion.report.steps) ++counts[step.op];
  return counts;
}

TEST(DynamicLinear, IsOneStepWithItsBias) {
  const std::map<std::string, int> two = {{"FullyConnected", 2}};
  for (const char* name : {"perceptron", "perceptron_channel", "perceptron_zero"})
    EXPECT_EQ(steps_of(name), two) << name;
}

TEST(DynamicRecurrent, IsOneStepForEachDirection) {
  const std::map<std::string, int> one = {{"Recurrent", 1}};
  for (const char* name : {"lstm", "lstm_channel", "lstm_reverse", "lstm_u8"}) EXPECT_EQ(steps_of(name), one) << name;
  EXPECT_EQ(steps_of("lstm_bidirectional").at("Recurrent"), 2);
}

// Of unsigned numbers less 128 the integers stay; where 90 is less, they have more than 8 bits.
TEST(DynamicRecurrent, QuantizesWhereTheWeightsAreInt8) {
  const auto folder = std::filesystem::path(LINNET_GOLDENS).parent_path() / "onnx_int8";
  for (const bool wide : {false, true}) {
    const Conversion conversion = convert(folder / (wide ? "dynamic_lstm_u8_wide.onnx" : "dynamic_lstm_u8.onnx"), {});
    EXPECT_EQ(conversion.report.warnings.size(), wide ? 1u : 0u);
    for (const auto& node : conversion.graph->nodes())
      if (const auto* layer = node->as<ops::Recurrent>()) {
        EXPECT_EQ(layer->dynamic, !wide);
      }
  }
}

TEST(DynamicLinear, EachOfSeveralReadersQuantizesTheInput) {
  EXPECT_EQ(steps_of("sequence").at("FullyConnected"), 2);
}

}  // namespace
}  // namespace linnet::test
