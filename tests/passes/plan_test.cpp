#include <algorithm>
#include <limits>
#include <numeric>

#include "converter/ops/concat.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/slice.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/plan/offsets.hpp"
#include "converter/plan/plan.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using plan::Plan;

Value* concat(GraphBuilder& b, std::vector<Value*> inputs, int64_t axis) {
  ops::Concat op;
  op.axis = axis;
  return b.add(op, std::move(inputs), "concat");
}

Value* slice(GraphBuilder& b, Value* x, size_t axis, int64_t start, int64_t size) {
  ops::Slice op;
  op.shape = x->shape();
  op.starts.assign(op.shape.size(), 0);
  op.steps.assign(op.shape.size(), 1);
  op.starts[axis] = start;
  op.shape[axis] = size;
  return b.add(op, {x}, "slice");
}

Value* softmax(GraphBuilder& b, Value* x, int64_t axis) {
  ops::Softmax op;
  op.axis = axis;
  return b.add(op, {x}, "softmax");
}

Plan checked_plan(Graph& graph, plan::CascadeMode mode = plan::CascadeMode::speed) {
  verify(graph, "construction");
  plan::separate_outputs(graph);
  verify(graph, "separate_outputs");
  Plan plan = plan::plan_memory(graph, mode);
  EXPECT_NO_THROW(plan::check_plan(graph, plan)) << dump(graph);
  EXPECT_GE(plan.tensor_bytes, plan.lower_bound);
  return plan;
}

bool share(const Plan& plan, const Value* a, const Value* b) {
  return plan.places.at(a).storage == plan.places.at(b).storage;
}

int placed_inputs(const Plan& plan) {
  int result = 0;
  for (const auto& [node, placed] : plan.placed) result += std::count(placed.begin(), placed.end(), true);
  return result;
}

TEST(Plan, AChainReachesTheLowerBound) {
  GraphBuilder b;
  Value* x = b.input({1, 64});
  for (const int64_t width : {256, 32, 512, 16, 128}) x = b.linear(x, width);
  b.output(x);
  const Plan plan = checked_plan(b.graph);
  EXPECT_EQ(plan.lower_bound, (512 + 32) * 4);
  EXPECT_EQ(plan.tensor_bytes, plan.lower_bound);
}

TEST(Plan, InvertedResidualsReachTheLowerBound) {
  GraphBuilder b;  // the shape of MobileNetV2
  Value* x = b.linear(b.input({784, 16}), 16);
  for (const auto& [rows, width] : {std::pair<int64_t, int64_t>{784, 16}, {784, 16}, {196, 64}, {196, 64}, {49, 256}}) {
    if (x->shape()[0] != rows) x = b.reshape(x, {rows, x->shape()[0] * x->shape()[1] / rows});
    Value* wide = b.unary(Function::Tanh, b.linear(x, 6 * width));
    x = b.plus(x, b.linear(wide, width));
  }
  b.output(x);
  const Plan plan = checked_plan(b.graph);
  EXPECT_EQ(plan.tensor_bytes, plan.lower_bound);
}

TEST(Plan, ElementwiseStepsRunInPlace) {
  GraphBuilder b;
  Value* x = b.input({1, 256});
  for (int i = 0; i < 3; ++i) x = b.unary(Function::Tanh, b.plus(x, b.random({256})));
  b.output(b.linear(x, 64));
  const Plan plan = checked_plan(b.graph);
  EXPECT_EQ(plan.storages.size(), 2u);
  EXPECT_EQ(plan.tensor_bytes, (256 + 64) * 4);
}

TEST(Plan, InPlaceOnlyAtTheLastUse) {
  GraphBuilder b;
  Value* x = b.linear(b.input({1, 32}), 32);
  Value* y = b.unary(Function::Tanh, x);
  b.output(b.plus(b.linear(x, 32), y));
  const Plan plan = checked_plan(b.graph);
  EXPECT_FALSE(share(plan, x, y));
}

TEST(Plan, PartsOfAConcatAreWrittenWhereTheyBelong) {
  GraphBuilder b;
  Value* x = b.input({5, 8});
  Value* inner = concat(b, {b.linear(x, 4), b.unary(Function::Tanh, b.linear(x, 12))}, 1);
  Value* outer = concat(b, {b.linear(x, 3), inner, b.linear(x, 7)}, 1);
  b.output(b.linear(outer, 6));
  const Plan plan = checked_plan(b.graph);
  EXPECT_EQ(placed_inputs(plan), 5);
  EXPECT_EQ(plan.places.at(inner).row_stride, 26);
}

