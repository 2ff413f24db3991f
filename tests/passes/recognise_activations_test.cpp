#include <cmath>
#include <ostream>

#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using kernels::BinaryFunction;

struct Spelling {
  std::string name;
  Function function;
  Value* (*build)(GraphBuilder& b, Value* x);
  float alpha = 0, beta = 0;

  friend void PrintTo(const Spelling& spelling, std::ostream* stream) { *stream << spelling.name; }
};

Value* clip(GraphBuilder& b, Value* x, float low, float high) {
  return b.unary(Function::Clip, x, low, high);
}
Value* cube(GraphBuilder& b, Value* x) {
  return b.times(b.times(x, x), x);
}

const Spelling kSpellings[] = {
    {"SiluOfSigmoid", Function::Silu,
     [](GraphBuilder& b, Value* x) { return b.times(b.unary(Function::Sigmoid, x), x); }},
    {"SiluByDivision", Function::Silu,
     [](GraphBuilder& b, Value* x) {
       return b.over(x, b.plus(b.scalar(1), b.unary(Function::Exp, b.times(x, b.scalar(-1)))));
     }},
    {"SigmoidWrittenOut", Function::Sigmoid,
     [](GraphBuilder& b, Value* x) {
       return b.over(b.scalar(1), b.plus(b.unary(Function::Exp, b.unary(Function::Neg, x)), b.scalar(1)));
     }},
    {"HardSwishOfHardSigmoid", Function::HardSwish,
     [](GraphBuilder& b, Value* x) { return b.times(x, b.unary(Function::HardSigmoid, x, 1.0f / 6, 0.5f)); }},
    {"HardSwishDividedLast", Function::HardSwish,
     [](GraphBuilder& b, Value* x) { return b.over(b.times(clip(b, b.plus(b.scalar(3), x), 0, 6), x), b.scalar(6)); }},
    {"HardSwishDividedFirst", Function::HardSwish,
     [](GraphBuilder& b, Value* x) {
       return b.times(b.times(clip(b, b.plus(x, b.scalar(3)), 0, 6), b.scalar(1.0 / 6)), x);
     }},
    {"HardSwishOfMinAndMax", Function::HardSwish,
     [](GraphBuilder& b, Value* x) {
       Value* low = b.binary(BinaryFunction::Max, b.scalar(0), b.plus(x, b.scalar(3)));
       return b.over(b.times(x, b.binary(BinaryFunction::Min, low, b.scalar(6))), b.scalar(6));
     }},
    {"HardSigmoidDivided", Function::HardSigmoid,
     [](GraphBuilder& b, Value* x) { return b.over(clip(b, b.plus(x, b.scalar(3)), 0, 6), b.scalar(6)); }, 1.0f / 6,
     0.5f},
    {"HardSigmoidClippedLast", Function::HardSigmoid,
     [](GraphBuilder& b, Value* x) { return clip(b, b.plus(b.times(x, b.scalar(0.2)), b.scalar(0.5)), 0, 1); }, 0.2f,
     0.5f},
    {"GeluByDivision", Function::Gelu,
     [](GraphBuilder& b, Value* x) {
       Value* erf = b.unary(Function::Erf, b.over(x, b.scalar(1.4142135381698608)));
       return b.times(b.times(x, b.plus(erf, b.scalar(1))), b.scalar(0.5));
     }},
    {"GeluHalfFirst", Function::Gelu,
     [](GraphBuilder& b, Value* x) {
       Value* erf = b.unary(Function::Erf, b.times(b.scalar(0.70710678), x));
       return b.times(b.plus(b.scalar(1), erf), b.times(b.scalar(0.5), x));
     }},
    {"GeluTanhOfPow", Function::GeluTanh,
     [](GraphBuilder& b, Value* x) {
       Value* inner = b.plus(x, b.times(b.scalar(0.044715), b.binary(BinaryFunction::Pow, x, b.scalar(3))));
       Value* tanh = b.unary(Function::Tanh, b.times(b.scalar(0.7978845608), inner));
       return b.times(b.times(b.scalar(0.5), x), b.plus(b.scalar(1), tanh));
     }},
    {"GeluTanhOfProducts", Function::GeluTanh,
     [](GraphBuilder& b, Value* x) {
       Value* inner = b.times(b.plus(x, b.times(cube(b, x), b.scalar(0.044715))), b.scalar(0.79788456));
       return b.times(b.times(b.plus(b.unary(Function::Tanh, inner), b.scalar(1)), x), b.scalar(0.5));
     }},
    {"Mish", Function::Mish,
     [](GraphBuilder& b, Value* x) { return b.times(x, b.unary(Function::Tanh, b.unary(Function::Softplus, x))); }},
    {"MishWrittenOut", Function::Mish,
     [](GraphBuilder& b, Value* x) {
       Value* softplus = b.unary(Function::Log, b.plus(b.scalar(1), b.unary(Function::Exp, x)));
       return b.times(b.unary(Function::Tanh, softplus), x);
     }},
    {"Softplus", Function::Softplus,
     [](GraphBuilder& b, Value* x) { return b.unary(Function::Log, b.plus(b.unary(Function::Exp, x), b.scalar(1))); }},
    {"Softsign", Function::Softsign,
     [](GraphBuilder& b, Value* x) { return b.over(x, b.plus(b.scalar(1), b.unary(Function::Abs, x))); }},
    {"Relu", Function::Relu, [](GraphBuilder& b, Value* x) { return b.binary(BinaryFunction::Max, b.scalar(0), x); }},
    {"Relu6", Function::Clip,
     [](GraphBuilder& b, Value* x) {
       return b.binary(BinaryFunction::Min, b.binary(BinaryFunction::Max, x, b.scalar(0)), b.scalar(6));
     },
     0, 6},
    {"ClipOfReluAndMin", Function::Clip,
     [](GraphBuilder& b, Value* x) { return b.binary(BinaryFunction::Min, b.scalar(6), b.unary(Function::Relu, x)); },
     0, 6},
    {"LeakyRelu", Function::LeakyRelu,
     [](GraphBuilder& b, Value* x) { return b.binary(BinaryFunction::Max, x, b.times(b.scalar(0.125), x)); }, 0.125f},
    {"LeakyReluOfPRelu", Function::LeakyRelu,
     [](GraphBuilder& b, Value* x) {
       return b.binary(BinaryFunction::PRelu, x, b.constant({1, 1}, {0.25}));
     },
     0.25f},
    {"Sqrt", Function::Sqrt, [](GraphBuilder& b, Value* x) { return b.binary(BinaryFunction::Pow, x, b.scalar(0.5)); }},
    {"Reciprocal", Function::Reciprocal, [](GraphBuilder& b, Value* x) { return b.over(b.scalar(1), x); }},
    {"Rsqrt", Function::Rsqrt,
     [](GraphBuilder& b, Value* x) { return b.unary(Function::Reciprocal, b.unary(Function::Sqrt, x)); }},
    {"RsqrtOfPow", Function::Rsqrt,
     [](GraphBuilder& b, Value* x) { return b.binary(BinaryFunction::Pow, x, b.scalar(-0.5)); }},
};

