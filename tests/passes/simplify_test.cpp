#include "converter/ops/cast.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/slice.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

Value* slice(GraphBuilder& b, Value* x, std::vector<int64_t> starts, std::vector<int64_t> steps, Shape shape) {
  ops::Slice op;
  op.starts = std::move(starts);
  op.steps = std::move(steps);
  op.shape = std::move(shape);
  return b.add(op, {x}, "slice");
}

TEST(Simplify, IdentitiesVanish) {
  GraphBuilder b;
  Value* x = b.unary(Function::Tanh, b.input({2, 3, 4, 4}));
  x = b.reshape(x, {2, 3, 4, 4});
  x = b.transpose(x, {0, 1, 2, 3});
  ops::Expand expand;
  expand.shape = x->shape();
  x = b.add(expand, {x});
  x = slice(b, x, {0, 0, 0, 0}, {1, 1, 1, 1}, {2, 3, 4, 4});
  ops::Pad pad;
  pad.pads_begin = pad.pads_end = {0, 0, 0, 0};
  x = b.add(pad, {x});
  x = b.add(ops::Cast(), {x});
  ops::Tile tile;
  tile.repeats = {1, 1, 1, 1};
  x = b.add(tile, {x});
  x = b.add(ops::Concat(), {x});
  ops::Pool pool;
  pool.kernel = pool.strides = pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {0, 0};
  x = b.add(pool, {x});
  x = b.unary(Function::Identity, x);
  x = b.plus(x, b.scalar(0.0));
  x = b.minus(x, b.scalar(0.0));
  x = b.times(b.constant({1, 1}, {1.0}), x);
  b.output(b.over(x, b.scalar(1.0)));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
}

TEST(Simplify, AnIdentityFromInputToOutputStays) {
  GraphBuilder b;
  b.output(b.reshape(b.input({2, 3}), {2, 3}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 1);
}

TEST(Simplify, ABroadcastIsNoIdentity) {
  GraphBuilder b;
  b.output(b.plus(b.input({1, 3}), b.constant({2, 3}, std::vector<double>(6, 0.0))));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 1);
}

TEST(Simplify, MovementsOfMovementsMerge) {
  GraphBuilder b;
  Value* x = b.reshape(b.reshape(b.input({2, 12}), {2, 3, 4}), {2, 4, 3});
  x = b.transpose(b.transpose(x, {1, 2, 0}), {1, 2, 0});
  b.output(slice(b, slice(b, x, {2, 0, 3}, {-1, 1, -1}, {3, 2, 4}), {1, 0, 0}, {1, 1, 2}, {2, 2, 2}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(count<ops::Reshape>(b.graph), 1);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 1);
  EXPECT_EQ(count<ops::Slice>(b.graph), 1);
}

TEST(Simplify, SlicesMeetBeforeAReshapeOfSingleDimensions) {
  const auto slices_left = [](const Shape& between, const std::vector<int64_t>& starts, const Shape& shape) {
    GraphBuilder b;
    Value* part = slice(b, b.input({4, 9, 10}), {0, 8, 2}, {1, 1, 1}, {4, 1, 6});
    const std::vector<int64_t> steps(shape.size(), 1);
    b.output(slice(b, b.reshape(part, between), starts, steps, shape));
    run(b.graph, passes::simplify);
    return count<ops::Slice>(b.graph);
  };
  EXPECT_EQ(slices_left({4, 6}, {1, 3}, {2, 2}), 1);
  EXPECT_EQ(slices_left({1, 4, 1, 6, 1}, {0, 1, 0, 0, 0}, {1, 3, 1, 5, 1}), 1);
  EXPECT_EQ(slices_left({24}, {3}, {7}), 2);
  EXPECT_EQ(slices_left({6, 4}, {1, 0}, {2, 4}), 2);
  EXPECT_EQ(slices_left({4, 2, 3}, {0, 1, 0}, {4, 1, 3}), 2);
}

TEST(Simplify, InverseTransposesCancel) {
  GraphBuilder b;
  Value* x = b.unary(Function::Tanh, b.input({2, 3, 4}));
  b.output(b.unary(Function::Exp, b.transpose(b.transpose(x, {1, 2, 0}), {2, 0, 1})));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 2);
}

