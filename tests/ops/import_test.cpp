// Importers: every form that the opsets give an operator, by the value that the imported graph computes.
#include <cmath>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/softmax.hpp"
#include "tests/ops/onnx_node.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;
using Names = std::vector<std::string>;

Array numbers(const Shape& shape, std::vector<double> values) {
  return Array::of_doubles(shape, std::move(values));
}
Array sequence(const Shape& shape) {
  std::vector<double> values(static_cast<size_t>(element_count(shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i + 1);
  return numbers(shape, std::move(values));
}
Array axes(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Array::of_integers({count}, std::move(values));
}
// An input handed on unchanged: a view, so that input and output are two values.
const Names kIdentity = {"Reshape"};
constexpr auto kInt64 = onnx::TensorProto::INT64;

TEST(Import, ConvolutionResolvesAutoPad) {
  const Array x = numbers({1, 1, 5}, {1, 2, 3, 4, 5}), w = numbers({1, 1, 2}, {1, 10});
  const auto run = [&](const char* auto_pad) {
    return OnnxNode("Conv", 11)
        .input(x.shape())
        .constant(w)
        .attribute("auto_pad", auto_pad)
        .attribute("strides", std::vector<int64_t>{2})
        .run({x});
  };
  expect_equal(run("SAME_UPPER"), numbers({1, 1, 3}, {21, 43, 5}));
  expect_equal(run("SAME_LOWER"), numbers({1, 1, 3}, {10, 32, 54}));
  expect_equal(run("VALID"), numbers({1, 1, 2}, {21, 43}));
}

// Values of the onnx reference implementation.
TEST(Import, TransposedConvolutionResolvesOutputShape) {
  const Array x = numbers({1, 1, 4}, {1, 2, 3, 4}), w = numbers({1, 1, 3}, {1, 10, 100});
  const auto node = [&](const char* auto_pad) {
    OnnxNode result("ConvTranspose", 11);
    result.input(x.shape()).constant(w).attribute("strides", std::vector<int64_t>{2}).attribute("auto_pad", auto_pad);
    return result;
  };
  const Array upper = numbers({1, 1, 8}, {1, 10, 102, 20, 203, 30, 304, 40});
  const Array lower = numbers({1, 1, 8}, {10, 102, 20, 203, 30, 304, 40, 400});
  expect_equal(node("SAME_UPPER").run({x}), upper);
  expect_equal(node("SAME_LOWER").run({x}), lower);
  expect_equal(node("NOTSET").attribute("output_shape", std::vector<int64_t>{8}).run({x}), lower);
  expect_equal(node("SAME_UPPER").attribute("output_shape", std::vector<int64_t>{8}).run({x}), upper);
  expect_equal(node("NOTSET").attribute("output_padding", std::vector<int64_t>{1}).run({x}),
               numbers({1, 1, 10}, {1, 10, 102, 20, 203, 30, 304, 40, 400, 0}));
}

TEST(Import, ConvolutionProblemsNameWhatIsSupported) {
  const Array w = sequence({1, 1, 1, 1, 1});
  EXPECT_NE(OnnxNode("Conv", 11).input({1, 1, 3, 3, 3}).constant(w).problems().find("one and two spatial dimensions"),
            std::string::npos);
  EXPECT_NE(OnnxNode("Conv", 11).input({1, 1, 3}).input({1, 1, 1}).problems().find("supported are constants"),
            std::string::npos);
  EXPECT_NE(OnnxNode("Conv", 11).input({1, 2, 3}).constant(sequence({1, 1, 1})).problems().find("do not fit"),
            std::string::npos);
  EXPECT_NE(OnnxNode("Conv", 11)
                .input({1, 1, 3})
                .constant(sequence({1, 1, 1}))
                .attribute("auto_pad", "SOME")
                .problems()
                .find("SAME_UPPER"),
            std::string::npos);
  EXPECT_NE(OnnxNode("Conv", 11)
                .input({1, 1, 3})
                .constant(sequence({1, 1, 1}))
                .attribute("kernel_shape", std::vector<int64_t>{2})
                .problems()
                .find("kernel_shape"),
            std::string::npos);
}

// Numbers whose sums and products leave what the device computes positions with, or any integer.
TEST(Import, WindowsWithinTheLimitsOfTheDevice) {
  const Array x = sequence({1, 1, 3});
  struct Case {
    const char *op, *attribute;
    bool two_values = false;
  };
  for (const Case& row :
       {Case{"Conv", "strides"}, Case{"Conv", "dilations"}, Case{"Conv", "pads", true}, Case{"MaxPool", "strides"},
        Case{"MaxPool", "dilations"}, Case{"MaxPool", "kernel_shape"}, Case{"AveragePool", "strides"},
        Case{"ConvTranspose", "strides"}, Case{"ConvTranspose", "dilations"}, Case{"ConvTranspose", "pads", true},
        Case{"ConvTranspose", "output_padding"}, Case{"ConvTranspose", "output_shape"}}) {
    const std::string_view attribute = row.attribute;
    const auto node = [&](int64_t value, const char* auto_pad) {
      OnnxNode result(row.op, 11);
      result.input(x.shape());
      const bool pool = std::string_view(row.op).ends_with("Pool");
      if (!pool) result.constant(sequence({1, 1, 1}));
      if (pool && attribute != "kernel_shape") result.attribute("kernel_shape", std::vector<int64_t>{1});
      if (*auto_pad != 0) result.attribute("auto_pad", auto_pad);
      return result.attribute(row.attribute, std::vector<int64_t>(row.two_values ? 2 : 1, value));
    };
    for (const int64_t value : {int64_t{1} << 30, int64_t{INT32_MAX}, int64_t{1} << 31, int64_t{1} << 62, INT64_MAX}) {
      for (const char* auto_pad : {"", "SAME_UPPER", "VALID"}) {
        if (*auto_pad != 0 && attribute == "pads") continue;
        EXPECT_NE(node(value, auto_pad).problems().find(" supported "), std::string::npos)
            << row.op << ' ' << attribute << ' ' << value << ' ' << auto_pad;
      }
    }
    if (attribute == "strides" && std::string_view(row.op) != "ConvTranspose") {
      EXPECT_EQ(node(1 << 29, "").run({x}).shape(), Shape({1, 1, 1}));
    }
  }
}

TEST(Import, ConvolutionWithBiasFromData) {
  const Array x = sequence({1, 1, 3}), bias = numbers({2}, {10, 20});
  const Array y = OnnxNode("Conv", 11).input(x.shape()).constant(numbers({2, 1, 1}, {1, 2})).input({2}).run({x, bias});
  expect_equal(y, numbers({1, 2, 3}, {11, 12, 13, 22, 24, 26}));
}

TEST(Import, PoolsFollowTheirOpset) {
  const Array x = numbers({1, 1, 5}, {1, 2, 3, 4, 5});
  const auto pool = [&](const char* type, int opset) {
    OnnxNode node(type, opset);
    node.input(x.shape())
        .attribute("kernel_shape", std::vector<int64_t>{2})
        .attribute("strides", std::vector<int64_t>{2});
    return node;
  };
  expect_equal(pool("MaxPool", 12).attribute("auto_pad", "SAME_LOWER").run({x}), numbers({1, 1, 3}, {1, 3, 5}));
  expect_equal(pool("MaxPool", 12).attribute("ceil_mode", 1).attribute("storage_order", 1).run({x}),
               numbers({1, 1, 3}, {2, 4, 5}));
  expect_equal(pool("AveragePool", 19).attribute("dilations", std::vector<int64_t>{2}).run({x}),
               numbers({1, 1, 2}, {2, 4}));
  expect_equal(
      pool("AveragePool", 7).attribute("pads", std::vector<int64_t>{1, 0}).attribute("count_include_pad", 1).run({x}),
      numbers({1, 1, 3}, {0.5, 2.5, 4.5}));
  EXPECT_NE(pool("MaxPool", 12).outputs(2).problems().find("Indices"), std::string::npos);
  EXPECT_NE(OnnxNode("MaxPool", 12)
                .input({1, 1, 1})
                .attribute("kernel_shape", std::vector<int64_t>{2})
                .attribute("dilations", std::vector<int64_t>{2})
                .attribute("pads", std::vector<int64_t>{1, 1})
                .problems()
                .find("padding"),
            std::string::npos);
  EXPECT_NE(OnnxNode("MaxPool", 12)
                .input({1, 1, 1, 1, 1})
                .attribute("kernel_shape", std::vector<int64_t>{1, 1, 1})
                .problems()
                .find("rank 3 and 4"),
            std::string::npos);
}

TEST(Import, GlobalPoolsAreOneReduction) {
  const Array x = sequence({1, 2, 2, 2});
  const OnnxNode node = OnnxNode("GlobalAveragePool", 7).input(x.shape());
  EXPECT_EQ(operators(*node.import().graph), Names{"Reduce"});
  expect_equal(node.run({x}), numbers({1, 2, 1, 1}, {2.5, 6.5}));
  expect_equal(OnnxNode("GlobalMaxPool", 7).input(x.shape()).run({x}), numbers({1, 2, 1, 1}, {4, 8}));
}

TEST(Import, GemmWithConstantsIsLinear) {
  const Array a = numbers({2, 2}, {1, 2, 3, 4}), b = numbers({2, 3}, {1, 2, 3, 4, 5, 6}),
              bt = numbers({3, 2}, {1, 4, 2, 5, 3, 6});
  const Array bias = numbers({3}, {10, 20, 30}), rows = numbers({2, 1}, {100, 200});
  const Array product = numbers({2, 3}, {9, 12, 15, 19, 26, 33});
  const OnnxNode plain = OnnxNode("Gemm", 13).input(a.shape()).constant(b);
  EXPECT_EQ(operators(*plain.import().graph), Names{"Linear"});
  expect_equal(plain.run({a}), product);
  expect_equal(OnnxNode("Gemm", 7).input(a.shape()).constant(bt).constant(bias).attribute("transB", 1).run({a}),
               numbers({2, 3}, {19, 32, 45, 29, 46, 63}));
  const OnnxNode scaled = OnnxNode("Gemm", 11)
                              .input(a.shape())
                              .constant(b)
                              .constant(numbers({1, 3}, {10, 20, 30}))
                              .attribute("alpha", 2.0f)
                              .attribute("beta", 0.5f);
  EXPECT_EQ(operators(*scaled.import().graph), Names{"Linear"});
  expect_equal(scaled.run({a}), numbers({2, 3}, {23, 34, 45, 43, 62, 81}));
  const OnnxNode scalar = OnnxNode("Gemm", 11).input(a.shape()).constant(b).constant(numbers({}, {1}));
  EXPECT_EQ(operators(*scalar.import().graph), Names{"Linear"});
  expect_equal(scalar.run({a}), numbers({2, 3}, {10, 13, 16, 20, 27, 34}));
  const OnnxNode by_row = OnnxNode("Gemm", 11).input(a.shape()).constant(b).constant(rows);
  EXPECT_EQ(operators(*by_row.import().graph), (Names{"Linear", "Binary"}));
  expect_equal(by_row.run({a}), numbers({2, 3}, {109, 112, 115, 219, 226, 233}));
  const OnnxNode transposed = OnnxNode("Gemm", 11).input({2, 2}).constant(b).attribute("transA", 1);
  expect_equal(transposed.run({numbers({2, 2}, {1, 3, 2, 4})}), product);
  expect_equal(OnnxNode("Gemm", 11).input(a.shape()).constant(b).constant(bias).attribute("beta", 0.0f).run({a}),
               product);
}

TEST(Import, GemmOfTwoActivations) {
  const Array a = numbers({2, 2}, {1, 3, 2, 4}), b = numbers({3, 2}, {1, 4, 2, 5, 3, 6}), c = numbers({3}, {1, 2, 3});
  const OnnxNode node = OnnxNode("Gemm", 13)
                            .input(a.shape())
                            .input(b.shape())
                            .input(c.shape())
                            .attribute("transA", 1)
                            .attribute("transB", 1)
                            .attribute("alpha", 2.0f);
  EXPECT_EQ(operators(*node.import().graph), (Names{"MatMul", "Binary"}));
  expect_equal(node.run({a, b, c}), numbers({2, 3}, {19, 26, 33, 39, 54, 69}));
  EXPECT_NE(OnnxNode("Gemm", 13).input({2, 2}).input({2, 3}).input({2, 2, 3}).problems().find("does not broadcast"),
            std::string::npos);
}

TEST(Import, MatMulOfEveryRank) {
  const Array v = numbers({2}, {1, 2}), m = numbers({2, 3}, {1, 2, 3, 4, 5, 6});
  const OnnxNode constant = OnnxNode("MatMul", 13).input({2}).constant(m);
  EXPECT_EQ(operators(*constant.import().graph), Names{"Linear"});
  expect_equal(constant.run({v}), numbers({3}, {9, 12, 15}));
  expect_equal(OnnxNode("MatMul", 13).input({2}).input({2, 3}).run({v, m}), numbers({3}, {9, 12, 15}));
  expect_equal(OnnxNode("MatMul", 13).input({3, 2}).input({2}).run({numbers({3, 2}, {1, 4, 2, 5, 3, 6}), v}),
               numbers({3}, {9, 12, 15}));
  expect_equal(OnnxNode("MatMul", 13).input({2}).input({2}).run({v, v}), numbers({}, {5}));
  expect_equal(OnnxNode("MatMul", 13).constant(v).input({2, 3}).run({m}), numbers({3}, {9, 12, 15}));
  const OnnxNode batched = OnnxNode("MatMul", 13).input({2, 1, 2}).constant(numbers({1, 2, 1}, {1, 10}));
  EXPECT_EQ(operators(*batched.import().graph), Names{"Linear"});
  expect_equal(batched.run({sequence({2, 1, 2})}), numbers({2, 1, 1}, {21, 43}));
  EXPECT_NE(OnnxNode("MatMul", 13).input({2, 3}).input({2, 3}).problems().find("cannot be multiplied"),
            std::string::npos);
}

TEST(Import, SoftmaxBelow13FlattensTheAxesAfter) {
  const Array x = sequence({1, 2, 2});
  const Array all = OnnxNode("Softmax", 11).input(x.shape()).run({x});
  EXPECT_NEAR(all.number(0) + all.number(1) + all.number(2) + all.number(3), 1.0, 1e-12);
  const Array last = OnnxNode("Softmax", 13).input(x.shape()).run({x});
  EXPECT_NEAR(last.number(0) + last.number(1), 1.0, 1e-12);
  EXPECT_EQ(operators(*OnnxNode("Softmax", 11).input({1, 3, 1, 1}).import().graph), Names{"Softmax"});
  const Array log = OnnxNode("LogSoftmax", 11).input(x.shape()).attribute("axis", -1).run({x});
  EXPECT_NEAR(std::exp(log.number(2)) + std::exp(log.number(3)), 1.0, 1e-12);
  EXPECT_NE(OnnxNode("Softmax", 13).input({2, 2}).attribute("axis", 2).problems().find("axis 2"), std::string::npos);
}

TEST(Import, ReductionsReadAxesOfEveryOpset) {
  const Array x = sequence({2, 2, 2});
  const std::vector<int64_t> first = {0};
  expect_equal(OnnxNode("ReduceSum", 11).input(x.shape()).attribute("axes", first).run({x}),
               numbers({1, 2, 2}, {6, 8, 10, 12}));
  expect_equal(
      OnnxNode("ReduceSum", 13).input(x.shape()).constant(axes({-3}), kInt64).attribute("keepdims", 0).run({x}),
      numbers({2, 2}, {6, 8, 10, 12}));
  expect_equal(OnnxNode("ReduceMean", 17).input(x.shape()).attribute("axes", first).run({x}),
               numbers({1, 2, 2}, {3, 4, 5, 6}));
  expect_equal(OnnxNode("ReduceMean", 18).input(x.shape()).constant(axes({0}), kInt64).run({x}),
               numbers({1, 2, 2}, {3, 4, 5, 6}));
  expect_equal(OnnxNode("ReduceMax", 18).input(x.shape()).attribute("keepdims", 0).run({x}), numbers({}, {8}));
  expect_equal(OnnxNode("ReduceMin", 13).input(x.shape()).attribute("keepdims", 0).run({x}), numbers({}, {1}));
  expect_equal(OnnxNode("ReduceProd", 13).input(x.shape()).attribute("keepdims", 0).run({x}), numbers({}, {40320}));
  expect_equal(OnnxNode("ReduceLogSum", 13).input(x.shape()).attribute("keepdims", 0).run({x}),
               numbers({}, {std::log(36.0)}));
  const OnnxNode empty = OnnxNode("ReduceSum", 13).input(x.shape()).constant(axes({}), kInt64);
  expect_equal(empty.run({x}), numbers({1, 1, 1}, {36}));
  EXPECT_EQ(empty.import().warnings.size(), 1u);
  EXPECT_NE(
      OnnxNode("ReduceSum", 11).input({2}).attribute("axes", std::vector<int64_t>{0, -1}).problems().find("twice"),
      std::string::npos);
}

TEST(Import, ReductionsOverNoAxesKeepTheirElementWisePart) {
  const Array x = numbers({2}, {-2, 3});
  const auto run = [&](const char* type) {
    return OnnxNode(type, 18).input({2}).attribute("noop_with_empty_axes", 1).run({x});
  };
  expect_equal(run("ReduceSum"), x);
  expect_equal(run("ReduceL1"), numbers({2}, {2, 3}));
  expect_equal(run("ReduceL2"), numbers({2}, {2, 3}));
  expect_equal(run("ReduceSumSquare"), numbers({2}, {4, 9}));
  expect_equal(run("ReduceLogSumExp"), x);
}

TEST(Import, SeparateAxesBecomeAChainThatIsExact) {
  Random random(11);
  const Array x = random.array({2, 3, 4, 2});
  for (const char* type :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"}) {
    SCOPED_TRACE(type);
    const OnnxNode node = OnnxNode(type, 11).input(x.shape()).attribute("axes", std::vector<int64_t>{0, 2});
    Reduce op;
    op.axes = {0, 2};
    for (int kind = 0; kind < kernels::kReduceKindCount; ++kind) {
      op.kind = static_cast<kernels::ReduceKind>(kind);
      const Names all = {"ReduceSum",  "ReduceMean", "ReduceMax", "ReduceMin",
                         "ReduceProd", "ReduceL1",   "ReduceL2",  "ReduceSumSquare"};
      if (all[static_cast<size_t>(kind)] == type) expect_equal(node.run({x}), evaluate(op, {x})[0]);
    }
    EXPECT_GE(operators(*node.import().graph).size(), 2u);
  }
}

TEST(Import, LogSumExpDoesNotOverflow) {
  const Array x = numbers({2}, {1000, 1000});
  expect_equal(OnnxNode("ReduceLogSumExp", 13).input({2}).attribute("keepdims", 0).run({x}),
               numbers({}, {1000 + std::log(2.0)}));
}

TEST(Import, ArgMaxDropsItsAxis) {
  const Array x = numbers({2, 2}, {1, 2, 4, 3});
  expect_equal(OnnxNode("ArgMax", 13).input({2, 2}).attribute("axis", -1).attribute("keepdims", 0).run({x}),
               Array::of_integers({2}, {1, 0}));
  expect_equal(OnnxNode("ArgMin", 7).input({2, 2}).run({x}), Array::of_integers({1, 2}, {0, 0}));
}

TEST(Import, ClipOfEveryOpset) {
  const Array x = numbers({3}, {-5, 1, 9});
  const Array zero = numbers({}, {0}), six = numbers({}, {6});
  expect_equal(OnnxNode("Clip", 7).input({3}).attribute("min", 0.0f).attribute("max", 6.0f).run({x}),
               numbers({3}, {0, 1, 6}));
  expect_equal(OnnxNode("Clip", 11).input({3}).constant(zero).constant(six).run({x}), numbers({3}, {0, 1, 6}));
  expect_equal(OnnxNode("Clip", 13).input({3}).absent().constant(six).run({x}), numbers({3}, {-5, 1, 6}));
  expect_equal(OnnxNode("Clip", 13).input({3}).constant(six).constant(zero).run({x}), numbers({3}, {0, 0, 0}));
  expect_equal(OnnxNode("Clip", 13).input({3}).input({}).run({x, zero}), numbers({3}, {0, 1, 9}));
  const import::OnnxModel relu = OnnxNode("Clip", 13).input({3}).constant(zero).import();
  EXPECT_EQ(relu.graph->nodes().front()->as<Unary>()->function.function, Function::Relu);
  EXPECT_EQ(operators(*OnnxNode("Clip", 13).input({3}).import().graph), kIdentity);
}

TEST(Import, PowersByConstants) {
  const Array x = numbers({2}, {4, 9});
  const auto power = [&](double exponent) { return OnnxNode("Pow", 13).input({2}).constant(numbers({}, {exponent})); };
  for (const double exponent : {-1.0, 0.5, 1.0, 2.0, 3.0, 2.5, -0.5}) {
    SCOPED_TRACE(exponent);
    expect_equal(power(exponent).run({x}), numbers({2}, {std::pow(4, exponent), std::pow(9, exponent)}));
  }
  EXPECT_EQ(operators(*power(0.5).import().graph), Names{"Unary"});
  EXPECT_EQ(operators(*power(1.0).import().graph), kIdentity);
  expect_equal(OnnxNode("Pow", 13).input({2}).constant(axes({2}), kInt64).run({x}), numbers({2}, {16, 81}));
  expect_equal(
      OnnxNode("Pow", 13).input({2}, kInt64).constant(numbers({}, {0.5})).run({Array::of_integers({2}, {5, 9})}),
      Array::of_integers({2}, {2, 3}));
}

TEST(Import, VariadicOperators) {
  const Array x = numbers({2}, {1, 5}), y = numbers({2}, {4, 2}), z = numbers({1}, {3});
  const auto run = [&](const char* type) { return OnnxNode(type, 13).input({2}).input({2}).input({1}).run({x, y, z}); };
  expect_equal(run("Sum"), numbers({2}, {8, 10}));
  expect_equal(run("Mean"), numbers({2}, {8.0 / 3, 10.0 / 3}));
  expect_equal(run("Max"), numbers({2}, {4, 5}));
  expect_equal(run("Min"), numbers({2}, {1, 2}));
  EXPECT_EQ(operators(*OnnxNode("Mean", 13).input({2}).import().graph), kIdentity);
}

TEST(Import, UnaryAttributesAndTheirDefaults) {
  const Array x = numbers({1}, {-1});
  const auto run = [&](const char* type, int opset) { return OnnxNode(type, opset).input({1}).run({x}).number(0); };
  EXPECT_NEAR(run("LeakyRelu", 7), -0.01, 1e-9);
  EXPECT_NEAR(run("HardSigmoid", 7), 0.3, 1e-7);
  EXPECT_NEAR(run("Elu", 7), std::expm1(-1.0), 1e-12);
  EXPECT_NEAR(run("Selu", 7), 1.05070102214813232421875 * 1.67326319217681884765625 * std::expm1(-1.0), 1e-7);
  EXPECT_NEAR(run("Gelu", 20), -0.15865525393145707, 1e-12);
  EXPECT_NEAR(OnnxNode("Gelu", 20).input({1}).attribute("approximate", "tanh").run({x}).number(0), -0.15880800939172324,
              1e-12);
  EXPECT_NEAR(
      OnnxNode("HardSigmoid", 7).input({1}).attribute("alpha", 0.25f).attribute("beta", 0.75f).run({x}).number(0), 0.5,
      1e-12);
  EXPECT_NE(OnnxNode("Gelu", 20).input({1}).attribute("approximate", "erf").problems().find("none and tanh"),
            std::string::npos);
  EXPECT_NE(OnnxNode("Relu", 7).input({1}).attribute("alpha", 1.0f).problems(), "none");
}

TEST(Import, SineAndCosineOfData) {
  const Array x = numbers({3}, {-2.5, 0.5, 1000});
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(OnnxNode("Sin", 7).input({3}).run({x}).number(i), std::sin(x.number(i)), 1e-12);
    EXPECT_NEAR(OnnxNode("Cos", 7).input({3}).run({x}).number(i), std::cos(x.number(i)), 1e-12);
  }
}

TEST(Import, PReluSlopeBroadcastsOneWay) {
  const Array x = numbers({1, 2, 2}, {-1, 2, -3, 4});
  expect_equal(OnnxNode("PRelu", 9).input(x.shape()).constant(numbers({2, 1}, {0.5, 0.25})).run({x}),
               numbers({1, 2, 2}, {-0.5, 2, -0.75, 4}));
  EXPECT_NE(OnnxNode("PRelu", 9).input({2}).constant(sequence({2, 2})).problems().find("does not broadcast"),
            std::string::npos);
}

TEST(Import, BatchNormalizationOfEveryOpset) {
  Random random(12);
  const Array x = random.array({2, 2, 3}), scale = random.array({2}), bias = random.array({2}),
              mean = random.array({2});
  const Array variance = random.array({2}, 0.5, 2.0);
  for (const int opset : {7, 9, 14, 15}) {
    const OnnxNode node = OnnxNode("BatchNormalization", opset)
                              .input(x.shape())
                              .constant(scale)
                              .constant(bias)
                              .constant(mean)
                              .constant(variance)
                              .attribute("momentum", 0.5f);
    EXPECT_EQ(operators(*node.import().graph), Names{"BatchNorm"});
  }
  const auto per_element = OnnxNode("BatchNormalization", 7)
                               .input({1, 2})
                               .constant(numbers({2}, {1, 2}))
                               .constant(numbers({2}, {3, 4}))
                               .constant(numbers({2}, {5, 6}))
                               .constant(numbers({2}, {4, 9}))
                               .attribute("spatial", 0)
                               .attribute("epsilon", 0.0f);
  expect_equal(per_element.run({numbers({1, 2}, {9, 12})}), numbers({1, 2}, {5, 8}));
}

TEST(Import, BatchNormalizationInTrainingIsEvaluatedOrLacksStatistics) {
  const Array x = numbers({1, 2, 2}, {1, 3, 10, 30}), ones = numbers({2}, {1, 1}), zeros = numbers({2}, {0, 0});
  const OnnxNode node = OnnxNode("BatchNormalization", 15)
                            .constant(x)
                            .constant(ones)
                            .constant(zeros)
                            .constant(zeros)
                            .constant(ones)
                            .attribute("training_mode", 1)
                            .attribute("epsilon", 0.0f)
                            .attribute("momentum", 0.75f)
                            .outputs(3);
  const std::vector<Array> y = ir::evaluate(*node.import().graph, {});
  expect_equal(y[0], numbers({1, 2, 2}, {-1, 1, -1, 1}));
  expect_equal(y[1], numbers({2}, {0.5, 5}));
  expect_equal(y[2], numbers({2}, {1, 25.75}));
  const auto model = OnnxNode("BatchNormalization", 15)
                         .input({1, 2, 2})
                         .constant(ones)
                         .constant(zeros)
                         .constant(zeros)
                         .constant(ones)
                         .attribute("training_mode", 1)
                         .import();
  const ir::Node& batch_norm = *model.graph->nodes().front();
  ASSERT_NE(batch_norm.as<BatchNorm>(), nullptr);
  EXPECT_FALSE(batch_norm.has(3) || batch_norm.has(4));  // to be given by the data: --reestimate-bn
}

TEST(Import, ComparisonsAndSelection) {
  const Array x = numbers({3}, {1, 2, 3}), two = numbers({1}, {2});
  const auto run = [&](const char* type, int opset) {
    return OnnxNode(type, opset).input({3}).input({1}).run({x, two});
  };
  const auto truth = [](std::vector<int64_t> values) {
    return Array::of_integers({3}, std::move(values), DType::boolean);
  };
  expect_equal(run("Equal", 11), truth({0, 1, 0}));
  expect_equal(run("Less", 9), truth({1, 0, 0}));
  expect_equal(run("Greater", 9), truth({0, 0, 1}));
  expect_equal(run("LessOrEqual", 12), truth({1, 1, 0}));
  expect_equal(run("GreaterOrEqual", 12), truth({0, 1, 1}));
  const Array condition = truth({1, 0, 1});
  expect_equal(OnnxNode("Where", 9).input({3}, onnx::TensorProto::BOOL).input({3}).input({1}).run({condition, x, two}),
               numbers({3}, {1, 2, 3}));
  expect_equal(OnnxNode("Not", 7).input({3}, onnx::TensorProto::BOOL).run({condition}), truth({0, 1, 0}));
  expect_equal(OnnxNode("Xor", 7)
                   .input({3}, onnx::TensorProto::BOOL)
                   .input({3}, onnx::TensorProto::BOOL)
                   .run({condition, truth({1, 1, 0})}),
               truth({0, 1, 1}));
}

}  // namespace
}  // namespace linnet::ops_test
