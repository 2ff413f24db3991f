// Recurrent layers: which outputs they keep, in which order they read and write sequences, and the steps that PyTorch's
// exports become.
#include "converter/ops/concat.hpp"
#include "converter/ops/slice.hpp"
#include "converter/pipeline.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using ops::Recurrent;
using ops::RecurrentKind;

constexpr int64_t kHidden = 5;

Value* layer(GraphBuilder& b, const Recurrent& op, Value* x) {
  return b.recurrent(op, x, kHidden);
}

Recurrent of(RecurrentKind kind, bool reverse = false) {
  Recurrent op;
  op.kind = kind;
  op.reverse = reverse;
  return op;
}

const Recurrent& only_layer(const Graph& graph) {
  const Recurrent* found = nullptr;
  for (const auto& node : graph.nodes()) {
    if (node->as<Recurrent>() != nullptr) found = node->as<Recurrent>();
  }
  EXPECT_EQ(count<Recurrent>(graph), 1);
  return *found;
}

// x[..., begin : begin + size, ...] along `axis`.
Value* slice(GraphBuilder& b, Value* x, size_t axis, int64_t begin, int64_t size) {
  ops::Slice op;
  op.shape = x->shape();
  op.starts.assign(op.shape.size(), 0);
  op.steps.assign(op.shape.size(), 1);
  op.starts[axis] = begin;
  op.shape[axis] = size;
  return b.add(op, {x}, "slice");
}

class EveryKind : public testing::TestWithParam<RecurrentKind> {};
INSTANTIATE_TEST_SUITE_P(Recurrent, EveryKind,
                         testing::Values(RecurrentKind::Rnn, RecurrentKind::Lstm, RecurrentKind::Gru));

TEST_P(EveryKind, ReadsAndWritesBatchFirst) {
  GraphBuilder b;
  Value* x = b.transpose(b.input({3, 7, 4}), {1, 0, 2});
  b.output(b.transpose(layer(b, of(GetParam()), x), {1, 0, 2}));
  run(b.graph, passes::fit_recurrent);
  EXPECT_EQ(node_count(b.graph), 1) << dump(b.graph);
  EXPECT_TRUE(only_layer(b.graph).x_batch_first && only_layer(b.graph).y_batch_first);
}

TEST_P(EveryKind, OneReaderInAnotherOrderKeepsTheTranspose) {
  GraphBuilder b;
  Value* y = layer(b, of(GetParam()), b.input({7, 3, 4}));
  b.output(b.transpose(y, {1, 0, 2}));
  b.output(b.unary(Function::Relu, y));
  run(b.graph, passes::fit_recurrent);
  EXPECT_EQ(count<ops::Transpose>(b.graph), 1);
  EXPECT_FALSE(only_layer(b.graph).y_batch_first);
}

TEST_P(EveryKind, KeepsTheLastStateAlone) {
  for (const bool reverse : {false, true}) {
    for (const bool batch_first : {false, true}) {
      for (const int64_t batch : {1, 3}) {
        GraphBuilder b;
        Value* y = layer(b, of(GetParam(), reverse), b.input({7, batch, 4}));
        if (batch_first) y = b.transpose(y, {1, 0, 2});
        Value* last = slice(b, y, batch_first ? 1 : 0, reverse ? 0 : 6, 1);
        b.output(b.linear(b.reshape(last, {batch, kHidden}), 2));
        run(b.graph, passes::simplify);
        run(b.graph, passes::fit_recurrent);
        EXPECT_FALSE(only_layer(b.graph).sequence) << dump(b.graph);
        EXPECT_EQ(count<ops::Slice>(b.graph) + count<ops::Transpose>(b.graph), 0);
      }
    }
  }
}

TEST_P(EveryKind, KeepsTheLastStateOfASqueezedSequence) {
  GraphBuilder b;
  Value* rows = b.reshape(layer(b, of(GetParam()), b.input({7, 1, 4})), {7, kHidden});
  b.output(b.unary(Function::Relu, slice(b, rows, 0, 6, 1)));
  b.output(b.unary(Function::Abs, slice(b, rows, 0, 6, 1)));
  run(b.graph, passes::fit_recurrent);
  EXPECT_FALSE(only_layer(b.graph).sequence) << dump(b.graph);
  EXPECT_TRUE(only_layer(b.graph).last);
}

