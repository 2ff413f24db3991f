// What operators write into the file, read back: strides are walked as the engine walks them and give the reference's
// result.
#include <flatbuffers/flatbuffers.h>

#include <map>

#include "converter/emit/context.hpp"
#include "converter/ops/batch_norm.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/softmax.hpp"
#include "kernels/isa.hpp"
#include "tests/ops/support.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;

// Records steps; every tensor is as if its rows lay `padding` elements apart.
class Recorder : public emit::Context {
 public:
  struct Step {
    fb::Operator type;
    flatbuffers::Offset<void> table;
    std::vector<uint32_t> inputs, outputs;
  };

  explicit Recorder(int64_t padding = 0) : padding_(padding) {}
  flatbuffers::FlatBufferBuilder& builder() override { return builder_; }
  uint32_t tensor(const Value& value) override { return tensor(value, value.shape()); }
  uint32_t tensor(const Value&, const Shape& shape) override {
    shapes.push_back(shape);
    return static_cast<uint32_t>(shapes.size() - 1);
  }
  int64_t row_stride(const Value& value) override { return value.shape().back() + padding_; }
  bool placed_in_output(const Node&, size_t) override { return false; }
  uint32_t buffer(std::span<const float> data) override {
    floats.emplace_back(data.begin(), data.end());
    return static_cast<uint32_t>(floats.size() - 1);
  }
  uint32_t buffer(std::span<const int32_t>) override { return 0; }
  uint32_t buffer(std::span<const int8_t>) override { return 0; }
  uint32_t buffer(int64_t count, const Pack& pack) override {
    std::vector<float> block(static_cast<size_t>(count));
    pack(block.data());
    return buffer(std::span<const float>(block));
  }
  PackedMatrix matrix(const Array&, int64_t count, const Pack& pack) override { return {buffer(count, pack), false}; }

  template <class Table>
  const Table& table(size_t step = 0) {
    return *flatbuffers::GetTemporaryPointer(builder_, flatbuffers::Offset<Table>(steps.at(step).table.o));
  }

  std::vector<Shape> shapes;
  std::vector<std::vector<float>> floats;
  std::vector<Step> steps;

 protected:
  void add_step(const Node&, fb::Operator type, flatbuffers::Offset<void> table, const std::vector<uint32_t>& inputs,
                const std::vector<uint32_t>& outputs) override {
    steps.push_back({type, table, inputs, outputs});
  }

 private:
  flatbuffers::FlatBufferBuilder builder_;
  int64_t padding_;
};

// Memory of an array whose rows lie `padding` elements apart, and back.
std::vector<double> padded(const Array& array, int64_t padding) {
  const int64_t columns = array.shape().empty() ? 1 : array.shape().back();
  const auto rows = static_cast<int64_t>(array.size()) / columns;
  std::vector<double> memory(static_cast<size_t>(rows * (columns + padding)), -99.0);
  for (size_t i = 0; i < array.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    memory[static_cast<size_t>(position / columns * (columns + padding) + position % columns)] = array.number(i);
  }
  return memory;
}

std::vector<int64_t> integers(const flatbuffers::Vector<int32_t>* values) {
  return {values->begin(), values->end()};
}

template <size_t kTensors>
std::array<size_t, kTensors> positions(const std::array<int64_t, kTensors>& offsets) {
  std::array<size_t, kTensors> result;
  for (size_t i = 0; i < kTensors; ++i) result[i] = static_cast<size_t>(offsets[i]);
  return result;
}

TEST(Emission, BinaryStridesBroadcastAndSkipSlices) {
  Random random(21);
  for (int round = 0; round < 60; ++round) {
    const int64_t padding = round % 3;
    Shape a(static_cast<size_t>(random.between(1, 5)));
    for (int64_t& size : a) size = random.between(1, 3);
    Shape b(a.begin() + random.between(0, static_cast<int64_t>(a.size()) - 1), a.end());
    for (int64_t& size : b) size = random.between(0, 1) ? size : 1;
    if (round % 7 == 0) b = {};
    Binary op;
    op.function = kernels::BinaryFunction::Sub;
    const Array x = random.array(a), y = random.array(b);
    const auto single = single_node(op, {x, y});
    Recorder recorder(padding);
    op.emit(*single->node, recorder);
    const fb::Binary& table = recorder.table<fb::Binary>();
    EXPECT_EQ(table.function(), fb::BinaryFunction::Sub);
    EXPECT_LE(table.shape()->size(), 6u);
    EXPECT_EQ(table.c_strides()->Get(table.c_strides()->size() - 1), 1);
    const Array expected = evaluate(op, {x, y})[0];
    const std::vector<double> from_a = padded(x, padding), from_b = padded(y, padding),
                              wanted = padded(expected, padding);
    std::vector<double> result(wanted.size(), -99.0);
    const std::array<std::vector<int64_t>, 3> strides = {integers(table.a_strides()), integers(table.b_strides()),
                                                         integers(table.c_strides())};
    for_each_position(integers(table.shape()), strides, [&](const std::array<int64_t, 3>& offsets) {
      const auto [i, j, k] = positions(offsets);
      result.at(k) = from_a.at(i) - from_b.at(j);
    });
    EXPECT_EQ(result, wanted);
  }
}

