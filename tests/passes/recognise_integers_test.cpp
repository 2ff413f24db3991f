// Quantized ONNX: what becomes integers is compared with ONNX Runtime in tests/golden; here is what stays float, and
// why, and what is an error.
#include <cmath>
#include <limits>

#include "converter/ops/quantize.hpp"
#include "converter/pipeline.hpp"
#include "tests/passes/onnx_model.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using passes_test::OnnxModelFile;
using Lines = std::vector<std::string>;

void add_integers(OnnxModelFile& file, const std::string& name, const Shape& shape, int type,
                  const std::vector<int32_t>& values) {
  onnx::TensorProto& tensor = file.initializer(name, shape, type);
  for (const int32_t value : values) tensor.add_int32_data(value);
}

// x, quantized and dequantized with these parameters.
Lines problems_of(const std::vector<float>& scales, int zero_point_type = onnx::TensorProto::INT8,
                  size_t zero_points = 1, int64_t block = 0, int opset = 21) {
  OnnxModelFile file(opset);
  file.input("x", {2, 3}).output("y");
  file.floats("s", scales.size() == 1 ? Shape{} : Shape{static_cast<int64_t>(scales.size())}, scales);
  add_integers(file, "z", zero_points == 1 ? Shape{} : Shape{static_cast<int64_t>(zero_points)}, zero_point_type,
               std::vector<int32_t>(zero_points, 0));
  add_integers(file, "zero", {}, onnx::TensorProto::INT8, {0});
  file.floats("one", {}, {1.0f});
  file.node("QuantizeLinear", {"x", "one", "zero"}, {"q"}, "q");
  onnx::NodeProto& node = file.node("DequantizeLinear", {"q", "s", "z"}, {"y"}, "d");
  if (block != 0) OnnxModelFile::attribute(node, "block_size", block);
  return file.problems();
}

TEST(RecogniseIntegers, ScalesArePositiveAndFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto& [scale, text] : {std::pair{0.0f, "0"}, {-0.5f, "-0.5"}, {std::nanf(""), "nan"}, {infinity, "inf"}})
    EXPECT_EQ(problems_of({scale}), Lines{"node 'd' (DequantizeLinear, opset 21): input 1 (scale) holds " +
                                          std::string(text) + "; supported are positive finite numbers"});
}

TEST(RecogniseIntegers, ParametersFitTheTensor) {
  const std::string node = "node 'd' (DequantizeLinear, opset 21): ";
  EXPECT_EQ(problems_of({1.0f}), Lines{});
  EXPECT_EQ(problems_of({1.0f}, onnx::TensorProto::UINT8),
            Lines{node + "input 2 (zero point) is u8[scalar] of elements of i8; the types must be equal"});
  EXPECT_EQ(problems_of({1.0f}, onnx::TensorProto::INT8, 2),
            Lines{node + "input 2 (zero point) has shape 2, the scale scalar"});
  EXPECT_EQ(problems_of({1.0f, 2.0f}, onnx::TensorProto::INT8, 2),
            Lines{node + "input 1 (scale) has shape 2 for elements of shape 2x3 (axis 1); supported is one scale, or "
                         "one per entry of the axis"});
  EXPECT_EQ(problems_of({1.0f}, onnx::TensorProto::INT8, 1, 3),
            Lines{node + "a block_size of 3 and x is no constant; supported of such are blocks of 0"});
  EXPECT_EQ(problems_of({2.0f}),
            Lines{node + "reads i8[2x3]{1,0} as integers with {2,0}; supported are inputs of the model, constants and "
                         "what was quantized so"});
}

TEST(RecogniseIntegers, MissingAndRunTimeParameters) {
  OnnxModelFile file;
  file.input("x", {2, 3}).input("s", {}).output("y").output("p").output("w");
  file.node("QuantizeLinear", {"x", "s"}, {"y"}, "q1");
  file.node("QuantizeLinear", {"x"}, {"p"}, "q2");
  file.node("MatMulInteger", {"x", "x"}, {"w"}, "m");
  const Lines lines = file.problems();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0],
            "node 'q1' (QuantizeLinear, opset 17): input 1 (scale) must be constant, it depends on the graph's input "
            "'s'; --constant s=VALUE gives that a constant value");
  EXPECT_EQ(lines[1].find("node 'q2' (QuantizeLinear, opset 17): input 1"), 0u) << lines[1];
  EXPECT_EQ(lines[2], "node 'm' (MatMulInteger, opset 17): input 0 is f32[2x3]; supported are i8 and u8");
}