TEST_P(EveryKind, KeepsASequenceOfWhichMoreIsRead) {
  const auto keeps = [&](size_t axis, int64_t begin, int64_t size, bool reverse) {
    GraphBuilder b;
    Value* y = layer(b, of(GetParam(), reverse), b.input({7, 2, 4}));
    b.output(b.unary(Function::Relu, slice(b, y, axis, begin, size)));
    run(b.graph, passes::fit_recurrent);
    return only_layer(b.graph).sequence;
  };
  EXPECT_FALSE(keeps(0, 6, 1, false));
  EXPECT_TRUE(keeps(0, 5, 1, false));
  EXPECT_TRUE(keeps(0, 6, 1, true));
  EXPECT_TRUE(keeps(0, 5, 2, false));
  EXPECT_TRUE(keeps(1, 1, 1, false));
  EXPECT_TRUE(keeps(2, 0, 1, false));
}

TEST_P(EveryKind, DropsAStateThatNothingReads) {
  GraphBuilder b;
  Recurrent op = of(GetParam());
  op.last = true;
  b.output(layer(b, op, b.input({7, 2, 4})));
  run(b.graph, passes::fit_recurrent);
  EXPECT_TRUE(only_layer(b.graph).sequence);
  EXPECT_FALSE(only_layer(b.graph).last);
}

TEST(Recurrent, KeepsTheLastStateWhereOnlyTheCellStateIsRead) {
  GraphBuilder b;
  b.output(layer(b, of(RecurrentKind::Lstm), b.input({7, 2, 4}))->producer->outputs[1]);
  run(b.graph, passes::fit_recurrent);
  EXPECT_FALSE(only_layer(b.graph).sequence);
  EXPECT_TRUE(only_layer(b.graph).last);
}

// ---- time steps that nothing reads

TEST_P(EveryKind, ComputesNoMoreThanIsRead) {
  for (const bool reverse : {false, true}) {
    GraphBuilder b;
    Value* y = layer(b, of(GetParam(), reverse), b.input({9, 2, 4}));
    b.output(b.unary(Function::Relu, slice(b, y, 0, 3, 1)));
    b.output(b.unary(Function::Relu, slice(b, y, 0, 5, 2)));
    run(b.graph, passes::trim_recurrent);
    for (const auto& node : b.graph.nodes()) {
      if (node->as<Recurrent>() != nullptr) EXPECT_EQ(node->out().shape()[0], reverse ? 6 : 7) << dump(b.graph);
    }
  }
}

TEST_P(EveryKind, ComputesAllThatItsStateDependsOn) {
  GraphBuilder b;
  Recurrent op = of(GetParam());
  op.last = true;
  Value* y = layer(b, op, b.input({9, 2, 4}));
  b.output(b.unary(Function::Relu, slice(b, y, 0, 3, 1)));
  b.output(y->producer->outputs[1]);
  run(b.graph, passes::trim_recurrent);
  EXPECT_EQ(node_count(b.graph), 3) << dump(b.graph);
}

TEST_P(EveryKind, DirectionsAreReadOneByOne) {
  for (const bool batch_first : {false, true}) {
    for (const int64_t batch : {1, 3}) {
      GraphBuilder b;
      Value* x = b.input({9, batch, 4});
      ops::Concat concat;
      concat.axis = 2;
      Value* y = b.add(concat, {layer(b, of(GetParam()), x), layer(b, of(GetParam(), true), x)});
      if (batch_first) y = b.transpose(y, {1, 0, 2});
      b.output(b.reshape(slice(b, y, batch_first ? 1 : 0, 8, 1), {batch, 2 * kHidden}));
      run(b.graph, passes::simplify);
      run(b.graph, passes::trim_recurrent);
      run(b.graph, passes::fit_recurrent);
      std::vector<int64_t> steps;
      for (const auto& node : b.graph.nodes()) {
        if (node->as<Recurrent>() == nullptr) continue;
        EXPECT_EQ(element_count(node->out().shape()), batch * kHidden) << dump(b.graph);
        steps.push_back(node->in(0).shape()[0]);
      }
      EXPECT_EQ(steps, (std::vector<int64_t>{9, 1})) << dump(b.graph);
    }
  }
}

