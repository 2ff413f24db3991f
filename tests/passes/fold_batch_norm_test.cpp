#include "converter/ops/batch_norm.hpp"
#include "converter/ops/matmul.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

Value* batch_norm(GraphBuilder& b, Value* x) {
  const int64_t channels = x->shape()[1];
  return b.add(ops::BatchNorm(),
               {x, b.random({channels}), b.random({channels}), b.random({channels}), b.random({channels}, 0.5, 2.0)},
               "bn");
}

Value* conv_transpose(GraphBuilder& b, Value* x, int64_t outputs, int64_t groups) {
  ops::ConvTranspose op;
  op.strides = {2, 2};
  op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {1, 1};
  op.output_padding = {1, 1};
  op.groups = groups;
  return b.add(op, {x, b.random({x->shape()[1], outputs / groups, 3, 3})}, "conv_transpose");
}

TEST(FoldBatchNorm, BehindConvolutionsOfAllGroups) {
  for (const int64_t groups : {1, 2, 4}) {
    GraphBuilder b;
    b.output(batch_norm(b, b.conv(b.input({2, 4, 5, 5}), 8, 3, 1, 1, groups)));
    run(b.graph, passes::fold_batch_norm);
    EXPECT_EQ(node_count(b.graph), 1) << groups;
    EXPECT_EQ(count<ops::Conv>(b.graph), 1);
  }
}

TEST(FoldBatchNorm, BehindTransposedConvolutionsOfAllGroups) {
  for (const int64_t groups : {1, 2}) {
    GraphBuilder b;
    b.output(batch_norm(b, conv_transpose(b, b.input({1, 4, 5, 5}), 6, groups)));
    run(b.graph, passes::fold_batch_norm);
    EXPECT_EQ(node_count(b.graph), 1) << groups;
  }
}

TEST(FoldBatchNorm, BehindLinearAndThroughReshapes) {
  GraphBuilder b;
  Value* y = b.linear(b.input({3, 7}), 12);
  y = batch_norm(b, b.reshape(y, {3, 4, 3}));
  b.output(b.reshape(batch_norm(b, b.linear(b.reshape(y, {3, 12}), 5)), {15}));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::BatchNorm>(b.graph) + count<ops::ScaleShift>(b.graph), 0);
  EXPECT_EQ(count<ops::Linear>(b.graph), 2);
}

// Images and channels as the channels of one image: the exporter's instance norm with running averages.
TEST(FoldBatchNorm, BehindAViewOfAllImagesAsOne) {
  for (const auto& [of_layer, second, third] :
       {std::tuple{false, 2.0, 3.0}, std::tuple{true, 2.0, 3.0}, std::tuple{true, 1.0, 1.0}}) {
    GraphBuilder b;
    Value* x = b.input({2, 3, 4, 5});
    if (of_layer) x = b.conv(x, 3, 1);
    const Shape shape = x->shape();
    Value* view = b.reshape(x, {1, 6, 4, 5});
    const auto twice = [&, y = second, z = third](double first) {
      return b.constant({6}, {first, first * y, first * z, first, first * y, first * z});
    };
    Value* y = b.add(ops::BatchNorm(), {view, twice(1), twice(-1), twice(0.5), twice(4)}, "bn");
    b.output(b.reshape(y, shape));
    run(b.graph, passes::fold_batch_norm);
    run(b.graph, passes::simplify);
    EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
    EXPECT_EQ(count<ops::ScaleShift>(b.graph), of_layer ? 0 : 1);
  }
}

TEST(FoldBatchNorm, ImagesThatAreScaledDifferentlyStayAView) {
  GraphBuilder b;
  Value* view = b.reshape(b.input({2, 3, 4, 5}), {1, 6, 4, 5});
  b.output(b.reshape(batch_norm(b, view), {2, 3, 4, 5}));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::Reshape>(b.graph), 2) << dump(b.graph);
}

TEST(FoldBatchNorm, BeforeAnUnpaddedConvolution) {
  for (const int64_t groups : {1, 2}) {
    GraphBuilder b;
    b.output(b.conv(batch_norm(b, b.input({1, 4, 6, 6})), 6, 3, 0, 2, groups));
    run(b.graph, passes::fold_batch_norm);
    EXPECT_EQ(node_count(b.graph), 1);
  }
}

TEST(FoldBatchNorm, BeforeAPaddedConvolutionOnlyAScale) {
  GraphBuilder b;
  b.output(b.conv(batch_norm(b, b.input({1, 4, 6, 6})), 6, 3, 1));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::ScaleShift>(b.graph), 1);

  GraphBuilder scale;
  scale.output(scale.conv(scale.times(scale.input({1, 4, 6, 6}), scale.random({4, 1, 1})), 6, 3, 1));
  run(scale.graph, passes::fold_batch_norm);
  EXPECT_EQ(node_count(scale.graph), 1);
}

