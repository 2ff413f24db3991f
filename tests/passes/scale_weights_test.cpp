#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

struct Case {
  Shape image = {2, 16, 16, 6}, factors = {2, 1, 1, 6};
  int64_t outputs = 4, groups = 1;
  bool channels_last = true;
  Function fused = Function::Identity;
};

Value* product(GraphBuilder& b, const Case& c, bool factors_first = false) {
  ops::Binary op;
  op.function = kernels::BinaryFunction::Mul;
  op.fused.function = c.fused;
  Value *x = b.input(c.image), *s = b.input(c.factors);
  return b.add(op, factors_first ? std::vector<Value*>{s, x} : std::vector<Value*>{x, s}, "product");
}

Value* conv(GraphBuilder& b, Value* x, const Case& c, Value* residual = nullptr) {
  ops::Conv op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {0, 0};
  op.groups = c.groups;
  op.channels_last = c.channels_last;
  const int64_t channels = x->shape()[c.channels_last ? 3 : 1];
  return b.add(op, {x, b.random({c.outputs, channels / c.groups, 1, 1}), b.random({c.outputs}), residual}, "conv");
}

// How many products are left.
int after(const Case& c, bool factors_first = false) {
  GraphBuilder b;
  b.output(conv(b, product(b, c, factors_first), c));
  run(b.graph, passes::scale_weights);
  return count<ops::Binary>(b.graph);
}

TEST(ScaleWeights, InsteadOfTheImage) {
  EXPECT_EQ(after({}), 0);
  EXPECT_EQ(after({}, true), 0);
}

TEST(ScaleWeights, ButNotWhereTheImageIsSmall) {
  EXPECT_EQ(after({.outputs = 32}), 0);
  EXPECT_EQ(after({.outputs = 33}), 1);
}

TEST(ScaleWeights, ButNotOfGroupsOtherShapesOrActivations) {
  EXPECT_EQ(after({.outputs = 6, .groups = 2}), 1);
  EXPECT_EQ(after({.factors = {1, 1, 1, 6}}), 1);
  EXPECT_EQ(after({.factors = {2, 16, 16, 1}}), 1);
  EXPECT_EQ(after({.fused = Function::Relu}), 1);
  EXPECT_EQ(after({.image = {2, 6, 16, 16}, .factors = {2, 6, 1, 1}, .channels_last = false}), 1);
}

TEST(ScaleWeights, ButNotWhereTheProductHasOtherReaders) {
  GraphBuilder b;
  Value* scaled = product(b, {});
  b.output(conv(b, scaled, {}));
  b.output(b.unary(Function::Abs, scaled));
  run(b.graph, passes::scale_weights);
  EXPECT_EQ(count<ops::Binary>(b.graph), 1);
}

TEST(ScaleWeights, KeepsTheResidual) {
  GraphBuilder b;
  b.output(conv(b, product(b, {}), {}, b.input({2, 16, 16, 4})));
  run(b.graph, passes::scale_weights);
  EXPECT_EQ(count<ops::Binary>(b.graph), 0) << dump(b.graph);
}

TEST(ScaleWeights, FactorsGoWithPlainConvolutions) {
  GraphBuilder b;
  Value *x = b.input({1, 8, 8, 4}), *factors = b.input({1, 1, 1, 4});
  ops::Conv op;
  op.strides = op.dilations = op.pads_begin = op.pads_end = {1, 1};
  op.channels_last = true;
  const auto with = [&](const ops::Conv& conv) {
    b.add(conv, {x, b.random({6, 4 / conv.groups, 3, 3}), nullptr, nullptr, factors});
  };
  EXPECT_NO_THROW(with(op));
  ops::Conv groups = op, winograd = op, moments = op;
  groups.groups = 2;
  winograd.winograd = 2;
  moments.moment_rows = 8;
  for (const ops::Conv& conv : {groups, winograd, moments}) EXPECT_THROW(with(conv), Error);
}

}  // namespace
}  // namespace linnet::test