TEST(Plan, ConcatAlongTheOuterDimension) {
  GraphBuilder b;
  Value* x = b.input({1, 4, 8});
  b.output(concat(b, {b.linear(x, 6), b.random({1, 1, 6}), b.linear(x, 6)}, 1));
  const Plan plan = checked_plan(b.graph);
  EXPECT_EQ(placed_inputs(plan), 2);

  GraphBuilder batched;  // the parts of two batch entries do not lie together
  x = batched.input({2, 4, 8});
  batched.output(concat(batched, {batched.linear(x, 6), batched.linear(x, 6)}, 1));
  EXPECT_EQ(placed_inputs(checked_plan(batched.graph)), 0);
}

TEST(Plan, OutputsKeepTheNamesOfInputs) {
  GraphBuilder b;
  Value* x = b.input({2, 3});
  b.output(b.unary(Function::Tanh, x));
  b.output(x);
  checked_plan(b.graph);
  EXPECT_NE(b.graph.outputs[1], x);
  EXPECT_EQ(b.graph.outputs[1]->name, x->name);
}

TEST(Plan, WhatCannotBePlacedIsCopied) {
  GraphBuilder b;
  Value* x = b.input({3, 4});
  Value* y = b.linear(x, 4);
  b.output(concat(b, {x, y, y, softmax(b, b.linear(x, 4), 0)}, 1));
  EXPECT_EQ(placed_inputs(checked_plan(b.graph)), 0);  // an input, what is read twice, and an operator of dense tensors
}

TEST(Plan, SlicesAreViews) {
  GraphBuilder b;
  Value* x = b.linear(b.input({5, 8}), 12);
  Value* left = slice(b, x, 1, 0, 8);
  Value* right = slice(b, x, 1, 8, 4);
  b.output(b.plus(b.linear(left, 3), b.linear(b.unary(Function::Tanh, right), 3)));
  const Plan plan = checked_plan(b.graph);
  EXPECT_TRUE(share(plan, left, x));
  EXPECT_TRUE(share(plan, right, x));
  EXPECT_EQ(plan.views.size(), 2u);
}

TEST(Plan, ASliceThatIsOverwrittenEarlyIsCopied) {
  GraphBuilder b;
  Value* x = b.linear(b.input({5, 8}), 8);
  Value* part = slice(b, x, 0, 1, 2);
  Value* y = b.unary(Function::Tanh, x);
  Value* z = b.unary(Function::Exp, y);
  b.output(b.linear(z, 4));
  b.output(b.linear(part, 4));
  checked_plan(b.graph);
}

TEST(Plan, OutputsAreTensorsOfTheirOwn) {
  GraphBuilder b;
  Value* x = b.input({2, 6});
  Value* y = b.linear(x, 6);
  for (Value* output :
       {x, b.reshape(x, {12}), y, y, b.reshape(y, {3, 4}), b.random({2}), slice(b, y, 1, 1, 2), concat(b, {y, x}, 1)})
    b.output(output);
  const Plan plan = checked_plan(b.graph);
  std::vector<std::pair<int64_t, int64_t>> ranges;
  std::vector<const Value*> ports(b.graph.inputs.begin(), b.graph.inputs.end());
  ports.insert(ports.end(), b.graph.outputs.begin(), b.graph.outputs.end());
  for (const Value* port : ports) {
    const plan::Place& place = plan.places.at(port);
    EXPECT_EQ(place.row_stride, port->shape().back());
    ranges.emplace_back(place.offset, place.offset + 4 * element_count(port->shape()));
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
}

TEST(Plan, TheOrderOfBranchesSavesMemory) {
  GraphBuilder b;  // all wide tensors first is four times as much as one branch after the other
  Value* x = b.input({1, 8});
  std::vector<Value*> wide, narrow;
  for (int i = 0; i < 4; ++i) wide.push_back(b.linear(x, 1024));
  for (Value* value : wide) narrow.push_back(b.linear(value, 8));
  b.output(b.plus(b.plus(narrow[0], narrow[1]), b.plus(narrow[2], narrow[3])));
  const Plan plan = checked_plan(b.graph);
  EXPECT_LT(plan.tensor_bytes, 2 * 1024 * 4);
}

TEST(Plan, RandomGraphsNeverOverwriteWhatIsNeeded) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::minstd_rand random(seed);
    GraphBuilder b;
    std::vector<Value*> values = {b.input({4, 8}), b.graph.add_input("second", {DType::f32, {4, 8}})};
    const auto any = [&] { return values[random() % values.size()]; };
    const auto like = [&](const Value* model) {
      std::vector<Value*> same;
      for (Value* value : values)
        if (value->shape() == model->shape()) same.push_back(value);
      return same[random() % same.size()];
    };
    for (int i = 0; i < 25; ++i) {
      Value* x = any();
      const Shape shape = x->shape();
      switch (random() % 8) {
        case 0:
          values.push_back(b.unary(Function::Tanh, x));
          break;
        case 1:
          values.push_back(b.plus(x, like(x)));
          break;
        case 2:
          values.push_back(b.linear(x, 4 * (1 + random() % 4)));
          break;
        case 3:
          values.push_back(concat(b, {x, like(x)}, random() % 2));
          break;
        case 4:
          if (shape[1] > 1) values.push_back(slice(b, x, 1, random() % 2, shape[1] / 2));
          break;
        case 5:
          if (shape[0] > 1) values.push_back(slice(b, x, 0, random() % 2, shape[0] / 2));
          break;
        case 6:
          values.push_back(b.reshape(x, {shape[1], shape[0]}));
          break;
        default:
          values.push_back(softmax(b, x, random() % 2));
          break;
      }
    }
    for (int i = 0; i < 3; ++i) b.output(any());
    passes::PassLog log;
    passes::simplify(b.graph, log);
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    checked_plan(b.graph);
  }
}

