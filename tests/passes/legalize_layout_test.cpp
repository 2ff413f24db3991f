#include "converter/ops/batch_norm.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/depth_to_space.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/slice.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/minimum_cut.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

void legalize(Graph& graph, passes::PassLog& log) {
  passes::legalize_layout(graph, log, false);
}
void legalize_keeping(Graph& graph, passes::PassLog& log) {
  passes::legalize_layout(graph, log, true);
}

const Permutation kChannelsLast = {0, 2, 3, 1};

Value* global_average(GraphBuilder& b, Value* x, bool keep_dims) {
  ops::Reduce op;
  op.axes = {2, 3};
  op.keep_dims = keep_dims;
  return b.add(op, {x}, "global_average");
}

Value* concat(GraphBuilder& b, std::vector<Value*> inputs, int64_t axis) {
  ops::Concat op;
  op.axis = axis;
  return b.add(op, std::move(inputs), "concat");
}

Value* softmax(GraphBuilder& b, Value* x, int64_t axis) {
  ops::Softmax op;
  op.axis = axis;
  return b.add(op, {x}, "softmax");
}

Value* half(GraphBuilder& b, Value* x, bool second) {
  ops::Slice op;
  op.shape = x->shape();
  op.shape[1] /= 2;
  op.starts = {0, second ? op.shape[1] : 0, 0, 0};
  op.steps = {1, 1, 1, 1};
  return b.add(op, {x}, "half");
}

Value* shuffle(GraphBuilder& b, Value* x, int64_t groups) {
  const Shape s = x->shape();
  x = b.reshape(x, {s[0], groups, s[1] / groups, s[2], s[3]});
  return b.reshape(b.transpose(x, {0, 2, 1, 3, 4}), s);
}

TEST(LegalizeLayout, AScaleShiftAloneIsOneStep) {
  GraphBuilder b;
  b.output(b.add(ops::ScaleShift(), {b.input({2, 3, 5, 6}), b.random({3}), b.random({3})}));
  run(b.graph, passes::fold_batch_norm);
  passes::PassLog log;
  legalize(b.graph, log);
  EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_EQ(b.graph.inputs[0]->source_permutation, kChannelsLast);
}

TEST(LegalizeLayout, InputsAndOutputsTakeTheNewOrder) {
  GraphBuilder b;
  b.output(b.conv(b.input({2, 3, 5, 6}), 4, 3));
  run(b.graph, legalize);
  EXPECT_EQ(node_count(b.graph), 1);
  EXPECT_EQ(b.graph.inputs[0]->shape(), Shape({2, 5, 6, 3}));
  EXPECT_EQ(b.graph.inputs[0]->source_permutation, kChannelsLast);
  EXPECT_EQ(b.graph.outputs[0]->source_permutation, kChannelsLast);
}

TEST(LegalizeLayout, TensorsKeepTheirNames) {
  GraphBuilder b;
  Value* first = b.conv(b.input({2, 3, 5, 6}), 4, 3);
  Value* second = b.conv(b.unary(Function::Tanh, first), 4, 1);
  b.output(second);
  b.output(b.reshape(global_average(b, second, false), {8}));
  std::vector<std::string> names = {b.graph.inputs[0]->name, first->name, second->name, b.graph.outputs[1]->name};
  run(b.graph, legalize);
  EXPECT_EQ(b.graph.inputs[0]->name, names[0]);
  EXPECT_EQ(b.graph.nodes().front()->out().name, names[1]);
  EXPECT_EQ(b.graph.outputs[0]->name, names[2]);
  EXPECT_EQ(b.graph.outputs[1]->name, names[3]);
}

TEST(LegalizeLayout, KeepLayoutLeavesTransposesAtTheEnds) {
  GraphBuilder b;
  b.output(b.conv(b.conv(b.input({2, 3, 5, 6}), 4, 3), 4, 1));
  run(b.graph, legalize_keeping);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 2);
  EXPECT_TRUE(b.graph.inputs[0]->source_permutation.empty());
}

TEST(LegalizeLayout, ResidualBlocksAndClassifier) {
  GraphBuilder b;
  Value* x = b.unary(Function::Relu, b.conv(b.input({2, 3, 8, 8}), 4, 3, 1, 2));
  Value* y = b.conv(b.unary(Function::Relu, b.conv(x, 4, 3, 1)), 4, 3, 1);
  x = b.unary(Function::Relu, b.plus(x, y));
  y = b.times(x, b.random({4, 1, 1}));
  b.output(b.linear(b.reshape(global_average(b, y, true), {2, 4}), 5));
  run(b.graph, legalize);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
}