TEST(Emission, BinaryMergesWhatLiesEvenly) {
  const auto single = single_node(Binary(), {Random(1).array({2, 3, 4, 5}), Random(1).array({2, 3, 4, 5})});
  Recorder recorder;
  single->node->op->emit(*single->node, recorder);
  EXPECT_EQ(integers(recorder.table<fb::Binary>().shape()), Shape{120});
}

TEST(Emission, BinaryOfTooManyDimensionsIsAnError) {
  const auto single =
      single_node(Binary(), {Random(1).array({2, 1, 2, 1, 2, 1, 2}), Random(1).array({1, 2, 1, 2, 1, 2, 1})});
  Recorder recorder;
  EXPECT_THROW(single->node->op->emit(*single->node, recorder), Error);
}

TEST(Emission, MovementsOfMoreDimensionsAreSeveralSteps) {
  Tile op;
  op.repeats = {1, 2, 2, 3, 2, 2};
  const Array x = Random(27).array({3, 2, 3, 2, 3, 2});
  const auto single = single_node(op, {x});
  Recorder recorder;
  op.emit(*single->node, recorder);
  EXPECT_GT(recorder.steps.size(), 1u);
  const std::vector<double> from = x.doubles(), wanted = evaluate(op, {x})[0].doubles();
  std::vector<double> result(wanted.size(), -99.0);
  for (size_t step = 0; step < recorder.steps.size(); ++step) {
    const fb::Copy& table = recorder.table<fb::Copy>(step);
    EXPECT_LE(table.shape()->size(), 8u);
    const std::array<std::vector<int64_t>, 2> strides = {integers(table.in_strides()), integers(table.out_strides())};
    for_each_position(integers(table.shape()), strides, [&](const std::array<int64_t, 2>& offsets) {
      result.at(static_cast<size_t>(table.out_offset() + offsets[1])) =
          from.at(static_cast<size_t>(table.in_offset() + offsets[0]));
    });
  }
  EXPECT_EQ(result, wanted);
}

TEST(Emission, MatMulStridesFollowPermutationsAndBroadcasting) {
  Random random(22);
  for (int round = 0; round < 40; ++round) {
    const int64_t padding = round % 2, m = random.between(1, 3), n = random.between(1, 3), k = random.between(1, 4);
    const Shape batch = {random.between(1, 3), random.between(1, 3)};
    const Shape a = {random.between(0, 1) ? batch[0] : 1, batch[1], m, k},
                b = {batch[0], random.between(0, 1) ? batch[1] : 1, k, n};
    MatMul op;
    op.a_permutation = random.permutation(4);
    op.b_permutation = random.permutation(4);
    op.scale = 0.5;
    // Stored so that the permutation presents shapes a and b.
    const Array x = random.array(permute(a, inverse(op.a_permutation))),
                y = random.array(permute(b, inverse(op.b_permutation)));
    const auto single = single_node(op, {x, y});
    Recorder recorder(padding);
    op.emit(*single->node, recorder);
    const fb::MatMul& table = recorder.table<fb::MatMul>();
    EXPECT_LE(table.batch_shape()->size(), 4u);
    const Array expected = evaluate(op, {x, y})[0];
    const std::vector<double> from_a = padded(x, padding), from_b = padded(y, padding),
                              wanted = padded(expected, padding);
    std::vector<double> result(wanted.size(), -99.0);
    const std::array<std::vector<int64_t>, 3> strides = {
        integers(table.a_batch_strides()), integers(table.b_batch_strides()), integers(table.c_batch_strides())};
    for_each_position(integers(table.batch_shape()), strides, [&](const std::array<int64_t, 3>& offsets) {
      for (int64_t i = 0; i < table.m(); ++i) {
        for (int64_t j = 0; j < table.n(); ++j) {
          double sum = 0.0;
          for (int64_t l = 0; l < table.k(); ++l) {
            sum += from_a.at(static_cast<size_t>(offsets[0] + i * table.a_stride_m() + l * table.a_stride_k())) *
                   from_b.at(static_cast<size_t>(offsets[1] + l * table.b_stride_k() + j * table.b_stride_n()));
          }
          result.at(static_cast<size_t>(offsets[2] + i * table.c_stride_m() + j)) = table.scale() * sum;
        }
      }
    });
    for (size_t i = 0; i < result.size(); ++i) EXPECT_NEAR(result[i], wanted[i], 1e-12);
  }
}