TEST(Offsets, NoOverlapAndNeverBelowTheBound) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::minstd_rand random(seed);
    std::vector<plan::Storage> storages(2 + random() % 40);
    for (plan::Storage& storage : storages) {
      storage.bytes = 4 * (1 + random() % 3000);
      storage.first = random() % 50;
      storage.last = storage.first + random() % 10;
    }
    storages[0].first = -1;
    storages[0].holds_input = true;
    storages[1].last = plan::kForever;
    storages[1].holds_output = true;
    const int64_t bytes = plan::assign_offsets(storages);
    EXPECT_GE(bytes, plan::lower_bound(storages));
    for (const plan::Storage& a : storages) {
      EXPECT_EQ(a.offset % (a.bytes >= 4096 ? 64 : 16), 0);
      EXPECT_LE(a.offset + a.bytes, bytes);
      for (const plan::Storage& b : storages) {
        if (&a == &b || !plan::conflict(a, b)) continue;
        EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset) << "seed " << seed;
      }
    }
  }
}

// First fit in a given order, comparing every block with every other one.
int64_t first_fit(std::vector<plan::Storage> storages, const std::vector<size_t>& order) {
  int64_t region = 0;
  std::vector<const plan::Storage*> placed;
  for (const size_t i : order) {
    plan::Storage& block = storages[i];
    const int64_t alignment = block.bytes >= 4096 ? 64 : 16;
    const auto fits = [&] {
      return std::all_of(placed.begin(), placed.end(), [&](const plan::Storage* other) {
        return !plan::conflict(block, *other) || block.offset + block.bytes <= other->offset ||
               other->offset + other->bytes <= block.offset;
      });
    };
    for (block.offset = 0; !fits();) {
      int64_t next = std::numeric_limits<int64_t>::max();  // behind one of the others
      for (const plan::Storage* other : placed) {
        const int64_t end = (other->offset + other->bytes + alignment - 1) / alignment * alignment;
        if (plan::conflict(block, *other) && end > block.offset) next = std::min(next, end);
      }
      block.offset = next;
    }
    region = std::max(region, (block.offset + block.bytes + 15) / 16 * 16);
    placed.push_back(&block);
  }
  return region;
}

