// Constants that a source adds, multiplies and takes away again for the sake of float32's limits.
#include <cfloat>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/slice.hpp"
#include "converter/pipeline.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using kernels::BinaryFunction;

// The Binary steps that remain, without checks of the passes: the evaluator computes in double.
int remaining(const GraphBuilder& b) {
  ConvertOptions options;
  options.stop_after = "separate_outputs";
  const Conversion conversion = convert(b.graph.clone(), options);
  return count<ops::Binary>(*conversion.graph) + count<ops::ScaleShift>(*conversion.graph);
}

TEST(Rounding, AdditionsThatAreTakenAwayStay) {
  for (const double c : {12582912.0, 12288.0, -1e6}) {
    for (int form = 0; form < 8; ++form) {
      GraphBuilder b;
      Value* x = b.input({1, 4, 3, 3});
      Value *plus = b.scalar(c), *minus = b.scalar(-c);
      if (form == 6) x = b.conv(x, 4, 3, 1);
      Value* y = nullptr;
      if (form == 0) y = b.minus(b.plus(x, plus), plus);
      if (form == 1) y = b.plus(minus, b.plus(plus, x));
      if (form == 2) y = b.minus(plus, b.minus(plus, x));
      if (form == 3) y = b.plus(b.minus(x, plus), plus);
      if (form == 4) y = b.minus(b.transpose(b.reshape(b.plus(x, plus), {1, 4, 9}), {0, 2, 1}), plus);
      if (form == 5) y = b.conv(b.minus(b.plus(x, plus), plus), 4, 3);
      if (form == 6) y = b.unary(Function::Relu, b.minus(b.plus(x, plus), plus));
      if (form == 7) {
        Value* channels = b.constant({1, 4, 1, 1}, {c, 1.0, 2.0, c});
        y = b.minus(b.plus(x, channels), channels);
      }
      b.output(y);
      EXPECT_EQ(remaining(b), 2) << c << " form " << form;
    }
  }
}

TEST(Rounding, OrdinaryChainsBecomeOneStep) {
  GraphBuilder b;
  Value* x = b.input({1, 4, 3, 3});
  x = b.over(b.minus(x, b.scalar(0.485)), b.scalar(0.229));
  x = b.minus(b.times(b.plus(x, b.scalar(123.0)), b.scalar(1.0 / 255)), b.scalar(0.5));
  b.output(x);
  EXPECT_EQ(remaining(b), 1);
}

// t - (t - x) leaves the upper half of x's digits (Veltkamp's splitting): no constant is taken away.
TEST(Rounding, SplittingIsNoIdentity) {
  GraphBuilder b;
  Value* x = b.input({1, 8});
  Value* t = b.times(x, b.scalar(4097));
  b.output(b.minus(t, b.minus(t, x)));
  EXPECT_EQ(remaining(b), 3);
}

TEST(Rounding, FactorsThatLeaveFloatStay) {
  const auto weights = [](GraphBuilder& b, const Shape& shape, double size) { return b.random(shape, size / 2, size); };
  for (const auto& [factor, size] : {std::pair{1e25, 1e24}, {1e-25, 1e-24}, {1e12, 1e30}, {1e-12, 1e-30}}) {
    GraphBuilder before, behind, norm;
    ops::Conv op;
    op.strides = op.dilations = {1, 1};
    op.pads_begin = op.pads_end = {0, 0};
    Value* x = before.input({1, 4, 3, 3});
    before.output(before.add(op, {before.times(x, before.scalar(factor)), weights(before, {2, 4, 3, 3}, size)}));
    EXPECT_EQ(remaining(before), 1) << factor;
    x = behind.input({1, 4, 3, 3});
    behind.output(behind.times(behind.add(op, {x, weights(behind, {2, 4, 3, 3}, size)}), behind.scalar(factor)));
    EXPECT_EQ(remaining(behind), 1) << factor;
    ops::RowNorm layer;
    layer.axis = 1;
    x = norm.input({2, 8});
    norm.output(norm.times(norm.add(layer, {x, weights(norm, {8}, size), nullptr}), norm.scalar(factor)));
    EXPECT_EQ(remaining(norm), 1) << factor;
  }
  GraphBuilder chain, product;
  chain.output(chain.times(chain.times(chain.input({2, 8}), chain.scalar(1e-30)), chain.scalar(1e-30)));
  EXPECT_EQ(remaining(chain), 2);
  Value* a = product.times(product.input({2, 3, 4}), product.scalar(1e-30));
  Value* c = product.times(product.graph.add_input("c", {DType::f32, {2, 4, 5}}), product.scalar(1e-18));
  product.output(product.times(product.add(ops::MatMul(), {a, c}), product.scalar(1e-18)));
  EXPECT_EQ(remaining(product), 2);
}