TEST(Emission, ConvolutionsChooseTheirTableAndPack) {
  Random random(23);
  Conv op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {1, 1};
  op.channels_last = true;
  op.fused = {Function::Relu};
  const Array x = random.array({1, 4, 5, 6});
  const auto emitted = [&](const Conv& conv, const Array& weights, bool residual) {
    std::vector<Array> inputs = {x, weights, random.array({weights.shape()[0]})};
    if (residual) inputs.push_back(evaluate(conv, inputs)[0]);
    const auto single = single_node(conv, inputs, {1, 2});
    auto recorder = std::make_unique<Recorder>();
    conv.emit(*single->node, *recorder);
    return recorder;
  };
  op.groups = 6;
  const auto depthwise = emitted(op, random.array({6, 1, 3, 3}), true);
  EXPECT_EQ(depthwise->steps[0].type, fb::Operator::DepthwiseConv2D);
  EXPECT_EQ(depthwise->steps[0].inputs.size(), 2u);
  EXPECT_EQ(depthwise->table<fb::DepthwiseConv2D>().pad_left(), 1);
  EXPECT_EQ(depthwise->table<fb::DepthwiseConv2D>().activation()->function(), fb::Function::Relu);
  op.groups = 2;
  const auto grouped = emitted(op, random.array({10, 3, 3, 3}), false);
  EXPECT_EQ(grouped->steps[0].type, fb::Operator::Conv2D);
  EXPECT_EQ(grouped->table<fb::Conv2D>().groups(), 2);
  EXPECT_EQ(static_cast<int64_t>(grouped->floats[0].size()), 2 * kernels::panel_floats(5, 27));
}

TEST(Emission, OneDimensionIsAHeightOfOne) {
  Random random(24);
  Conv op;
  op.strides = {2};
  op.dilations = {1};
  op.pads_begin = op.pads_end = {0};
  op.channels_last = true;
  const auto single = single_node(op, {random.array({2, 7, 3}), random.array({4, 3, 3})}, {1});
  Recorder recorder;
  op.emit(*single->node, recorder);
  EXPECT_EQ(recorder.shapes[recorder.steps[0].inputs[0]], (Shape{2, 1, 7, 3}));
  EXPECT_EQ(recorder.shapes[recorder.steps[0].outputs[0]], (Shape{2, 1, 3, 4}));
  EXPECT_EQ(recorder.table<fb::Conv2D>().kernel_h(), 1);
  EXPECT_EQ(recorder.table<fb::Conv2D>().stride_w(), 2);
}

TEST(Emission, TransposedConvolutionPacksEveryPhase) {
  Random random(25);
  ConvTranspose op;
  op.strides = {2, 2};
  op.dilations = {1, 1};
  op.pads_begin = op.pads_end = op.output_padding = {0, 0};
  op.channels_last = true;
  op.groups = 2;
  const auto single = single_node(op, {random.array({1, 3, 3, 4}), random.array({4, 3, 3, 3})}, {1});
  Recorder recorder;
  op.emit(*single->node, recorder);
  EXPECT_EQ(recorder.steps[0].type, fb::Operator::ConvTranspose2D);
  // Phases of 4, 2, 2 and 1 taps, with 2 inputs and 3 outputs a group.
  const int64_t floats = kernels::panel_floats(3, 8) + 2 * kernels::panel_floats(3, 4) + kernels::panel_floats(3, 2);
  EXPECT_EQ(static_cast<int64_t>(recorder.floats[0].size()), 2 * floats);
}

TEST(Emission, ReductionsSeeOneRun) {
  Reduce op;
  op.axes = {1, 2};
  const Array x = Random(1).array({2, 3, 4, 5});
  const auto single = single_node(op, {x});
  Recorder recorder;
  op.emit(*single->node, recorder);
  const fb::Reduce& table = recorder.table<fb::Reduce>();
  EXPECT_EQ(std::vector<int64_t>({table.outer(), table.size(), table.inner()}), std::vector<int64_t>({2, 12, 5}));
  op.axes = {0, 2};
  const auto separate = single_node(op, {x});
  EXPECT_THROW(op.emit(*separate->node, recorder), Error);
}

TEST(Emission, ScaleShiftAlongTheLastAxisOnly) {
  Random random(26);
  const std::vector<Array> inputs = {random.array({2, 3, 3}), random.array({3}), random.array({3})};
  ScaleShift op;
  op.axis = 2;
  const auto single = single_node(op, inputs, {1, 2});
  Recorder recorder;
  op.emit(*single->node, recorder);
  EXPECT_EQ(recorder.floats[0].size(), 6u);
  EXPECT_EQ(recorder.floats[0][3], static_cast<float>(inputs[2].number(0)));
  op.axis = 1;
  const auto wrong = single_node(op, inputs, {1, 2});
  EXPECT_THROW(op.emit(*wrong->node, recorder), Error);
}

TEST(Emission, IntegersAndChannelsFirstAreErrors) {
  Recorder recorder;
  const auto integers = single_node(Binary(), {Array::of_integers({2}, {1, 2}), Array::of_integers({2}, {1, 2})});
  EXPECT_THROW(integers->node->op->emit(*integers->node, recorder), Error);
  Pool pool;
  pool.kernel = pool.strides = pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {0, 0};
  const auto first = single_node(pool, {Random(1).array({1, 1, 2, 2})});
  EXPECT_THROW(pool.emit(*first->node, recorder), Error);
  const auto dynamic = single_node(Linear(), {Random(1).array({2, 3}), Random(1).array({4, 3})});
  EXPECT_THROW(dynamic->node->op->emit(*dynamic->node, recorder), Error);
}

}  // namespace
}  // namespace linnet::ops_test