TEST(RecogniseIntegers, ZeroPointsOfProductsFit) {
  const auto problem = [](int type, const std::vector<int64_t>& shape) {
    OnnxModelFile file;
    file.input("x", {2, 3}).output("y");
    file.node("DynamicQuantizeLinear", {"x"}, {"q"}, "d");
    add_integers(file, "w", {3, 4}, onnx::TensorProto::INT8, std::vector<int32_t>(12, 1));
    file.input("z", shape, type);
    file.node("MatMulInteger", {"q", "w", "", "z"}, {"y"}, "m");
    const Lines lines = file.problems();
    return lines.empty() ? "" : lines[0];
  };
  const std::string node = "node 'm' (MatMulInteger, opset 17): input 3 (zero point) ";
  EXPECT_EQ(problem(onnx::TensorProto::INT8, {}), "");
  EXPECT_EQ(problem(onnx::TensorProto::INT8, {4}), "");
  EXPECT_EQ(problem(onnx::TensorProto::INT8, {3}), node + "has shape 3 for elements of shape 3x4");
  EXPECT_EQ(problem(onnx::TensorProto::UINT8, {}), node + "is u8[scalar] of elements of i8; the types must be equal");
}

TEST(RecogniseIntegers, ConstantsAreQuantizedBeforeTheyAreRead) {
  OnnxModelFile file;
  file.input("x", {1, 2}).output("y");
  file.floats("w", {1, 2}, {-1.0f, 4.1f});
  file.node("DynamicQuantizeLinear", {"w"}, {"q", "s", "z"}, "d");
  file.node("DequantizeLinear", {"q", "s", "z"}, {"r"}, "r");
  file.node("Add", {"x", "r"}, {"y"}, "a");
  EXPECT_EQ(file.problems(), Lines{});
}

// A graph with quantize steps, as a quantizer of float graphs makes it.
struct Quantized : GraphBuilder {
  Value* through(Value* x, float scale, int64_t zero_point, DType dtype = DType::i8) {
    ops::Quantize quantize;
    quantize.to = dtype;
    quantize.quantization = Quantization{{scale}, {zero_point}};
    quantize.rounding = Rounding::nearest;
    return real(add(quantize, {x}, "quantize"));
  }
  Value* real(Value* integers) {
    ops::Quantize dequantize;
    dequantize.to = DType::f32;
    dequantize.rounding = Rounding::nearest;
    return add(dequantize, {integers}, "dequantize");
  }
  Value* weights(const Shape& shape, DType dtype, int64_t zero_point) {
    std::vector<int64_t> values(static_cast<size_t>(element_count(shape)));
    for (size_t i = 0; i < values.size(); ++i) values[i] = zero_point + static_cast<int64_t>(i % 7) - 3;
    return real(graph.add_constant(
        "w",
        Array::of_integers(shape, std::move(values), dtype).with_quantization(Quantization{{0.01f}, {zero_point}})));
  }
  // The reasons of what stays float.
  Lines reasons() {
    passes::PassLog log;
    Lines lines;
    for (const auto& [node, reason] : passes::recognise_integers(graph, log)) lines.push_back(node + ": " + reason);
    verify(graph, "recognise_integers");
    return lines;
  }
};

TEST(RecogniseIntegers, Uint8WeightsAroundTheirMiddle) {
  for (const auto& [dtype, zero_point] : {std::pair{DType::u8, 128}, {DType::i8, 0}}) {
    Quantized b;
    Value* x = b.through(b.input({2, 5}), 0.1f, 3);
    b.output(b.through(b.add(ops::Linear(), {x, b.weights({4, 5}, dtype, zero_point)}, "linear"), 0.1f, -4));
    EXPECT_EQ(b.reasons(), Lines{});
  }
}

TEST(RecogniseIntegers, WhatStaysFloatHasAReason) {
  Quantized b;
  Value* x = b.through(b.input({2, 5}), 0.1f, 3);
  Value* skewed = b.add(ops::Linear(), {x, b.weights({4, 5}, DType::u8, 100)}, "skewed");
  Value* shared = b.add(ops::Linear(), {x, b.weights({4, 5}, DType::i8, 0)}, "shared");
  Value* words = b.add(ops::Linear(), {x, b.weights({4, 5}, DType::i8, 0)}, "words");
  Value* last = b.add(ops::Linear(), {x, b.weights({4, 5}, DType::i8, 0)}, "last");
  for (Value* y :
       {b.through(skewed, 0.1f, 0), b.through(shared, 0.1f, 0), shared, last, b.through(words, 0.1f, 0, DType::i16)})
    b.output(y);
  EXPECT_EQ(b.reasons(), (Lines{"last: its result is not quantized", "shared: its result is also read as real numbers",
                                "skewed: weights have a zero point of -28; supported is 0",
                                "words: its result is quantized to i16, integer steps of ONNX models are i8 or u8"}));
}

TEST(RecogniseIntegers, TheReportNamesFloatStepsWithTheirReasons) {
  Quantized b;
  Value* x = b.through(b.input({2, 5}), 0.1f, 3);
  Value* y = b.through(b.add(ops::Linear(), {x, b.weights({4, 5}, DType::i8, 0)}, "first"), 0.1f, 0);
  b.output(b.add(ops::Linear(), {y, b.weights({3, 4}, DType::i8, 0)}, "second"));
  const Conversion conversion = convert(b.graph.clone(), {});
  ASSERT_EQ(conversion.report.float_steps.size(), 1u);
  EXPECT_EQ(conversion.report.float_steps[0].reason, "its result is not quantized");
}

}  // namespace
}  // namespace linnet::test
