#include <functional>
#include <ostream>

#include "converter/ops/norm.hpp"
#include "converter/ops/reduce.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using kernels::BinaryFunction;
using kernels::NormKind;
using kernels::ReduceKind;

constexpr double kEpsilon = 1e-5;

Value* reduce(GraphBuilder& b, Value* x, const std::vector<int64_t>& axes, ReduceKind kind = ReduceKind::Mean) {
  ops::Reduce op;
  op.kind = kind;
  op.axes = axes;
  return b.add(op, {x}, "reduce");
}
Value* square(GraphBuilder& b, Value* x) {
  return b.times(x, x);
}
Value* root(GraphBuilder& b, Value* x) {
  return b.unary(Function::Sqrt, x);
}
Value* stabilized(GraphBuilder& b, Value* variance) {
  return b.plus(variance, b.scalar(kEpsilon));
}
Value* centred(GraphBuilder& b, Value* x, const std::vector<int64_t>& axes) {
  return b.minus(x, reduce(b, x, axes));
}
Value* layer(GraphBuilder& b, Value* x, const std::vector<int64_t>& axes) {
  Value* d = centred(b, x, axes);
  return b.over(d, root(b, stabilized(b, reduce(b, square(b, d), axes))));
}
Value* layer_of_moments(GraphBuilder& b, Value* x, const std::vector<int64_t>& axes) {
  Value* mean = reduce(b, x, axes);
  Value* variance = b.minus(reduce(b, square(b, x), axes), square(b, mean));
  return b.over(b.minus(x, mean), root(b, stabilized(b, variance)));
}

struct Spelling {
  const char* name;
  NormKind kind;
  double epsilon;
  Value* (*build)(GraphBuilder& b, Value* x);  // over the last dimension, of 7 elements
  bool epsilon_outside = false;

  friend void PrintTo(const Spelling& spelling, std::ostream* stream) { *stream << spelling.name; }
};

const Spelling kSpellings[] = {
    {"LayerByDivision", NormKind::Layer, kEpsilon, [](GraphBuilder& b, Value* x) { return layer(b, x, {2}); }},
    {"LayerOfRawMoments", NormKind::Layer, kEpsilon,
     [](GraphBuilder& b, Value* x) { return layer_of_moments(b, x, {2}); }},
    {"LayerByPowerOfMinusHalf", NormKind::Layer, kEpsilon,
     [](GraphBuilder& b, Value* x) {
       Value* d = centred(b, x, {2});
       Value* variance = reduce(b, b.binary(BinaryFunction::Pow, d, b.scalar(2)), {2});
       return b.times(b.binary(BinaryFunction::Pow, stabilized(b, variance), b.scalar(-0.5)), d);
     }},
    {"LayerByReciprocal", NormKind::Layer, kEpsilon,
     [](GraphBuilder& b, Value* x) {
       Value* d = centred(b, x, {2});
       return b.times(d, b.unary(Function::Reciprocal, root(b, stabilized(b, reduce(b, square(b, d), {2})))));
     }},
    {"LayerUnbiased", NormKind::Layer, kEpsilon * 6 / 7,
     [](GraphBuilder& b, Value* x) {
       Value* d = centred(b, x, {2});
       Value* variance = b.times(reduce(b, square(b, d), {2}), b.scalar(7.0 / 6));
       return b.over(d, root(b, stabilized(b, variance)));
     }},
    {"LayerWithTheGainInTheFactor", NormKind::Layer, kEpsilon,
     [](GraphBuilder& b, Value* x) {
       Value* mean = reduce(b, x, {2});
       Value* variance = reduce(b, square(b, b.minus(x, mean)), {2});
       Value* factor = b.over(b.random({7}, 0.5, 2), root(b, stabilized(b, variance)));
       return b.plus(b.times(x, factor), b.minus(b.random({7}), b.times(mean, factor)));
     }},
    {"LayerEpsilonOutside", NormKind::Layer, kEpsilon,
     [](GraphBuilder& b, Value* x) {
       Value* d = centred(b, x, {2});
       return b.over(d, stabilized(b, root(b, reduce(b, square(b, d), {2}))));
     },
     true},
    {"LayerUnbiasedEpsilonOutside", NormKind::Layer, kEpsilon* std::sqrt(6.0 / 7),
     [](GraphBuilder& b, Value* x) {
       Value* d = centred(b, x, {2});
       Value* variance = b.over(b.times(reduce(b, square(b, d), {2}), b.scalar(7)), b.scalar(6));
       return b.over(d, stabilized(b, root(b, variance)));
     },
     true},
    {"LayerWithoutEpsilon", NormKind::Layer, 0.0,
     [](GraphBuilder& b, Value* x) {
       Value* d = centred(b, x, {2});
       return b.over(d, root(b, reduce(b, square(b, d), {2})));
     }},
    {"Rms", NormKind::Rms, kEpsilon,
     [](GraphBuilder& b, Value* x) { return b.over(x, root(b, stabilized(b, reduce(b, square(b, x), {2})))); }},
    {"RmsOfSumSquare", NormKind::Rms, kEpsilon / 7,
     [](GraphBuilder& b, Value* x) {
       return b.over(x, root(b, stabilized(b, reduce(b, x, {2}, ReduceKind::SumSquare))));
     }},
    {"RmsEpsilonOutside", NormKind::Rms, kEpsilon,
     [](GraphBuilder& b, Value* x) { return b.over(x, stabilized(b, root(b, reduce(b, square(b, x), {2})))); }, true},
    {"L2EpsilonAdded", NormKind::L2, kEpsilon,
     [](GraphBuilder& b, Value* x) { return b.over(x, stabilized(b, reduce(b, x, {2}, ReduceKind::L2))); }, true},
    {"L2WithoutEpsilon", NormKind::L2, 0.0,
     [](GraphBuilder& b, Value* x) { return b.over(x, reduce(b, x, {2}, ReduceKind::L2)); }},
    {"L2", NormKind::L2, kEpsilon,
     [](GraphBuilder& b, Value* x) {
       return b.over(x, b.binary(BinaryFunction::Max, reduce(b, x, {2}, ReduceKind::L2), b.scalar(kEpsilon)));
     }},
};