TEST(LegalizeLayout, FlattenBeforeLinearPermutesTheWeights) {
  GraphBuilder b;
  Value* flat = b.reshape(b.conv(b.input({2, 3, 6, 6}), 4, 3), {2, 64});
  b.output(b.linear(flat, 5));
  b.output(b.linear(flat, 7));
  run(b.graph, legalize);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
}

TEST(LegalizeLayout, ChannelShuffleIsOneTranspose) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 3, 6, 6}), 8, 3);
  Value* y = concat(b, {half(b, x, false), b.conv(half(b, x, true), 4, 1)}, 1);
  b.output(b.conv(shuffle(b, y, 2), 8, 1));
  run(b.graph, legalize);
  ASSERT_EQ(count<ops::Transpose>(b.graph), 1) << dump(b.graph);
  for (const auto& node : b.graph.nodes()) {
    if (const auto* transpose = node->as<ops::Transpose>()) {
      EXPECT_EQ(transpose->permutation, Permutation({0, 1, 2, 4, 3})) << dump(b.graph);
    }
  }
}

TEST(LegalizeLayout, SqueezeAndExcite) {
  for (const bool with_linear : {false, true}) {
    GraphBuilder b;
    Value* x = b.conv(b.input({2, 3, 6, 6}), 8, 3);
    Value* s = global_average(b, x, !with_linear);
    s = with_linear ? b.reshape(b.linear(b.linear(s, 4), 8), {2, 8, 1, 1}) : b.conv(b.conv(s, 4, 1), 8, 1);
    b.output(b.conv(b.times(x, b.unary(Function::Sigmoid, s)), 4, 1));
    run(b.graph, legalize);
    EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
  }
}

TEST(LegalizeLayout, OneDimensionalConvolution) {
  GraphBuilder b;
  ops::Conv op;
  op.strides = op.dilations = {1};
  op.pads_begin = op.pads_end = {1};
  Value* x = b.add(op, {b.input({2, 3, 9}), b.random({4, 3, 3})});
  b.output(softmax(b, b.binary(kernels::BinaryFunction::PRelu, x, b.random({4, 1})), 1));
  run(b.graph, legalize);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
  EXPECT_EQ(b.graph.outputs[0]->source_permutation, Permutation({0, 2, 1}));
}

TEST(LegalizeLayout, ATransposeAroundChannelsLastLayersCancels) {
  GraphBuilder b;  // as in ConvNeXt
  Value* x = b.conv(b.input({1, 3, 8, 8}), 4, 3);
  Value* y = b.transpose(b.conv(x, 4, 3, 1, 1, 4), kChannelsLast);
  y = b.times(b.linear(b.unary(Function::Gelu, b.linear(y, 16)), 4), b.random({4}));
  b.output(b.plus(x, b.transpose(y, {0, 3, 1, 2})));
  run(b.graph, legalize);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
}

TEST(LegalizeLayout, AttentionReadsAndWritesHeadsInPlace) {
  GraphBuilder b;
  const int64_t tokens = 6, heads = 2, width = 4;
  Value* x = b.reshape(b.conv(b.input({1, 3, 4, 6}), 8, 2, 0, 2), {1, 8, tokens});
  x = b.transpose(x, {0, 2, 1});
  Value* qkv = b.transpose(b.reshape(b.linear(x, 24), {1, tokens, 3, heads, width}), {2, 0, 3, 1, 4});
  Value* part[3];
  for (int64_t i = 0; i < 3; ++i) {
    ops::Slice slice;
    slice.shape = {1, 1, heads, tokens, width};
    slice.starts = {i, 0, 0, 0, 0};
    slice.steps = {1, 1, 1, 1, 1};
    part[i] = b.reshape(b.add(slice, {qkv}), {1, heads, tokens, width});
  }
  Value* weights = softmax(b, b.add(ops::MatMul(), {part[0], b.transpose(part[1], {0, 1, 3, 2})}), 3);
  Value* y = b.transpose(b.add(ops::MatMul(), {weights, part[2]}), {0, 2, 1, 3});
  b.output(b.linear(b.reshape(y, {1, tokens, heads * width}), 8));
  run(b.graph, legalize);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
}

TEST(LegalizeLayout, SpatialOperatorsOfEveryKind) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 3, 6, 6}), 8, 3, 1);
  ops::DepthToSpace rearrange;
  rearrange.block = 2;
  x = b.add(rearrange, {x});
  ops::Pool pool;
  pool.kernel = pool.strides = {2, 2};
  pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {0, 0};
  x = b.add(pool, {x});
  ops::ConvTranspose transposed;
  transposed.strides = {2, 2};
  transposed.dilations = {1, 1};
  transposed.pads_begin = transposed.pads_end = transposed.output_padding = {0, 0};
  x = b.add(transposed, {x, b.random({2, 4, 2, 2})});
  ops::ScaleShift scale_shift;
  x = b.add(scale_shift, {x, b.random({4}), b.random({4})});
  ops::ArgMax arg_max;
  arg_max.axis = 1;
  arg_max.keep_dims = false;
  b.output(b.add(arg_max, {x}));
  run(b.graph, legalize);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 0) << dump(b.graph);
}

