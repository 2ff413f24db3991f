// Layout: the permuted operator on permuted inputs gives the permuted output, and channels-last operators what
// channels-first ones give.
#include <algorithm>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reduce_axes.hpp"
#include "converter/ops/softmax.hpp"
#include "tests/ops/support.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;

constexpr int kRounds = 40;

Shape random_shape(Random& random, size_t rank) {
  Shape shape(rank);
  for (int64_t& size : shape) size = random.between(1, 4);
  return shape;
}

// `permutes` counts how often there was a permuted operator at all.
void check(const Op& op, const std::vector<Array>& inputs, const Permutation& permutation, int* permutes) {
  const auto single = single_node(op, inputs);
  const std::unique_ptr<Op> permuted = op.permuted(permutation, *single->node);
  if (permuted == nullptr) return;
  ++*permutes;
  const Array expected = evaluate(op, inputs)[0];
  std::vector<Array> moved = inputs;
  for (Array& input : moved) {
    if (input.shape().size() == permutation.size()) input = transposed(input, permutation);
  }
  expect_equal(evaluate(*permuted, moved)[0], transposed(expected, permutation));
}

TEST(Permuted, Unary) {
  Random random(1);
  int permutes = 0;
  Unary op;
  op.function = {Function::Tanh};
  for (int i = 0; i < kRounds; ++i)
    check(op, {random.array(random_shape(random, 4))}, random.permutation(4), &permutes);
  EXPECT_EQ(permutes, kRounds);
}

TEST(Permuted, BinaryOfFullRankAndScalars) {
  Random random(2);
  int permutes = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Shape a = random_shape(random, 4);
    Shape b = a;
    for (int64_t& size : b) size = random.between(0, 1) ? size : 1;
    Binary op;
    op.function = static_cast<kernels::BinaryFunction>(random.between(0, 4));
    op.fused = {Function::Abs};
    check(op, {random.array(a), random.array(i % 4 == 0 ? Shape() : b, 0.5, 2.0)}, random.permutation(4), &permutes);
  }
  EXPECT_EQ(permutes, kRounds);
}

TEST(Permuted, BinaryOfSmallerRankHasNone) {
  Random random(3);
  int permutes = 0;
  check(Binary(), {random.array({2, 3, 4}), random.array({3, 4})}, {0, 2, 1}, &permutes);
  EXPECT_EQ(permutes, 0);
}

TEST(Permuted, BatchNormAndScaleShift) {
  Random random(4);
  int permutes = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Shape shape = random_shape(random, 4);
    BatchNorm norm;
    norm.axis = random.between(0, 3);
    const Shape channels = {shape[static_cast<size_t>(norm.axis)]};
    const Array scale = random.array(channels), shift = random.array(channels);
    const Permutation permutation = random.permutation(4);
    check(norm, {random.array(shape), scale, shift, random.array(channels), random.array(channels, 0.1, 2.0)},
          permutation, &permutes);
    ScaleShift op;
    op.axis = norm.axis;
    check(op, {random.array(shape), scale, shift}, permutation, &permutes);
  }
  EXPECT_EQ(permutes, 2 * kRounds);
}

TEST(Permuted, SoftmaxAndArgMax) {
  Random random(5);
  int permutes = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Array x = random.array(random_shape(random, 4));
    const Permutation permutation = random.permutation(4);
    Softmax softmax;
    softmax.axis = random.between(0, 3);
    softmax.log = i % 2 == 0;
    check(softmax, {x}, permutation, &permutes);
    ArgMax arg_max;
    arg_max.axis = random.between(0, 3);
    arg_max.minimum = i % 2 == 0;
    check(arg_max, {x}, permutation, &permutes);
  }
  EXPECT_EQ(permutes, 2 * kRounds);
}

// The dimensions in front of the row may move; those of the row only where no gain or shift tells them apart.
TEST(Permuted, RowNormWhereTheRowStaysLast) {
  Random random(8);
  int permutes = 0, wanted = 0;
  for (int i = 0; i < 8 * kRounds; ++i) {
    const Shape shape = random_shape(random, 4);
    RowNorm op;
    op.kind = static_cast<kernels::NormKind>(i % 3);
    op.epsilon = 0.1;
    op.epsilon_outside = random.between(0, 1) != 0;
    op.axis = random.between(1, 3);
    op.fused = {Function::Tanh};
    const bool has_gain = i % 2 == 0;
    std::vector<Array> inputs = {random.array(shape)};
    if (has_gain) inputs.push_back(random.array({shape.begin() + op.axis, shape.end()}));
    const Permutation permutation = random.permutation(4);
    const auto row = permutation.begin() + op.axis;
    const bool stays = std::all_of(row, permutation.end(), [&](int64_t d) { return d >= op.axis; });
    if (stays && (!has_gain || std::is_sorted(row, permutation.end()))) ++wanted;
    check(op, inputs, permutation, &permutes);
  }
  EXPECT_EQ(permutes, wanted);
  EXPECT_GT(permutes, kRounds);
}

