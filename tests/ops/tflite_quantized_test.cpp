// Quantized TensorFlow Lite files that are wrong, and how uint8 becomes int8. Their numbers are compared with
// TensorFlow Lite's own by the golden tests (tests/models/tflite_int8).
#include <cmath>
#include <limits>

#include "converter/ops/conv.hpp"
#include "converter/ops/quantize.hpp"
#include "tests/ops/support.hpp"
#include "tests/ops/tflite_model.hpp"

namespace linnet::ops_test {
namespace {

using testing::AssertionResult;
using tfl::BuiltinOperator;
using tfl::TensorType;

AssertionResult says(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not said by:\n" << text;
}

void quantize(tfl::TensorT& tensor, std::vector<float> scales, std::vector<int64_t> zero_points, int32_t axis = 0) {
  tensor.quantization = std::make_unique<tfl::QuantizationParametersT>();
  tensor.quantization->scale = std::move(scales);
  tensor.quantization->zero_point = std::move(zero_points);
  tensor.quantization->quantized_dimension = axis;
}

// A convolution of 1x1 over x [1, 2, 2, 3] with two outputs; tensors x, w, b, y.
struct Layer {
  TfliteModelBuilder builder;
  int32_t x, w, b, y;

  explicit Layer(TensorType type = TensorType::INT8, std::vector<uint8_t> weights = {1, 2, 3, 4, 5, 6}) {
    x = builder.input("x", {1, 2, 2, 3}, type);
    w = builder.constant_bytes("w", {2, 1, 1, 3}, std::move(weights), type);
    b = builder.constant<int32_t>("b", {2}, {7, -9}, TensorType::INT32);
    y = builder.tensor("y", {1, 2, 2, 2}, type);
    builder.add(BuiltinOperator::CONV_2D, {x, w, b}, {y});
    builder.options<tfl::Conv2DOptionsT>().stride_w = 1;
    builder.graph->operators.back()->builtin_options.AsConv2DOptions()->stride_h = 1;
    builder.graph->outputs = {y};
    quantize(tensor(x), {0.5f}, {type == TensorType::INT8 ? -1 : 127});
    quantize(tensor(w), {0.25f}, {type == TensorType::INT8 ? 0 : 128});
    quantize(tensor(b), {0.125f}, {0});
    quantize(tensor(y), {1.0f}, {type == TensorType::INT8 ? 3 : 131});
  }
  tfl::TensorT& tensor(int32_t index) { return *builder.graph->tensors[static_cast<size_t>(index)]; }
};

TEST(TfliteQuantized, ScalesAndZeroPointsOfEveryTensorAreChecked) {
  for (const auto& [index, place] : {std::pair<int, const char*>{0, "graph input 'x'"},
                                     {1, "tensor 'w'"},
                                     {2, "tensor 'b'"},
                                     {3, "operator 0 'y' (CONV_2D): output 0 'y'"}}) {
    for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
      Layer layer;
      layer.tensor(index).quantization->scale = {scale};
      const std::string text = layer.builder.problems();
      EXPECT_TRUE(says(text, place));
      EXPECT_TRUE(says(text, "has a scale of"));
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    }
    Layer layer;
    layer.tensor(index).quantization->zero_point = {1, 2};
    EXPECT_TRUE(says(layer.builder.problems(), std::string(place) + " has 1 scales and 2 zero points"));
    layer.tensor(index).quantization->zero_point = {int64_t{1} << 40};
    EXPECT_TRUE(says(layer.builder.problems(), std::string(place) + " has a zero point of 1099511627776"));
    layer.tensor(index).quantization->zero_point = {0, 0, 0, 0, 0};
    layer.tensor(index).quantization->scale = {1, 1, 1, 1, 1};
    EXPECT_TRUE(says(layer.builder.problems(), "has 5 scales along dimension 0"));
  }
}

TEST(TfliteQuantized, ZeroPointsLieInTheRangeOfTheirType) {
  for (const auto& [type, wrong] : {std::pair{TensorType::INT8, std::vector<int64_t>{-129, 128}},
                                    std::pair{TensorType::UINT8, std::vector<int64_t>{-1, 256}}}) {
    for (const int64_t zero_point : wrong) {
      Layer layer(type);
      layer.tensor(layer.x).quantization->zero_point = {zero_point};
      EXPECT_TRUE(says(layer.builder.problems(), "graph input 'x' has a zero point of " + std::to_string(zero_point)));
    }
  }
}

TEST(TfliteQuantized, TensorsWithoutScales) {
  Layer layer;
  layer.tensor(layer.x).quantization.reset();
  EXPECT_TRUE(says(layer.builder.problems(), "operator 0 'y' (CONV_2D): "));
  layer = Layer();
  layer.tensor(layer.w).quantization.reset();
  EXPECT_TRUE(says(layer.builder.problems(), "weights are i8[2x3x1x1]; supported are i8 with scales"));
  layer = Layer();
  layer.tensor(layer.y).quantization.reset();
  EXPECT_TRUE(says(layer.builder.problems(),
                   "gives INT8 of an input i8[1x2x2x3]{0.5,-1}; supported are integers with a scale"));
}

TEST(TfliteQuantized, ScalesPerChannelFitTheirTensor) {
  Layer layer;
  quantize(layer.tensor(layer.w), {0.1f, 0.2f}, {0, 0}, 3);
  EXPECT_TRUE(says(layer.builder.problems(), "tensor 'w' of shape 2x1x1x3 has 2 scales along dimension 3"));
  layer = Layer();
  quantize(layer.tensor(layer.w), {0.1f, 0.2f}, {0, 0}, -1);
  EXPECT_TRUE(says(layer.builder.problems(), "has 2 scales along dimension -1"));
  layer = Layer();
  quantize(layer.tensor(layer.w), {0.1f, 0.2f, 0.3f}, {0, 0, 0}, 3);
  EXPECT_TRUE(says(layer.builder.problems(), "have scales along dimension 1; supported is one scale per output"));
  layer = Layer();
  quantize(layer.tensor(layer.y), {0.1f, 0.2f}, {0, 0}, 3);
  EXPECT_TRUE(says(layer.builder.problems(), "gives an output with a scale per channel"));
}

TEST(TfliteQuantized, EveryProblemIsNamedAtOnce) {
  Layer layer;
  layer.tensor(layer.x).quantization->scale = {0.0f};
  const int32_t q = layer.builder.input("q", {4}, TensorType::INT8),
                z = layer.builder.tensor("z", {4}, TensorType::INT8);
  quantize(layer.tensor(q), {0.5f}, {0});
  quantize(layer.tensor(z), {-0.5f}, {0});
  layer.builder.add(BuiltinOperator::LOGISTIC, {q}, {z});
  const int32_t c = layer.builder.tensor("c", {4}, TensorType::INT8);
  layer.builder.add(BuiltinOperator::CUSTOM, {q}, {c});
  layer.builder.model.operator_codes.back()->custom_code = "Mine";
  const std::string text = layer.builder.problems();
  EXPECT_TRUE(says(text, "graph input 'x' has a scale of 0"));
  EXPECT_TRUE(says(text, "operator 1 'z' (LOGISTIC): output 0 'z' has a scale of -0.5"));
  EXPECT_TRUE(says(text, "operator 2 'c' (custom operator Mine): is not supported"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
}

TEST(TfliteQuantized, Uint8BecomesInt8BetweenInputsAndOutputs) {
  Layer layer(TensorType::UINT8, {129, 130, 131, 132, 133, 134});
  const auto model = layer.builder.import();
  EXPECT_EQ(model.graph->inputs[0]->type.dtype, ir::DType::u8);
  EXPECT_EQ(model.graph->outputs[0]->type.dtype, ir::DType::u8);
  EXPECT_EQ(model.graph->outputs[0]->name, "y");
  std::vector<int64_t> x(12), small(12);
  for (size_t i = 0; i < 12; ++i) small[i] = (x[i] = static_cast<int64_t>(i) * 20) - 128;
  const auto given = ir::Array::of_integers({1, 2, 2, 3}, x, ir::DType::u8)
                         .with_quantization(model.graph->inputs[0]->type.quantization);
  const ir::Array got = ir::evaluate(*model.graph, {given})[0];
  const auto int8 = Layer().builder.import();
  const auto same = ir::Array::of_integers({1, 2, 2, 3}, small, ir::DType::i8)
                        .with_quantization(int8.graph->inputs[0]->type.quantization);
  const ir::Array wanted = ir::evaluate(*int8.graph, {same})[0];
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got.integer(i), wanted.integer(i) + 128);
}

// Weights that int8 cannot hold less their zero point take their inputs twice, and only those inputs.
TEST(TfliteQuantized, WideWeightsRepeatTheirInputs) {
  Layer layer(TensorType::UINT8, {0, 100, 90, 80, 255, 60});
  layer.tensor(layer.w).quantization->zero_point = {100};
  const auto model = layer.builder.import();
  const auto& nodes = model.graph->nodes();
  const auto conv = std::find_if(nodes.begin(), nodes.end(),
                                 [](const auto& node) { return node->template as<ops::Conv>() != nullptr; });
  ASSERT_NE(conv, nodes.end());
  EXPECT_EQ((*conv)->in(1).shape(), (ir::Shape{2, 4, 1, 1}));
  EXPECT_EQ((*conv)->in(1).constant->integers(), (std::vector<int64_t>{-100, 0, -10, 0, -20, 127, -40, 28}));
}

}  // namespace
}  // namespace linnet::ops_test