class ActivationSpelling : public testing::TestWithParam<Spelling> {};

TEST_P(ActivationSpelling, BecomesOneNode) {
  GraphBuilder b;
  b.output(GetParam().build(b, b.input({2, 5})));
  run(b.graph, passes::recognise_activations, 1e-6);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  const Activation& found = b.graph.nodes().back()->as<ops::Unary>()->function;
  EXPECT_EQ(found.function, GetParam().function) << dump(b.graph);
  EXPECT_NEAR(found.alpha, GetParam().alpha, 1e-6);
  EXPECT_NEAR(found.beta, GetParam().beta, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, ActivationSpelling, testing::ValuesIn(kSpellings),
                         [](const auto& info) { return info.param.name; });

TEST(RecogniseActivations, NearMissesStay) {
  GraphBuilder b;
  Value* x = b.input({2, 5});
  b.output(b.times(x, b.unary(Function::Sigmoid, b.times(x, b.scalar(1.702)))));
  b.output(b.times(x, b.unary(Function::HardSigmoid, x, 0.2f, 0.5f)));
  b.output(b.times(x, b.unary(Function::Tanh, x)));
  b.output(b.binary(BinaryFunction::PRelu, x, b.constant({5}, {0.1, 0.2, 0.1, 0.1, 0.1})));
  const int nodes = node_count(b.graph);
  run(b.graph, passes::recognise_activations);
  EXPECT_EQ(node_count(b.graph), nodes);
}

TEST(RecogniseActivations, AnIntermediateUsedElsewhereStays) {
  GraphBuilder b;
  Value* x = b.input({2, 5});
  Value* sigmoid = b.unary(Function::Sigmoid, x);
  b.output(b.times(x, sigmoid));
  b.output(sigmoid);
  run(b.graph, passes::recognise_activations);
  EXPECT_EQ(node_count(b.graph), 2);
  EXPECT_EQ(count<ops::Binary>(b.graph), 1);
}

TEST(RecogniseActivations, AWiderDomainIsNotNarrowed) {
  GraphBuilder b;  // defined for negative numbers, as the square root alone is not
  b.output(b.unary(Function::Sqrt, b.unary(Function::Abs, b.input({3}))));
  run(b.graph, passes::recognise_activations);
  EXPECT_EQ(node_count(b.graph), 2);
}

TEST(RecogniseActivations, AnEpsilonIsKept) {
  GraphBuilder b;  // as normalizations have them, in front of a root or under a quotient
  Value* x = b.input({3});
  b.output(b.unary(Function::Sqrt, b.plus(x, b.scalar(1e-6))));
  b.output(b.over(b.scalar(1), b.plus(x, b.scalar(1e-12))));
  b.output(b.plus(b.unary(Function::Relu, x), b.scalar(1e-8)));
  const int nodes = node_count(b.graph);
  run(b.graph, passes::recognise_activations);
  EXPECT_EQ(node_count(b.graph), nodes);
}

TEST(RecogniseActivations, SquaresBecomeProducts) {
  GraphBuilder b;
  b.output(b.binary(BinaryFunction::Pow, b.input({3}), b.scalar(2)));
  run(b.graph, passes::recognise_activations);
  EXPECT_EQ(b.graph.nodes().front()->as<ops::Binary>()->function, BinaryFunction::Mul);
}

}  // namespace
}  // namespace linnet::test