TEST(Permuted, ReduceWhereTheAxesStayNeighbours) {
  Random random(6);
  int permutes = 0;
  for (int i = 0; i < 4 * kRounds; ++i) {
    Reduce op;
    op.kind = static_cast<kernels::ReduceKind>(random.between(0, kernels::kReduceKindCount - 1));
    for (int64_t axis = 0; axis < 4; ++axis) {
      if (random.between(0, 1)) op.axes.push_back(axis);
    }
    if (op.axes.empty()) op.axes = {1};
    check(op, {random.array(random_shape(random, 4))}, random.permutation(4), &permutes);
  }
  EXPECT_GT(permutes, kRounds);
  // Global pooling stays one reduction in N, H, W, C.
  Reduce pool;
  pool.axes = {2, 3};
  int global = 0;
  check(pool, {random.array({2, 3, 4, 5})}, {0, 2, 3, 1}, &global);
  EXPECT_EQ(global, 1);
}

TEST(Permuted, ReducedViewCoversTheTensor) {
  EXPECT_EQ(adjacent_runs({1, 3}, {2, 3, 1, 4}).size(), 1u);
  EXPECT_EQ(adjacent_runs({1, 3}, {2, 3, 2, 4}).size(), 2u);
  EXPECT_EQ(adjacent_runs({0, 2, 3}, {1, 3, 4, 4}).size(), 1u);
  EXPECT_EQ(adjacent_runs({0, 2, 3}, {2, 12, 1, 5}).size(), 2u);
  EXPECT_EQ(adjacent_runs({0, 1, 2, 3}, {1, 2, 1, 5}).size(), 1u);
  const AxisSplit view = reduced_view({0, 2, 3}, {1, 3, 4, 5});
  EXPECT_EQ(view.outer, 3);
  EXPECT_EQ(view.size, 20);
  EXPECT_EQ(view.inner, 1);
  const AxisSplit trivial = reduced_view({1}, {6, 1, 2});
  EXPECT_EQ(trivial.outer * trivial.size * trivial.inner, 12);
  EXPECT_EQ(trivial.size, 1);
}

// Evaluates `op` in both layouts; `spatial` is 1 or 2.
template <class T>
void check_channels_last(T op, const std::vector<Array>& inputs, size_t spatial, const std::vector<size_t>& images) {
  Permutation permutation = {0, 2, 1};
  if (spatial == 2) permutation = {0, 2, 3, 1};
  const Array expected = evaluate(op, inputs)[0];
  std::vector<Array> moved = inputs;
  for (const size_t index : images) moved[index] = transposed(inputs[index], permutation);
  op.channels_last = true;
  expect_equal(evaluate(op, moved)[0], transposed(expected, permutation));
}

TEST(ChannelsLast, ConvolutionsAndPools) {
  Random random(7);
  for (int i = 0; i < kRounds; ++i) {
    const auto spatial = static_cast<size_t>(random.between(1, 2));
    const auto draw = [&](int64_t least, int64_t most) {
      std::vector<int64_t> values(spatial);
      for (int64_t& value : values) value = random.between(least, most);
      return values;
    };
    const int64_t groups = random.between(1, 3), in = groups * random.between(1, 3),
                  out = groups * random.between(1, 3);
    const auto with = [](std::vector<int64_t> head, const std::vector<int64_t>& tail) {
      head.insert(head.end(), tail.begin(), tail.end());
      return head;
    };
    const Array x = random.array(with({2, in}, draw(7, 9)));
    const std::vector<int64_t> kernel = draw(1, 3);
    Conv conv;
    conv.strides = draw(1, 2);
    conv.dilations = draw(1, 2);
    conv.pads_begin = draw(0, 1);
    conv.pads_end = draw(0, 1);
    conv.groups = groups;
    const Array weights = random.array(with({out, in / groups}, kernel)), bias = random.array({out});
    const Array residual = random.array(evaluate(conv, {x, weights, bias})[0].shape());
    check_channels_last(conv, {x, weights, bias, residual}, spatial, {0, 3});

    ConvTranspose transpose;
    transpose.strides = draw(1, 3);
    transpose.dilations = conv.dilations;
    transpose.pads_begin = conv.pads_begin;
    transpose.pads_end = conv.pads_end;
    transpose.output_padding = draw(0, 1);
    transpose.groups = groups;
    check_channels_last(transpose, {x, random.array(with({in, out / groups}, kernel)), bias}, spatial, {0});

    Pool pool;
    pool.kind = i % 2 == 0 ? kernels::PoolKind::Max : kernels::PoolKind::Average;
    pool.kernel = draw(2, 3);
    pool.strides = conv.strides;
    pool.dilations = conv.dilations;
    pool.pads_begin = conv.pads_begin;
    pool.pads_end = conv.pads_end;
    pool.ceil_mode = i % 3 == 0;
    pool.count_include_pad = i % 4 == 0;
    check_channels_last(pool, {x}, spatial, {0});
  }
}

}  // namespace
}  // namespace linnet::ops_test