class NormSpelling : public testing::TestWithParam<Spelling> {};

TEST_P(NormSpelling, BecomesOneRowNorm) {
  GraphBuilder b;
  b.output(GetParam().build(b, b.input({2, 3, 7})));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  const auto* norm = b.graph.nodes().front()->as<ops::RowNorm>();
  ASSERT_NE(norm, nullptr) << dump(b.graph);
  EXPECT_EQ(norm->kind, GetParam().kind);
  EXPECT_EQ(norm->axis, 2);
  EXPECT_NEAR(norm->epsilon, GetParam().epsilon, 1e-9 * GetParam().epsilon);
  EXPECT_EQ(norm->epsilon_outside, GetParam().epsilon_outside);
  if (norm->kind == NormKind::L2) {
    EXPECT_FALSE(b.graph.nodes().front()->has(1)) << dump(b.graph);
  }
}

INSTANTIATE_TEST_SUITE_P(All, NormSpelling, testing::ValuesIn(kSpellings),
                         [](const auto& spelling) { return std::string(spelling.param.name); });

TEST(RecogniseNorms, MergesGainAndShift) {
  GraphBuilder b;
  b.output(b.plus(b.times(b.random({4, 5}), layer(b, b.input({2, 4, 5}), {1, 2})), b.random({5})));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().front()->as<ops::RowNorm>()->axis, 1);
}

TEST(RecogniseNorms, ReshapesIntoGroupsBecomeAGroupNorm) {
  GraphBuilder b;
  Value* grouped = b.reshape(b.input({2, 6, 3, 4}), {2, 3, 24});
  Value* normalized = b.reshape(layer_of_moments(b, grouped, {2}), {2, 6, 12});
  b.output(b.reshape(b.plus(b.times(b.random({1, 6, 1}), normalized), b.random({1, 6, 1})), {2, 6, 3, 4}));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(count<ops::GroupNorm>(b.graph), 1) << dump(b.graph);
  for (const auto& node : b.graph.nodes()) {
    if (const auto* norm = node->as<ops::GroupNorm>()) {
      EXPECT_EQ(norm->groups, 3);
    } else {
      EXPECT_TRUE(node->op->is_view()) << dump(b.graph);
    }
  }
}