// Activations are told by sample points, which a bend may lie outside of, and on which a product may be next to
// nothing.
TEST(Rounding, NothingIsTakenForAClipThatIsNone) {
  using Build = Value* (*)(GraphBuilder&, Value*);
  const std::pair<const char*, Build> cases[] = {
      {"far bend", [](GraphBuilder& b, Value* x) { return b.unary(Function::Relu, b.minus(x, b.scalar(2e6))); }},
      {"tiny", [](GraphBuilder& b, Value* x) { return b.times(x, b.scalar(1e-12)); }},
      {"zero", [](GraphBuilder& b, Value* x) { return b.times(x, b.scalar(0.0)); }},
      {"constant", [](GraphBuilder& b, Value* x) { return b.plus(b.times(x, b.scalar(0.0)), b.scalar(1.0)); }},
  };
  for (const auto& [name, build] : cases) {
    GraphBuilder b;
    b.output(build(b, b.input({2, 3})));
    const int before = count<ops::Binary>(b.graph);
    run(b.graph, passes::recognise_activations);
    EXPECT_EQ(count<ops::Binary>(b.graph), before) << name;
  }
}

// Training switches channels off: their factors are next to nothing beside the others.
TEST(Rounding, ChannelsWithoutEffectFold) {
  GraphBuilder b;
  Value* scale = b.constant({3}, {1.0, 1e-30, -0.5});
  Value* x = b.add(ops::BatchNorm(), {b.conv(b.input({1, 2, 5, 5}), 3, 3), scale, b.random({3}), b.random({3}),
                                      b.constant({3}, {1.0, 1e-45, 0.5})});
  b.output(x);
  EXPECT_EQ(remaining(b), 0);
}

Value* batch_norm(GraphBuilder& b, Value* x) {
  const int64_t channels = x->shape()[1];
  return b.add(ops::BatchNorm(),
               {x, b.random({channels}), b.random({channels}), b.random({channels}), b.random({channels}, 0.5, 2.0)});
}

Value* slice(GraphBuilder& b, Value* x, size_t axis, int64_t start, int64_t step, int64_t size) {
  ops::Slice op;
  op.shape = x->shape();
  op.starts.assign(op.shape.size(), 0);
  op.steps.assign(op.shape.size(), 1);
  op.shape[axis] = size;
  op.starts[axis] = start;
  op.steps[axis] = step;
  return b.add(op, {x}, "slice");
}

Value* concat(GraphBuilder& b, std::vector<Value*> inputs, int64_t axis) {
  ops::Concat op;
  op.axis = axis;
  return b.add(op, std::move(inputs), "concat");
}

TEST(FoldBatchNorm, ThroughSlicesConcatenationsAndTransposes) {
  for (int form = 0; form < 7; ++form) {
    GraphBuilder b;
    Value* x = b.input({1, 3, 8, 8});
    Value* y = nullptr;
    if (form == 0) y = batch_norm(b, slice(b, b.conv(x, 6, 3), 3, 1, 1, 4));
    if (form == 1) y = batch_norm(b, slice(b, b.conv(x, 6, 3), 1, 5, -2, 3));
    if (form == 2) y = batch_norm(b, concat(b, {b.conv(x, 4, 3), slice(b, b.conv(x, 4, 3), 1, 1, 1, 2)}, 1));
    if (form == 3) y = batch_norm(b, concat(b, {b.conv(x, 4, 3), b.conv(x, 4, 3)}, 2));
    if (form == 4) y = b.linear(slice(b, b.transpose(batch_norm(b, x), {0, 2, 3, 1}), 2, 0, 3, 3), 5);
    if (form == 5) y = b.conv(slice(b, batch_norm(b, b.unary(Function::Tanh, x)), 1, 1, 1, 2), 4, 3);
    if (form == 6) y = batch_norm(b, b.transpose(b.linear(b.reshape(x, {1, 24, 8}), 7), {0, 2, 1}));
    b.output(y);
    run(b.graph, passes::fold_batch_norm);
    EXPECT_EQ(count<ops::BatchNorm>(b.graph) + count<ops::ScaleShift>(b.graph), 0) << form;
  }
}

TEST(FoldBatchNorm, StaysBehindPartsThatDoNotTakeIt) {
  GraphBuilder b;
  Value* x = b.input({1, 3, 8, 8});
  b.output(batch_norm(b, concat(b, {b.conv(x, 4, 1), b.unary(Function::Relu, x)}, 1)));
  run(b.graph, passes::fold_batch_norm);
  EXPECT_EQ(count<ops::ScaleShift>(b.graph), 1);
}

}  // namespace
}  // namespace linnet::test