TEST_P(EveryKind, JoinedDirectionsThatAreReadWholeStayTogether) {
  GraphBuilder b;
  Value* x = b.input({9, 2, 4});
  ops::Concat concat;
  concat.axis = 2;
  Value* y = b.add(concat, {layer(b, of(GetParam()), x), layer(b, of(GetParam(), true), x)});
  b.output(b.unary(Function::Relu, slice(b, y, 0, 8, 1)));
  b.output(b.unary(Function::Abs, y));
  run(b.graph, passes::trim_recurrent);
  EXPECT_EQ(node_count(b.graph), 6) << dump(b.graph);
}

// ---- steps of whole models -----------------------------------------------------------------------------------------

std::vector<std::string> steps_of(const Conversion& conversion) {
  std::vector<std::string> steps;
  for (const report::StepSummary& step : conversion.report.steps) steps.push_back(step.op);
  return steps;
}

// The columns of an image are the time steps, as in networks that read text.
TEST(Recurrent, ReadsTheColumnsOfAnImageInPlace) {
  GraphBuilder b;
  Value* features = b.conv(b.input({2, 3, 4, 9}), 6, 4);  // [2, 6, 1, 6]
  Value* columns = b.transpose(b.reshape(features, {2, 6, 6}), {2, 0, 1});
  Value* forward = layer(b, of(RecurrentKind::Gru), columns);
  Value* backward = layer(b, of(RecurrentKind::Gru, true), columns);
  ops::Concat concat;
  concat.axis = 2;
  b.output(b.transpose(b.linear(b.add(concat, {forward, backward}), 8), {1, 0, 2}));
  ConvertOptions options;
  options.check_passes = true;
  for (const bool keep_layout : {false, true}) {
    options.keep_layout = keep_layout;
    std::vector<std::string> steps = steps_of(convert(b.graph.clone(), options));
    if (keep_layout) steps.erase(steps.begin());  // the image itself is copied to channels last
    EXPECT_EQ(steps, (std::vector<std::string>{"Conv2D", "Recurrent", "Recurrent", "FullyConnected"}));
  }
}

struct Exported {
  const char* name;
  std::vector<std::string> steps;
};
const std::string kStep = "Recurrent";
const Exported kExported[] = {
    {"forward", {kStep}},
    {"no_bias", {kStep}},
    {"all_outputs", {kStep}},
    {"states", {kStep}},
    {"bidirectional", {kStep, kStep}},
    {"bidirectional_single", {kStep, kStep}},
    {"deep_bidirectional", {kStep, kStep, kStep, kStep}},
    {"deep_batch_first", {kStep, kStep}},
    {"deep_bidirectional_batch_first", {kStep, kStep, kStep, kStep}},
    {"batch_first_single", {kStep}},
    {"given_state", {kStep, kStep}},
    {"given_state_bidirectional_single", {kStep, kStep}},
    {"head_of_last", {kStep, kStep, "FullyConnected"}},
    {"bidirectional_last", {kStep, kStep, "FullyConnected"}},
    {"bidirectional_last_single", {kStep, kStep, "FullyConnected"}},
    {"bidirectional_ends", {kStep, kStep, "FullyConnected"}},
    {"head_of_state", {kStep, kStep, "FullyConnected"}},
};

TEST(Recurrent, PyTorchsLayersAreOneStepPerDirection) {
  for (const char* kind : {"rnn", "gru", "lstm"}) {
    for (const Exported& row : kExported) {
      for (const char* opset : {"11", "14", "17"}) {
        for (const bool keep_layout : {false, true}) {
          ConvertOptions options;
          options.keep_layout = keep_layout;
          const std::string name = std::string("recurrent_torch_") + kind + "_" + row.name + "_opset" + opset;
          const Conversion conversion = convert(LINNET_GOLDENS "/" + name + ".onnx", options);
          EXPECT_EQ(steps_of(conversion), row.steps) << name << ", layout kept: " << keep_layout;
        }
      }
    }
  }
}

TEST(Recurrent, MultiplyAccumulatesAreThoseOfEveryTimeStep) {
  GraphBuilder b;
  b.output(layer(b, of(RecurrentKind::Lstm), b.input({7, 2, 4})));
  EXPECT_EQ(convert(b.graph.clone(), {}).report.macs, 7 * 2 * 4 * kHidden * (4 + kHidden));
}

}  // namespace
}  // namespace linnet::test