TEST(RecogniseNorms, ParametersPerGroup) {
  GraphBuilder b;
  Value* normalized = layer(b, b.reshape(b.input({2, 6, 3, 4}), {2, 3, 24}), {2});
  b.output(b.reshape(b.plus(b.times(normalized, b.random({1, 3, 1})), b.random({1, 3, 1})), {2, 6, 3, 4}));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().front()->as<ops::GroupNorm>()->groups, 3);
}

TEST(RecogniseNorms, ExportersGroupNorm) {
  GraphBuilder b;
  ops::GroupNorm instance;
  instance.groups = 3;
  Value* grouped = b.reshape(b.input({2, 6, 3, 4}), {2, 3, 24});
  Value* normalized = b.add(instance, {grouped, b.constant({3}, {1, 1, 1}), b.constant({3}, {0, 0, 0})});
  Value* scaled = b.times(b.reshape(normalized, {2, 6, 3, 4}), b.random({6, 1, 1}));
  b.output(b.plus(scaled, b.random({6, 1, 1})));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().front()->as<ops::GroupNorm>()->groups, 3);
}

const ops::GroupNorm* only_group_norm(const Graph& graph) {
  const ops::GroupNorm* found = nullptr;
  for (const auto& node : graph.nodes()) {
    if (node->as<ops::GroupNorm>() == nullptr && !node->op->is_view()) return nullptr;
    if (const auto* norm = node->as<ops::GroupNorm>()) found = norm;
  }
  return count<ops::GroupNorm>(graph) == 1 ? found : nullptr;
}

TEST(RecogniseNorms, RowsOfImagesAndGroups) {
  for (const int64_t images : {1, 2}) {
    GraphBuilder b;
    Value* rows = b.reshape(b.input({images, 6, 3, 4}), {images * 3, 24});
    Value* normalized = b.reshape(layer(b, rows, {1}), {images, 6, 3, 4});
    b.output(b.plus(b.times(normalized, b.random({6, 1, 1})), b.random({6, 1, 1})));
    run(b.graph, passes::recognise_norms);
    ASSERT_NE(only_group_norm(b.graph), nullptr) << dump(b.graph);
    EXPECT_EQ(only_group_norm(b.graph)->groups, 3);
    EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
  }
}

TEST(RecogniseNorms, HeadsOfTokensAreNoGroups) {
  GraphBuilder b;
  Value* heads = b.reshape(b.input({2, 5, 8}), {2, 5, 2, 4});
  b.output(b.reshape(layer(b, heads, {3}), {2, 5, 8}));
  run(b.graph, passes::recognise_norms);
  EXPECT_EQ(count<ops::RowNorm>(b.graph), 1) << dump(b.graph);
}

TEST(RecogniseNorms, StatisticsThatLoseTheirDimensionAndGetItBack) {
  GraphBuilder b;
  Value* x = b.input({2, 5, 7});
  Value* d = centred(b, x, {2});
  Value* variance = b.reshape(reduce(b, square(b, d), {2}), {2, 5});
  Value* deviation = root(b, b.over(b.times(variance, b.scalar(7)), b.scalar(6)));
  b.output(b.over(d, b.plus(b.reshape(deviation, {2, 5, 1}), b.scalar(0.01))));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_TRUE(b.graph.nodes().front()->as<ops::RowNorm>()->epsilon_outside);
}

TEST(RecogniseNorms, ParametersPerElementMakeALayerNormOfImages) {
  for (const auto& [axes, shape] :
       {std::pair{std::vector<int64_t>{1, 2, 3}, Shape{6, 3, 4}}, std::pair{std::vector<int64_t>{2, 3}, Shape{3, 4}}}) {
    GraphBuilder b;
    Value* normalized = layer(b, b.input({2, 6, 3, 4}), axes);
    b.output(b.plus(b.times(normalized, b.random(shape)), b.random(shape)));
    run(b.graph, passes::recognise_norms);
    EXPECT_EQ(count<ops::RowNorm>(b.graph), 1) << dump(b.graph);
    EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
  }
}

