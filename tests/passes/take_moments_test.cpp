#include "converter/ops/conv.hpp"
#include "converter/ops/norm.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

Value* group_norm(GraphBuilder& b, Value* x, bool channels_last = true) {
  ops::GroupNorm op;
  op.groups = 2;
  op.channels_last = channels_last;
  const int64_t channels = channels_last ? x->shape().back() : x->shape()[1];
  return b.add(op, {x, b.random({channels}), b.random({channels})}, "norm");
}

Value* conv(GraphBuilder& b, Value* x, int64_t outputs, int64_t winograd = 0) {
  ops::Conv op;
  op.winograd = winograd;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {1, 1};
  op.channels_last = true;
  return b.add(op, {x, b.random({outputs, x->shape().back(), 3, 3})}, "conv");
}

int64_t moment_rows(const Graph& graph) {
  for (const auto& node : graph.nodes())
    if (const auto* norm = node->as<ops::GroupNorm>()) return node->has(3) ? norm->moment_rows : 0;
  return -1;
}

TEST(TakeMoments, OfAConvolution) {
  GraphBuilder b;
  b.output(group_norm(b, conv(b, b.input({2, 9, 8, 3}), 4)));
  run(b.graph, passes::take_moments);
  EXPECT_EQ(moment_rows(b.graph), 9) << dump(b.graph);
}

TEST(TakeMoments, InRunsThatFitACache) {
  GraphBuilder b;
  b.output(group_norm(b, conv(b, b.input({1, 50, 512, 1}), 4)));
  run(b.graph, passes::take_moments);
  EXPECT_EQ(moment_rows(b.graph), 13) << "8 KB a line, four runs of up to 128 KB, as equal as they can be";
}

TEST(TakeMoments, InRunsOfWholeTiles) {
  GraphBuilder b;
  b.output(group_norm(b, conv(b, b.input({1, 50, 400, 1}), 8, 4)));
  run(b.graph, passes::take_moments);
  EXPECT_EQ(moment_rows(b.graph), 4) << "12.5 KB a line, eight runs of 7 lines, in which there is one whole tile";
}

TEST(TakeMoments, OnceForTwoNormsAndBesidesOtherReaders) {
  GraphBuilder b;
  Value* y = conv(b, b.input({1, 6, 5, 3}), 4);
  b.output(group_norm(b, y));
  b.output(group_norm(b, y));
  b.output(b.unary(Function::Abs, y));
  run(b.graph, passes::take_moments);
  EXPECT_EQ(count<ops::Conv>(b.graph), 1);
  for (const auto& node : b.graph.nodes())
    if (node->as<ops::GroupNorm>() != nullptr) {
      EXPECT_TRUE(node->has(3)) << dump(b.graph);
    }
}

TEST(TakeMoments, NotOfWhatAConvolutionDidNotMake) {
  GraphBuilder b;
  b.output(group_norm(b, b.unary(Function::Abs, conv(b, b.input({1, 6, 5, 3}), 4))));
  run(b.graph, passes::take_moments);
  EXPECT_EQ(moment_rows(b.graph), 0);
}

}  // namespace
}  // namespace linnet::test