// Lifetimes of all lengths, several inputs and outputs.
TEST(Offsets, NoWorseThanFirstFitOverAllPairs) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::minstd_rand random(seed);
    const int positions = 1 + static_cast<int>(random() % 300);
    std::vector<plan::Storage> storages(2 + random() % 150);
    const unsigned longest = 1 + random() % 40;
    for (plan::Storage& storage : storages) {
      storage.bytes = 4 * (1 + random() % 3000);
      storage.first = static_cast<int>(random() % positions);
      const unsigned length = random() % 8 == 0 ? random() % positions : random() % longest;
      storage.last = std::min(positions - 1, storage.first + static_cast<int>(length));
      const unsigned port = random() % 12;
      storage.holds_input = port == 0;
      storage.holds_output = port == 1;
      if (storage.holds_input) storage.first = -1;
      if (storage.holds_output) storage.last = plan::kForever;
    }
    const auto sorted = [&](const auto& key) {
      std::vector<size_t> order(storages.size());
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
      return order;
    };
    const auto size = [&](size_t i) { return -storages[i].bytes; };
    const auto start = [&](size_t i) { return std::pair<int64_t, int64_t>(storages[i].first, size(i)); };
    const auto length = [&](size_t i) { return std::pair(int64_t{storages[i].first} - storages[i].last, size(i)); };
    const int64_t best = std::min(
        {first_fit(storages, sorted(size)), first_fit(storages, sorted(start)), first_fit(storages, sorted(length))});
    const int64_t bytes = plan::assign_offsets(storages);
    EXPECT_LE(bytes, best);
    EXPECT_GE(bytes, plan::lower_bound(storages));
    for (const plan::Storage& a : storages) {
      for (const plan::Storage& b : storages) {
        if (&a == &b || !plan::conflict(a, b)) continue;
        ASSERT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset);
      }
    }
  }
}

Value* conv(GraphBuilder& b, Value* x, int64_t channels, int64_t kernel, int64_t stride, bool depthwise = false,
            Value* residual = nullptr) {
  ops::Conv op;
  op.strides = {stride, stride};
  op.dilations = {1, 1};
  op.pads_begin = op.pads_end = {kernel / 2, kernel / 2};
  op.channels_last = true;
  op.groups = depthwise ? channels : 1;
  const int64_t inputs = depthwise ? 1 : x->shape()[3];
  std::vector<Value*> arguments = {x, b.random({channels, inputs, kernel, kernel})};
  if (residual != nullptr) arguments.insert(arguments.end(), {nullptr, residual});
  return b.add(op, arguments, "conv");
}

// An inverted residual of MobileNetV2.
Value* inverted_residual(GraphBuilder& b, Value* x, int64_t channels, int64_t stride) {
  const int64_t wide = x->shape()[3] * 6;
  Value* y = conv(b, conv(b, x, wide, 1, 1), wide, 3, stride, true);
  return conv(b, y, channels, 1, 1, false, stride == 1 && channels == x->shape()[3] ? x : nullptr);
}

TEST(Cascades, OfLargeImagesForSpeedOfAllWhereThatSavesMemory) {
  GraphBuilder b;
  Value* large = b.input({1, 112, 112, 16});
  Value* middle = inverted_residual(b, inverted_residual(b, large, 16, 1), 24, 2);
  Value* small = inverted_residual(b, inverted_residual(b, middle, 24, 2), 24, 1);
  b.output(small);
  const Plan off = checked_plan(b.graph, plan::CascadeMode::off), speed = checked_plan(b.graph),
             memory = checked_plan(b.graph, plan::CascadeMode::memory);
  EXPECT_TRUE(off.cascades.list.empty());
  // What lies between expansion and projection at 112x112 and 56x56 is whole nowhere.
  for (const Node* node : speed.order)
    EXPECT_EQ(speed.cascades.rolling.count(&node->out()) == 1, element_count(node->out().shape()) > 56 * 56 * 64)
        << node->out().name;
  EXPECT_LT(speed.tensor_bytes * 2, off.tensor_bytes);
  EXPECT_LE(memory.tensor_bytes, speed.tensor_bytes);
}

TEST(Cascades, ValuesReadElsewhereAreWhole) {
  GraphBuilder b;
  Value* x = conv(b, b.input({1, 128, 128, 8}), 32, 1, 1);
  Value* y = conv(b, x, 32, 3, 1, true);
  b.output(conv(b, y, 8, 1, 1));
  b.output(softmax(b, x, 3));
  const Plan plan = checked_plan(b.graph);
  EXPECT_FALSE(plan.cascades.list.empty());
  EXPECT_EQ(plan.cascades.rolling.count(x), 0u);
  EXPECT_EQ(plan.cascades.rolling.count(y), 1u);
}

TEST(Cascades, NoneOfBatches) {
  GraphBuilder b;
  b.output(inverted_residual(b, b.input({2, 112, 112, 16}), 16, 1));
  for (const plan::CascadeMode mode : {plan::CascadeMode::speed, plan::CascadeMode::memory})
    EXPECT_TRUE(checked_plan(b.graph, mode).cascades.list.empty());
}

}  // namespace
}  // namespace linnet::test