TEST(RecogniseNorms, ParametersPerChannelMakeAGroupNormOfWholeImages) {
  GraphBuilder b;
  Value* normalized = layer(b, b.input({2, 6, 3, 4}), {1, 2, 3});
  b.output(b.plus(b.times(normalized, b.random({6, 1, 1})), b.random({6, 1, 1})));
  run(b.graph, passes::recognise_norms);
  ASSERT_NE(only_group_norm(b.graph), nullptr) << dump(b.graph);
  EXPECT_EQ(only_group_norm(b.graph)->groups, 1);
}

// The statistics are taken in a view, and applied to the images.
TEST(RecogniseNorms, StatisticsOfAViewAreThoseOfTheImages) {
  GraphBuilder b;
  Value* x = b.input({2, 6, 3, 4});
  Value* view = b.reshape(x, {2, 6, 12});
  Value* d = b.minus(view, reduce(b, view, {2}));
  Value* mean = b.reshape(reduce(b, view, {2}), {2, 6, 1, 1});
  Value* variance = b.reshape(b.over(b.times(reduce(b, square(b, d), {2}), b.scalar(12)), b.scalar(11)), {2, 6, 1, 1});
  b.output(b.over(b.minus(x, mean), root(b, stabilized(b, variance))));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().front()->as<ops::GroupNorm>()->groups, 6);
}

// A mean over a part of a view's dimension is not one of the images' dimensions.
TEST(RecogniseNorms, ANumberOfManyDimensionsLeavesTheShapeThatIsTakenBack) {
  GraphBuilder b;
  Value* x = b.reshape(b.input({1, 1, 3}), {1, 1, 1, 1, 3});
  b.output(b.reshape(b.plus(b.constant({1, 1, 1, 1, 1}, {0.5}), x), {1, 1, 3}));
  run(b.graph, passes::recognise_norms);
  EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
}

TEST(RecogniseNorms, ReductionsOfOtherViewsStay) {
  GraphBuilder b;
  b.output(reduce(b, b.reshape(b.input({2, 6, 4, 4}), {2, 3, 8, 4}), {2}));
  run(b.graph, passes::recognise_norms);
  EXPECT_EQ(node_count(b.graph), 2) << dump(b.graph);
}

TEST(RecogniseNorms, SpatialDimensionsAreAnInstanceNorm) {
  GraphBuilder b;
  b.output(b.times(layer(b, b.input({2, 6, 3, 4}), {2, 3}), b.random({6, 1, 1})));
  run(b.graph, passes::recognise_norms);
  ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_EQ(b.graph.nodes().front()->as<ops::GroupNorm>()->groups, 6);
}

TEST(RecogniseNorms, NormOverChannelsLeavesNoTranspose) {
  GraphBuilder b;
  Value* normalized = layer(b, b.conv(b.input({1, 3, 4, 5}), 6, 3), {1});
  b.output(b.conv(b.plus(b.times(normalized, b.random({6, 1, 1})), b.random({6, 1, 1})), 4, 1));
  run(b.graph, passes::recognise_norms);
  run(b.graph, [](Graph& graph, passes::PassLog& log) {
    passes::legalize_layout(graph, log, false);
    passes::fuse(graph, log);
  });
  EXPECT_EQ(count<ops::RowNorm>(b.graph), 1);
  EXPECT_EQ(node_count(b.graph), 3) << dump(b.graph);
}

// Of the size of whole images, where only a part of the elements is evaluated.
TEST(RecogniseNorms, LargeTensors) {
  const std::vector<int64_t> axes = {1, 2, 3};
  const Shape shape = {1, 16, 120, 200};
  constexpr double kCount = 16 * 120 * 200;
  struct Case {
    NormKind kind;
    double epsilon;
    std::function<Value*(GraphBuilder& b, Value* x)> build;
  };
  const Case cases[] = {
      {NormKind::Layer, kEpsilon, [&](GraphBuilder& b, Value* x) { return layer(b, x, axes); }},
      {NormKind::Layer, kEpsilon * (kCount - 1) / kCount,
       [&](GraphBuilder& b, Value* x) {
         Value* d = b.minus(x, b.over(reduce(b, x, axes, ReduceKind::Sum), b.scalar(kCount)));
         Value* variance = b.over(reduce(b, d, axes, ReduceKind::SumSquare), b.scalar(kCount - 1));
         return b.over(d, root(b, stabilized(b, variance)));
       }},
      {NormKind::L2, 0.0, [&](GraphBuilder& b, Value* x) { return b.over(x, reduce(b, x, axes, ReduceKind::L2)); }},
      {NormKind::L2, 0.0,
       [&](GraphBuilder& b, Value* x) { return b.over(x, root(b, reduce(b, square(b, x), axes, ReduceKind::Sum))); }},
  };
  for (const Case& c : cases) {
    GraphBuilder b;
    b.output(c.build(b, b.input(shape)));
    run(b.graph, passes::recognise_norms);
    ASSERT_EQ(node_count(b.graph), 1) << dump(b.graph);
    const auto* norm = b.graph.nodes().front()->as<ops::RowNorm>();
    ASSERT_NE(norm, nullptr) << dump(b.graph);
    EXPECT_EQ(norm->kind, c.kind);
    EXPECT_EQ(norm->axis, 1);
    EXPECT_NEAR(norm->epsilon, c.epsilon, 1e-9 * c.epsilon);
    if (norm->kind == NormKind::L2) {
      EXPECT_FALSE(b.graph.nodes().front()->has(1)) << dump(b.graph);
    }
  }
}

