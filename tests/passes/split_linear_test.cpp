#include "converter/ops/slice.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

Value* slice(GraphBuilder& b, Value* x, size_t axis, int64_t start, int64_t size) {
  ops::Slice op;
  op.shape = x->shape();
  op.starts.assign(op.shape.size(), 0);
  op.steps.assign(op.shape.size(), 1);
  op.starts[axis] = start;
  op.shape[axis] = size;
  return b.add(op, {x}, "slice");
}

TEST(SplitLinear, QueriesKeysAndValues) {
  GraphBuilder b;
  Value* heads = b.reshape(b.unary(Function::Identity, b.linear(b.input({2, 5, 6}), 24)), {2, 5, 3, 2, 4});
  for (int64_t i = 0; i < 3; ++i) b.output(slice(b, heads, 2, i, 1));
  run(b.graph, [](Graph& graph, passes::PassLog& log) {
    passes::simplify(graph, log);
    passes::split_linear(graph, log);
  });
  EXPECT_EQ(count<ops::Linear>(b.graph), 3) << dump(b.graph);
  EXPECT_EQ(count<ops::Slice>(b.graph), 0);
}

TEST(SplitLinear, SlicesThatAreReshaped) {
  GraphBuilder b;
  Value* x = b.linear(b.input({5, 6}), 12);
  b.output(b.reshape(slice(b, x, 1, 0, 8), {5, 2, 4}));
  b.output(b.reshape(slice(b, x, 1, 8, 4), {5, 1, 4}));
  run(b.graph, passes::split_linear);
  EXPECT_EQ(count<ops::Linear>(b.graph), 2);
}

TEST(SplitLinear, WhatCannotOrNeedNotBeSplitStays) {
  const auto unchanged = [](auto&& build) {
    GraphBuilder b;
    build(b, b.linear(b.input({5, 6}), 12));
    run(b.graph, passes::split_linear);
    return count<ops::Linear>(b.graph) == 1;
  };
  EXPECT_TRUE(unchanged([](GraphBuilder& b, Value* x) {  // slices read in place
    b.output(slice(b, x, 1, 0, 8));
    b.output(slice(b, x, 1, 8, 4));
  }));
  EXPECT_TRUE(unchanged([](GraphBuilder& b, Value* x) {  // slices that overlap
    x = b.reshape(x, {5, 3, 4});
    b.output(slice(b, x, 1, 0, 2));
    b.output(slice(b, x, 1, 1, 2));
  }));
  EXPECT_TRUE(unchanged([](GraphBuilder& b, Value* x) {  // columns of every head
    x = b.reshape(x, {5, 3, 4});
    b.output(slice(b, x, 2, 0, 2));
    b.output(slice(b, x, 2, 2, 2));
  }));
  EXPECT_TRUE(unchanged([](GraphBuilder& b, Value* x) {  // rows
    x = b.reshape(x, {5, 3, 4});
    b.output(slice(b, x, 0, 0, 2));
    b.output(slice(b, x, 0, 2, 3));
  }));
  EXPECT_TRUE(unchanged([](GraphBuilder& b, Value* x) {  // another reader
    Value* heads = b.reshape(x, {5, 3, 4});
    b.output(slice(b, heads, 1, 0, 1));
    b.output(slice(b, heads, 1, 1, 2));
    b.output(b.unary(Function::Tanh, x));
  }));
}

}  // namespace
}  // namespace linnet::test