TEST(FoldBatchNorm, BeforeLinearThroughFlatten) {
  GraphBuilder b;
  b.output(b.linear(b.reshape(batch_norm(b, b.input({2, 3, 4, 4})), {2, 48}), 5));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::Linear>(b.graph), 1);
  EXPECT_EQ(node_count(b.graph), 2);
}

TEST(FoldBatchNorm, BehindLinearThroughTranspose) {
  GraphBuilder b;  // the layer scale of ConvNeXt
  Value* x = b.transpose(b.linear(b.input({1, 3, 4, 6}), 5), {0, 3, 1, 2});
  b.output(b.times(x, b.random({1, 5, 1, 1})));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(node_count(b.graph), 2);

  GraphBuilder other;  // a factor for every line is none of the layer's outputs
  x = other.transpose(other.linear(other.input({1, 3, 4, 6}), 5), {0, 3, 1, 2});
  other.output(other.times(x, other.random({1, 1, 3, 1})));
  run(other.graph, passes::fold_batch_norm);
  EXPECT_EQ(node_count(other.graph), 3);
}

TEST(FoldBatchNorm, BeforeTransposedConvolutionOnlyAScale) {
  GraphBuilder b;
  b.output(conv_transpose(b, b.times(b.input({1, 4, 3, 3}), b.random({1, 4, 1, 1})), 6, 2));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(node_count(b.graph), 1);

  GraphBuilder shifted;
  shifted.output(conv_transpose(shifted, batch_norm(shifted, shifted.input({1, 4, 3, 3})), 6, 2));
  run(shifted.graph, passes::fold_batch_norm);
  EXPECT_EQ(node_count(shifted.graph), 2);
}

TEST(FoldBatchNorm, AConvolutionUsedTwiceStays) {
  GraphBuilder b;
  Value* y = b.conv(b.input({1, 2, 4, 4}), 3, 3);
  b.output(b.plus(batch_norm(b, y), y));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::ScaleShift>(b.graph), 1);

  GraphBuilder out;
  Value* z = out.conv(out.input({1, 2, 4, 4}), 3, 3);
  out.output(z);
  out.output(batch_norm(out, z));
  run(out.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::ScaleShift>(out.graph), 1);
}

TEST(FoldBatchNorm, NotThroughAnActivation) {
  GraphBuilder b;
  b.output(batch_norm(b, b.unary(Function::Relu, b.conv(b.input({1, 2, 4, 4}), 3, 3))));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::ScaleShift>(b.graph), 1);
  EXPECT_EQ(node_count(b.graph), 3);
}

TEST(FoldBatchNorm, WrittenOutAndMixedChains) {
  GraphBuilder b;
  Value* y = b.conv(b.input({1, 3, 4, 4}), 4, 3);
  y = b.over(b.minus(y, b.random({1, 4, 1, 1})), b.random({4, 1, 1}, 1, 2));
  y = b.plus(b.times(b.scalar(0.5), y), b.random({4, 1, 1}));
  b.output(b.minus(b.scalar(1.0), y));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(node_count(b.graph), 1);
}

TEST(FoldBatchNorm, StandaloneChainsMerge) {
  GraphBuilder b;
  Value* y = b.minus(b.over(b.input({2, 3, 4, 4}), b.scalar(255.0)), b.random({3, 1, 1}));
  b.output(b.unary(Function::Relu, batch_norm(b, b.over(y, b.random({3, 1, 1}, 1, 2)))));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::ScaleShift>(b.graph), 1);
  EXPECT_EQ(node_count(b.graph), 2);
}

TEST(FoldBatchNorm, BiasOfAProduct) {
  GraphBuilder b;
  Value* y = b.add(ops::MatMul(), {b.input({2, 5, 7}), b.random({7, 4})}, "matmul");
  b.output(b.plus(b.random({4}), y));
  run(b.graph, [](Graph& graph, passes::PassLog& log) {
    passes::recognise_linear(graph, log);
    passes::fold_batch_norm(graph, log);
  });
  EXPECT_EQ(node_count(b.graph), 1);
  EXPECT_EQ(count<ops::Linear>(b.graph), 1);
}

TEST(FoldBatchNorm, APositionEmbeddingStays) {
  GraphBuilder b;
  b.output(b.plus(b.linear(b.input({1, 5, 4}), 4), b.random({1, 5, 4})));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::Binary>(b.graph), 1);
}

}  // namespace
}  // namespace linnet::test
