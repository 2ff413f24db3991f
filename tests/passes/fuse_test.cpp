#include <limits>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

// Fusion works on the layout of the device.
void legalize_and_fuse(Graph& graph, passes::PassLog& log) {
  passes::legalize_layout(graph, log, false);
  passes::fuse(graph, log);
}

Value* pad(GraphBuilder& b, Value* x, int64_t amount, double value = 0.0) {
  ops::Pad op;
  op.pads_begin = op.pads_end = {0, 0, amount, amount};
  op.value = value;
  return b.add(op, {x}, "pad");
}

Value* pool(GraphBuilder& b, Value* x, kernels::PoolKind kind, int64_t pads = 0, bool count_include_pad = false) {
  ops::Pool op;
  op.kind = kind;
  op.kernel = {3, 3};
  op.strides = {2, 2};
  op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {pads, pads};
  op.count_include_pad = count_include_pad;
  return b.add(op, {x}, "pool");
}

TEST(Fuse, ActivationsIntoEveryProducer) {
  GraphBuilder b;
  Value* x = b.input({1, 3, 8, 8});
  x = b.unary(Function::Relu, b.conv(x, 4, 3));
  x = b.unary(Function::Tanh, pool(b, x, kernels::PoolKind::Average));
  x = b.unary(Function::Sigmoid, b.times(x, b.graph.add_input("scale", {DType::f32, {1, 4, 1, 1}})));
  x = b.unary(Function::HardSwish, b.linear(b.reshape(x, {1, 16}), 6));
  b.output(b.unary(Function::Exp, b.reshape(x, {2, 3})));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Unary>(b.graph), 1) << dump(b.graph);
}

TEST(Fuse, AnActivationOfATensorUsedTwiceStays) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 3, 8, 8}), 4, 3);
  b.output(b.plus(b.unary(Function::Relu, x), b.unary(Function::Tanh, x)));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Unary>(b.graph), 2);
}

TEST(Fuse, ResidualAdditionThenActivation) {
  for (const bool swapped : {false, true}) {
    GraphBuilder b;
    Value* x = b.unary(Function::Relu, b.conv(b.input({1, 4, 6, 6}), 4, 1));
    Value* y = b.conv(b.unary(Function::Relu, b.conv(x, 4, 3, 1)), 4, 3, 1);
    b.output(b.unary(Function::Relu, swapped ? b.plus(y, x) : b.plus(x, y)));
    run(b.graph, legalize_and_fuse);
    EXPECT_EQ(node_count(b.graph), 3) << dump(b.graph);
    EXPECT_TRUE(b.graph.nodes().back()->has(3));
    EXPECT_EQ(b.graph.nodes().back()->as<ops::Conv>()->fused.function, Function::Relu);
  }
}

TEST(Fuse, ResidualGoesToTheLaterOfTwoConvolutions) {
  GraphBuilder b;
  Value* x = b.input({1, 4, 6, 6});
  Value* early = b.conv(x, 4, 3, 1);
  Value* late = b.conv(b.unary(Function::Relu, b.conv(x, 4, 3, 1)), 4, 3, 1);
  b.output(b.plus(early, late));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(node_count(b.graph), 3);
  EXPECT_TRUE(b.graph.nodes().back()->has(3));
}

TEST(Fuse, NoResidualBehindAnActivationOrABroadcast) {
  GraphBuilder b;
  Value* x = b.input({1, 4, 6, 6});
  b.output(b.plus(b.unary(Function::Relu, b.conv(x, 4, 3, 1)), x));
  b.output(b.plus(b.conv(x, 4, 3, 1), b.graph.add_input("row", {DType::f32, {1, 4, 1, 1}})));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Binary>(b.graph), 2);
}

TEST(Fuse, ResidualIntoLinear) {
  GraphBuilder b;
  Value* x = b.input({1, 5, 8});
  b.output(b.plus(x, b.linear(b.unary(Function::Gelu, b.linear(x, 16)), 8)));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(node_count(b.graph), 2);
}

TEST(Fuse, ScalesOfProducts) {
  GraphBuilder b;
  Value* q = b.times(b.input({2, 5, 4}), b.scalar(0.5));
  Value* k = b.graph.add_input("k", {DType::f32, {2, 4, 5}});
  b.output(b.over(b.add(ops::MatMul(), {q, k}), b.scalar(3.0)));
  run(b.graph, legalize_and_fuse);
  ASSERT_EQ(node_count(b.graph), 1);
  EXPECT_NEAR(b.graph.nodes().front()->as<ops::MatMul>()->scale, 0.5 / 3.0, 1e-15);
}

TEST(Fuse, PaddingIntoConvolution) {
  GraphBuilder b;
  b.output(b.conv(pad(b, b.input({1, 2, 5, 5}), 1), 3, 3, 1));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(node_count(b.graph), 1);

  GraphBuilder other;
  other.output(other.conv(pad(other, other.input({1, 2, 5, 5}), 1, 0.5), 3, 3));
  run(other.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Pad>(other.graph), 1);
}

TEST(Fuse, PaddingIntoPools) {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  GraphBuilder average;
  average.output(pool(average, pad(average, average.input({1, 2, 7, 7}), 1), kernels::PoolKind::Average));
  run(average.graph, legalize_and_fuse);
  EXPECT_EQ(node_count(average.graph), 1);

  GraphBuilder maximum;
  maximum.output(pool(maximum, pad(maximum, maximum.input({1, 2, 7, 7}), 1, kLowest), kernels::PoolKind::Max));
  run(maximum.graph, legalize_and_fuse);
  EXPECT_EQ(node_count(maximum.graph), 1);

  GraphBuilder positive;  // zeros below elements that are never negative
  Value* relu = positive.unary(Function::Relu, positive.conv(positive.input({1, 2, 7, 7}), 2, 1));
  positive.output(pool(positive, pad(positive, relu, 1), kernels::PoolKind::Max));
  run(positive.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Pad>(positive.graph), 0);

  GraphBuilder zero;  // zeros count where elements may be negative
  zero.output(pool(zero, pad(zero, zero.input({1, 2, 7, 7}), 1), kernels::PoolKind::Max));
  run(zero.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Pad>(zero.graph), 1);

  GraphBuilder excluded;  // the pool's own padding does not count, the Pad's does
  excluded.output(pool(excluded, pad(excluded, excluded.input({1, 2, 7, 7}), 1), kernels::PoolKind::Average, 1));
  run(excluded.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Pad>(excluded.graph), 1);
}

TEST(Fuse, ConvolutionsOfOnePixel) {
  GraphBuilder b;
  Value* x = b.conv(b.input({2, 4, 1, 1}), 8, 3, 1);
  x = b.conv(x, 8, 3, 1, 1, 8);
  b.output(b.conv(x, 5, 1));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Linear>(b.graph), 2) << dump(b.graph);
  EXPECT_EQ(count<ops::ScaleShift>(b.graph), 1);
  EXPECT_EQ(count<ops::Conv>(b.graph), 0);
}

TEST(Fuse, AConvolutionOfTheWholeImageIsLinear) {
  GraphBuilder b;
  b.output(b.conv(b.conv(b.input({2, 3, 6, 6}), 4, 3), 7, 4));
  run(b.graph, legalize_and_fuse);
  EXPECT_EQ(count<ops::Conv>(b.graph), 1);
  EXPECT_EQ(count<ops::Linear>(b.graph), 1);
}

}  // namespace
}  // namespace linnet::test
