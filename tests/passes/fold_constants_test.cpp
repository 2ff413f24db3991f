#include "converter/ops/concat.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/slice.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

TEST(FoldConstants, EvaluatesEverythingThatDependsOnConstantsOnly) {
  GraphBuilder b;
  Value* weights = b.over(b.minus(b.random({4, 3}), b.scalar(0.25)), b.random({4, 1}, 1, 2));
  b.output(b.add(ops::Linear(), {b.input({2, 3}), weights}, "linear"));
  run(b.graph, passes::fold_constants);
  EXPECT_EQ(node_count(b.graph), 1);
  EXPECT_TRUE(b.graph.nodes().front()->in(1).constant.has_value());
}

TEST(FoldConstants, KeepsDoublePrecision) {
  GraphBuilder b;
  Value* sum = b.plus(b.scalar(1.0), b.scalar(1e-12));
  b.output(b.times(b.input({2}), sum));
  run(b.graph, passes::fold_constants);
  EXPECT_EQ(b.graph.nodes().front()->in(1).constant->number(0), 1.0 + 1e-12);
}

TEST(FoldConstants, AConstantGraphOutputKeepsItsName) {
  GraphBuilder b;
  b.output(b.plus(b.random({3}), b.random({3})));
  const std::string name = b.graph.outputs[0]->name;
  run(b.graph, passes::fold_constants);
  EXPECT_EQ(node_count(b.graph), 0);
  EXPECT_EQ(b.graph.outputs[0]->name, name);
}

TEST(FoldConstants, WhatDependsOnAnInputStays) {
  GraphBuilder b;
  b.output(b.plus(b.input({3}), b.unary(Function::Exp, b.random({3}))));
  run(b.graph, passes::fold_constants);
  EXPECT_EQ(count<ops::Binary>(b.graph), 1);
  EXPECT_EQ(node_count(b.graph), 1);
}

TEST(FoldConstants, WhatHasNoElementsIsConstantAndWhatItReadStays) {
  for (const bool computed : {false, true}) {
    GraphBuilder b;
    Value* x = b.input({2, 6});
    if (computed) x = b.unary(Function::Exp, x);
    ops::Slice none;
    none.shape = {2, 0};
    none.starts = {0, 0};
    none.steps = {1, 1};
    ops::Pad pad;
    pad.value = 3.0;
    pad.pads_begin = {0, 4};
    pad.pads_end = {0, 0};
    b.output(b.add(pad, {b.add(none, {x})}));
    run(b.graph, passes::fold_constants);
    EXPECT_EQ(b.graph.inputs.size(), 1u);
    EXPECT_EQ(count<ops::Pad>(b.graph), 0);
    EXPECT_EQ(b.graph.outputs[0]->constant->doubles(), std::vector<double>(8, 3.0));
  }
}

TEST(InferShapes, RepairsAWrongType) {
  GraphBuilder b;
  Value* y = b.reshape(b.input({2, 6}), {3, 4});
  b.output(y);
  y->type.shape = {12};
  EXPECT_THROW(verify(b.graph, "test"), Error);
  passes::PassLog log;
  passes::infer_shapes(b.graph, log);
  EXPECT_EQ(y->shape(), Shape({3, 4}));
  EXPECT_EQ(log.actions.size(), 1u);
  verify(b.graph, "test");
}

TEST(UnifyFloats, HalfPrecisionGraphsBecomeSingle) {
  GraphBuilder b;
  Value* half = b.graph.add_constant("c", Array::of_doubles({3}, {0.5, 1.5, -2.0}, DType::f16));
  b.output(b.plus(b.input({3}, DType::f16), half));
  run(b.graph, passes::unify_floats, 1e-3);
  EXPECT_EQ(b.graph.inputs[0]->type.dtype, DType::f32);
  EXPECT_EQ(b.graph.outputs[0]->type.dtype, DType::f32);
}

}  // namespace
}  // namespace linnet::test