// A gain of more elements than are evaluated to tell what the nodes are.
TEST(RecogniseNorms, LargeGain) {
  GraphBuilder b;
  Value* gain = b.random({9000}, 0.5, 2);
  const std::vector<double> wanted = gain->constant->doubles();
  Value* factor = b.over(gain, root(b, stabilized(b, reduce(b, square(b, centred(b, b.input({2, 9000}), {1})), {1}))));
  b.output(b.times(factor, centred(b, b.graph.inputs[0], {1})));
  run(b.graph, passes::recognise_norms);
  const Node* norm = b.graph.outputs[0]->producer;
  ASSERT_NE(norm->as<ops::RowNorm>(), nullptr) << dump(b.graph);
  ASSERT_TRUE(norm->has(1));
  for (size_t i = 0; i < wanted.size(); ++i) ASSERT_NEAR(norm->in(1).constant->number(i), wanted[i], 1e-6);
}

// Beside what is added to the input its rounding is larger than the epsilon, which constant rows need all the same.
TEST(RecogniseNorms, AddedNumbersHideNoEpsilon) {
  constexpr double kTiny = 1e-18;
  GraphBuilder b;
  Value* x = b.plus(b.input({2, 9}), b.scalar(0.5));
  Value* d = centred(b, x, {1});
  b.output(b.over(d, root(b, b.plus(reduce(b, square(b, d), {1}), b.scalar(kTiny)))));
  run(b.graph, passes::recognise_norms);
  const auto* norm = b.graph.outputs[0]->producer->as<ops::RowNorm>();
  ASSERT_NE(norm, nullptr) << dump(b.graph);
  EXPECT_NEAR(norm->epsilon, kTiny, 1e-6 * kTiny);
}

TEST(RecogniseNorms, LargeSumsOfOtherKindsStay) {
  GraphBuilder b;
  Value* x = b.input({1, 16, 120, 200});
  b.output(b.over(x, reduce(b, x, {1, 2, 3}, ReduceKind::L1)));
  b.output(b.over(x, reduce(b, x, {1, 2, 3}, ReduceKind::Max)));
  b.output(b.over(x, root(b, reduce(b, b.times(square(b, x), b.random({200}, 0.5, 2)), {1, 2, 3}, ReduceKind::Sum))));
  run(b.graph, passes::recognise_norms);
  EXPECT_EQ(count<ops::RowNorm>(b.graph) + count<ops::GroupNorm>(b.graph), 0) << dump(b.graph);
}

TEST(RecogniseNorms, OtherStatisticsStay) {
  GraphBuilder b;
  Value* x = b.input({2, 3, 7});
  Value* d = centred(b, x, {2});
  Value* root_and_epsilon = root(b, stabilized(b, reduce(b, square(b, d), {2})));
  b.output(b.over(d, b.plus(root_and_epsilon, b.scalar(0.1))));  // two epsilons
  b.output(b.over(x, reduce(b, x, {2}, ReduceKind::L1)));
  run(b.graph, passes::recognise_norms);
  EXPECT_EQ(count<ops::RowNorm>(b.graph) + count<ops::GroupNorm>(b.graph), 0) << dump(b.graph);
}

}  // namespace
}  // namespace linnet::test