TEST(LegalizeLayout, ReductionsOfDimensionsThatLieApartAreSplit) {
  for (const auto kind : {kernels::ReduceKind::Mean, kernels::ReduceKind::L2, kernels::ReduceKind::L1,
                          kernels::ReduceKind::Max, kernels::ReduceKind::SumSquare}) {
    GraphBuilder b;
    ops::Reduce op;
    op.kind = kind;
    op.axes = {1, 3};
    op.fused = {Function::Tanh};
    b.output(b.add(op, {b.input({2, 3, 4, 5})}));
    run(b.graph, legalize_keeping);
    for (const auto& node : b.graph.nodes()) {
      if (const auto* reduce = node->as<ops::Reduce>()) {
        EXPECT_EQ(reduce->axes.size(), 1u) << dump(b.graph);
      }
    }
  }
}

TEST(LegalizeLayout, AScaleShiftAlongAnInnerDimensionIsTwoSteps) {
  GraphBuilder b;
  ops::ScaleShift op;
  b.output(b.add(op, {softmax(b, b.input({2, 3, 4}), 2), b.random({3}), b.random({3})}));
  b.output(b.add(op, {softmax(b, b.graph.add_input("z", {DType::f32, {2, 3, 4}}), 2), b.constant({3}, {2, 2, 2}),
                      b.constant({3}, {1, 1, 1})}));
  run(b.graph, legalize_keeping);
  for (const auto& node : b.graph.nodes()) {
    if (const auto* scale_shift = node->as<ops::ScaleShift>()) {
      EXPECT_EQ(scale_shift->axis, 2);
    }
  }
}

TEST(LegalizeLayout, DisagreementIsTransposedWhereItIsSmallest) {
  GraphBuilder b;  // the flattened image leaves in source order: only the smaller, pooled one needs to be transposed
  Value* x = b.unary(Function::Relu, b.conv(b.input({1, 3, 16, 16}), 8, 3, 1));
  ops::Pool pool;
  pool.kernel = pool.strides = {4, 4};
  pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {0, 0};
  x = b.unary(Function::Tanh, b.add(pool, {x}));
  b.output(b.reshape(x, {1, 128}));
  run(b.graph, legalize);
  ASSERT_EQ(count<ops::Transpose>(b.graph), 1) << dump(b.graph);
  for (const auto& node : b.graph.nodes()) {
    if (node->as<ops::Transpose>() != nullptr) {
      EXPECT_EQ(element_count(node->out().shape()), 128);
    }
  }
}

TEST(MinimumCut, FindsTheCheapestAssignment) {
  std::minstd_rand random(7);
  for (int trial = 0; trial < 200; ++trial) {
    constexpr size_t kVariables = 6;
    struct Pair {
      size_t a, b;
      int64_t ff, ft, tf, tt;
    };
    std::vector<Pair> pairs;
    std::vector<std::pair<int64_t, int64_t>> single;
    passes::BinaryMinimizer minimizer(kVariables);
    for (size_t v = 0; v < kVariables; ++v) {
      single.emplace_back(random() % 10, random() % 10);
      minimizer.add_cost(v, single[v].first, single[v].second);
      for (size_t w = 0; w < v; ++w) {
        Pair pair{v, w, 0, static_cast<int64_t>(random() % 8), static_cast<int64_t>(random() % 8), 0};
        pair.ff = random() % (pair.ft + pair.tf + 1);
        pairs.push_back(pair);
        minimizer.add_cost(v, w, pair.ff, pair.ft, pair.tf, pair.tt);
      }
    }
    const auto cost = [&](size_t bits) {
      int64_t sum = 0;
      const auto set = [&](size_t v) { return (bits >> v & 1) != 0; };
      for (size_t v = 0; v < kVariables; ++v) sum += set(v) ? single[v].second : single[v].first;
      for (const Pair& p : pairs) sum += set(p.a) ? (set(p.b) ? p.tt : p.tf) : (set(p.b) ? p.ft : p.ff);
      return sum;
    };
    int64_t best = cost(0);
    for (size_t bits = 1; bits < 1 << kVariables; ++bits) best = std::min(best, cost(bits));
    size_t found = 0;
    const std::vector<bool> values = minimizer.minimize();
    for (size_t v = 0; v < kVariables; ++v) found |= static_cast<size_t>(values[v]) << v;
    EXPECT_EQ(cost(found), best) << "trial " << trial;
  }
}

}  // namespace
}  // namespace linnet::test