TEST(Simplify, ATransposeOfSingleDimensionsIsAReshape) {
  GraphBuilder b;
  b.output(b.transpose(b.input({1, 5, 1, 3}), {0, 2, 1, 3}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(count<ops::Reshape>(b.graph), 1);
}

// As keys of attention are transposed with batch and heads merged.
TEST(Simplify, ATransposeBetweenReshapesThatOnlyMergeIsOneTranspose) {
  GraphBuilder b;
  Value* keys = b.unary(Function::Tanh, b.input({2, 3, 5, 4}));
  b.output(b.reshape(b.transpose(b.reshape(keys, {6, 5, 4}), {0, 2, 1}), {2, 3, 4, 5}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 2) << dump(b.graph);
  ASSERT_EQ(count<ops::Transpose>(b.graph), 1);
  EXPECT_EQ(b.graph.nodes().back()->as<ops::Transpose>()->permutation, (Permutation{0, 1, 3, 2}));
}

TEST(Simplify, ATransposeBetweenReshapesOfOtherSingleDimensions) {
  GraphBuilder b;
  Value* keys = b.unary(Function::Tanh, b.input({1, 1, 3, 5, 4}));
  b.output(b.reshape(b.transpose(b.reshape(keys, {3, 5, 4}), {0, 2, 1}), {1, 3, 4, 5}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 3) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().back()->as<ops::Transpose>()->permutation, (Permutation{0, 1, 3, 2}));
}

// Batch and heads merged, of which the heads were not yet split off.
TEST(Simplify, ATransposeBetweenReshapesOfOtherSplits) {
  GraphBuilder b;
  Value* keys = b.unary(Function::Tanh, b.input({5, 2, 8}));
  b.output(b.reshape(b.transpose(b.reshape(keys, {5, 4, 4}), {1, 2, 0}), {2, 2, 4, 5}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 3) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().back()->as<ops::Transpose>()->permutation, (Permutation{1, 2, 3, 0}));
}

TEST(Simplify, ATransposeOfSplitDimensionsStaysBetweenItsReshapes) {
  GraphBuilder b;
  Value* x = b.unary(Function::Tanh, b.input({2, 6, 4}));
  b.output(b.reshape(b.transpose(b.reshape(x, {2, 2, 3, 4}), {0, 2, 1, 3}), {2, 6, 4}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 4) << dump(b.graph);
}

TEST(Simplify, DeadAndEqualNodesVanish) {
  GraphBuilder b;
  Value* x = b.input({4});
  b.unary(Function::Exp, b.unary(Function::Tanh, x));
  b.output(b.plus(b.unary(Function::Sigmoid, x), b.unary(Function::Sigmoid, x)));
  b.random({7});
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 2);
  for (const auto& value : b.graph.values()) EXPECT_FALSE(value->constant.has_value());
}

TEST(Simplify, EqualOperatorsOfOtherAttributesStay) {
  GraphBuilder b;
  Value* x = b.input({4});
  b.output(b.plus(b.unary(Function::LeakyRelu, x, 0.1f), b.unary(Function::LeakyRelu, x, 0.2f)));
  run(b.graph, passes::simplify);
  EXPECT_EQ(node_count(b.graph), 3);
}

TEST(Simplify, EvenlySpacedGathersAreSlices) {
  GraphBuilder b;
  ops::Gather gather;
  gather.axis = 1;
  gather.indices = {5, 3, 1};
  gather.indices_shape = {3, 1};
  b.output(b.add(gather, {b.input({2, 6, 3})}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(count<ops::Slice>(b.graph), 1);
  EXPECT_EQ(count<ops::Gather>(b.graph), 0);
}

TEST(Simplify, RepeatedActivationsAndConcatsMerge) {
  GraphBuilder b;
  Value* x = b.input({2, 3});
  Value* relu = b.unary(Function::Relu, b.unary(Function::Relu, x));
  ops::Concat concat;
  concat.axis = 1;
  b.output(b.add(concat, {b.add(concat, {relu, x}), x}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(count<ops::Unary>(b.graph), 1);
  EXPECT_EQ(count<ops::Concat>(b.graph), 1);
}

TEST(Simplify, ReductionsOfSingleDimensionsAreReshapes) {
  GraphBuilder b;
  ops::Reduce reduce;
  reduce.axes = {2, 3};
  reduce.keep_dims = false;
  b.output(b.add(reduce, {b.input({2, 3, 1, 1})}));
  run(b.graph, passes::simplify);
  EXPECT_EQ(count<ops::Reduce>(b.graph), 0);
}

TEST(Simplify, RepetitionInConstantsIsLeftToBroadcasting) {
  GraphBuilder b;
  Value* x = b.input({2, 2, 2});
  x = b.times(x, b.constant({2, 2, 2}, {1, 1, 3, 3, 1, 1, 3, 3}));
  ops::Expand expand;
  expand.shape = {2, 2, 2};
  Value* row = b.graph.add_input("row", {DType::f32, {1, 2, 1}});
  b.output(b.plus(x, b.add(expand, {row})));
  run(b.graph, passes::simplify);
  EXPECT_EQ(count<ops::Expand>(b.graph), 0);
  EXPECT_EQ(b.graph.nodes().front()->in(1).shape(), Shape({1, 2, 1}));
}

}  // namespace
}  // namespace linnet::test
