// Small graphs through all passes, the planner and the engine, against the reference evaluator.
#include <cmath>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/cast.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/slice.hpp"
#include "converter/ops/softmax.hpp"
#include "tests/passes/engine.hpp"

namespace linnet::test {
namespace {

Value* global_average(GraphBuilder& b, Value* x) {
  ops::Reduce op;
  op.axes = {2, 3};
  return b.add(op, {x}, "global_average");
}

Value* concat(GraphBuilder& b, std::vector<Value*> inputs, int64_t axis) {
  ops::Concat op;
  op.axis = axis;
  return b.add(op, std::move(inputs), "concat");
}

TEST(EndToEnd, ResidualNetwork) {
  GraphBuilder b;
  Value* x = b.unary(Function::Relu, b.conv(b.input({2, 3, 17, 15}), 8, 3, 1, 2));
  x = b.unary(Function::Relu, b.plus(b.conv(b.unary(Function::Relu, b.conv(x, 8, 3, 1)), 8, 3, 1), x));
  x = b.unary(Function::Relu, b.plus(b.conv(b.conv(x, 24, 3, 1, 2), 24, 1), b.conv(x, 24, 1, 0, 2)));
  b.output(b.linear(b.reshape(global_average(b, x), {2, 24}), 10));
  expect_same(b.graph);
}

TEST(EndToEnd, InvertedResidualWithSqueezeExcite) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 3, 12, 12}), 8, 3, 1, 2);
  Value* y = b.unary(Function::HardSwish, b.conv(x, 24, 1));
  y = b.conv(y, 24, 3, 1, 1, 24);
  Value* s = b.conv(b.unary(Function::Relu, b.conv(global_average(b, y), 6, 1)), 24, 1);
  y = b.times(y, b.unary(Function::HardSigmoid, s, 1.0f / 6, 0.5f));
  b.output(b.plus(b.conv(y, 8, 1), x));
  expect_same(b.graph);
}

TEST(EndToEnd, ConcatAndChannelShuffle) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 3, 9, 7}), 12, 3, 1);
  for (int unit = 0; unit < 2; ++unit) {
    Value* parts[2];
    for (int64_t i = 0; i < 2; ++i) {
      ops::Slice op;
      op.shape = {1, 6, 9, 7};
      op.starts = {0, 6 * i, 0, 0};
      op.steps = {1, 1, 1, 1};
      parts[i] = b.add(op, {x}, "half");
    }
    x = concat(b, {parts[0], b.conv(parts[1], 6, 3, 1, 1, 6)}, 1);
    x = b.reshape(b.transpose(b.reshape(x, {1, 2, 6, 9, 7}), {0, 2, 1, 3, 4}), {1, 12, 9, 7});
  }
  b.output(b.unary(Function::Relu, b.conv(x, 20, 1)));
  expect_same(b.graph);
}

TEST(EndToEnd, Attention) {
  GraphBuilder b;
  const int64_t tokens = 7, heads = 3, width = 4, channels = heads * width;
  Value* x = b.input({2, tokens, channels});
  Value* qkv = b.transpose(b.reshape(b.linear(x, 3 * channels), {2, tokens, 3, heads, width}), {2, 0, 3, 1, 4});
  Value* part[3];
  for (int64_t i = 0; i < 3; ++i) {
    ops::Gather gather;
    gather.indices = {i};
    part[i] = b.add(gather, {qkv});
  }
  ops::Softmax softmax;
  softmax.axis = 3;
  Value* scores = b.add(ops::MatMul(), {b.times(part[0], b.scalar(0.5)), b.transpose(part[1], {0, 1, 3, 2})});
  Value* y = b.transpose(b.add(ops::MatMul(), {b.add(softmax, {scores}), part[2]}), {0, 2, 1, 3});
  x = b.plus(x, b.linear(b.reshape(y, {2, tokens, channels}), channels));
  b.output(b.plus(x, b.linear(b.unary(Function::Gelu, b.linear(x, 20)), channels)));
  expect_same(b.graph);
}

TEST(EndToEnd, FlattenAndBatchNorms) {
  GraphBuilder b;
  const auto norm = [&](Value* x) {
    const int64_t c = x->shape()[1];
    return b.add(ops::BatchNorm(), {x, b.random({c}), b.random({c}), b.random({c}), b.random({c}, 1, 2)}, "bn");
  };
  Value* x = b.conv(b.unary(Function::Relu, norm(b.input({2, 3, 8, 8}))), 5, 3, 1);
  ops::Pool pool;
  pool.kernel = pool.strides = {2, 2};
  pool.dilations = {1, 1};
  pool.pads_begin = pool.pads_end = {0, 0};
  x = b.add(pool, {b.unary(Function::Relu, norm(x))}, "pool");
  b.output(b.linear(b.unary(Function::Tanh, norm(b.linear(b.reshape(x, {2, 80}), 9))), 4));
  expect_same(b.graph);
}

// Convolutions over an image, two directions over its columns, a linear layer per column and one on the last state.
TEST(EndToEnd, RecurrentLayersOverColumns) {
  for (const kernels::RecurrentKind kind :
       {kernels::RecurrentKind::Rnn, kernels::RecurrentKind::Lstm, kernels::RecurrentKind::Gru}) {
    GraphBuilder b;
    Value* features = b.conv(b.input({2, 3, 4, 9}), 6, 4);  // [2, 6, 1, 6]
    Value* columns = b.transpose(b.reshape(features, {2, 6, 6}), {2, 0, 1});
    ops::Recurrent forward, backward;
    forward.kind = backward.kind = kind;
    forward.last = backward.reverse = true;
    Value* y = b.recurrent(forward, columns, 19);
    Value* state = y->producer->outputs[1];
    b.output(b.transpose(b.linear(concat(b, {y, b.recurrent(backward, columns, 5)}, 2), 8), {1, 0, 2}));
    b.output(b.linear(state, 3));
    expect_same(b.graph);
  }
}

// Weights as integers: of rows with a scale each, and of a whole matrix.
Value* int8_rows(GraphBuilder& b, const Shape& shape, bool per_row) {
  Quantization quantization;
  const int64_t scales = per_row ? shape[0] : 1;
  for (int64_t row = 0; row < scales; ++row) {
    quantization.scales.push_back(0.002f + 0.0001f * static_cast<float>(row % 40));
    quantization.zero_points.push_back(0);
  }
  const Array drawn = b.random(shape, -128.0, 127.0)->constant->cast(DType::i8);
  return b.graph.add_constant("w", drawn.with_quantization(quantization));
}

TEST(EndToEnd, RecurrentLayersWithInt8Weights) {
  using ops::Recurrent;
  for (const ops::RecurrentKind kind : {ops::RecurrentKind::Rnn, ops::RecurrentKind::Lstm, ops::RecurrentKind::Gru}) {
    for (const bool variant : {false, true}) {
      const bool is_lstm = kind == ops::RecurrentKind::Lstm;
      GraphBuilder b;
      Recurrent op;
      op.kind = kind;
      op.reverse = op.x_batch_first = op.y_batch_first = op.last = variant;
      op.linear_before_reset = variant && kind == ops::RecurrentKind::Gru;
      op.input_forget = variant && is_lstm;
      op.gate = {kind == ops::RecurrentKind::Rnn ? Function::Tanh : Function::Sigmoid};
      op.cell = op.output = {Function::Tanh};
      if (variant) op.clip = 1.5;
      const int64_t hidden = variant ? 19 : 70, rows = kernels::gate_count(kind, false) * hidden;
      Value* x = b.input({5, 3, 7});
      Value* state = variant ? b.graph.add_input("h", {DType::f32, {5, hidden}}) : nullptr;
      Value* y = b.add(op, {x, int8_rows(b, {rows, 7}, variant), int8_rows(b, {rows, hidden}, !variant),
                            variant ? nullptr : b.random({2 * rows}), state});
      b.output(y);
      for (size_t i = 1; i < y->producer->outputs.size(); ++i) b.output(y->producer->outputs[i]);
      expect_same(b.graph);
      ConvertOptions options;
      const Conversion conversion = convert(b.graph.clone(), options);
      const int64_t weights = kernels::gate_count(kind, op.input_forget) * hidden * (7 + hidden);
      EXPECT_LT(conversion.report.weight_bytes, weights * 3);  // of four of float32
    }
  }
}

TEST(EndToEnd, OutputsOfEveryKind) {
  GraphBuilder b;
  Value* x = b.input({1, 4, 6, 6});
  Value* y = b.conv(x, 6, 1);
  ops::ArgMax arg_max;
  arg_max.axis = 1;
  for (Value* output : {x, y, b.reshape(y, {6, 36}), b.add(arg_max, {y}), b.random({3}), concat(b, {x, y}, 1),
                        b.transpose(y, {0, 3, 1, 2})})
    b.output(output);
  expect_same(b.graph);
}

// What reads several parts of one tensor, at the place of `x`: computed, an input, an output, and views of others.
std::vector<std::pair<std::string, Value*>> operands(GraphBuilder& b, Value* x) {
  const Shape shape = x->shape();
  Shape wide = shape;
  wide[1] += 3;
  ops::Slice slice;
  slice.shape = shape;
  slice.starts = {0, 2, 0, 0};
  slice.steps = {1, 1, 1, 1};
  Value* output = b.unary(Function::Tanh, x);
  b.output(output);
  Value* relu = b.unary(Function::Relu, x);
  Value* conv = b.conv(x, wide[1], 3, 1);
  return {{"input", x},
          {"computed", relu},
          {"output", output},
          {"slice", b.add(slice, {conv}, "slice")},
          {"slice of a concatenation", b.add(slice, {concat(b, {b.conv(x, 3, 1), conv}, 1)}, "slice")},
          {"view", b.reshape(b.reshape(conv, {wide[1] * shape[2], shape[3]}), wide)},
          {"transposed", b.transpose(b.unary(Function::Exp, b.transpose(x, {0, 2, 3, 1})), {0, 3, 1, 2})}};
}

TEST(EndToEnd, ConcatReadsOneTensorSeveralTimes) {
  const Shape shape = {1, 4, 5, 6};
  GraphBuilder names;
  const size_t kinds = operands(names, names.input(shape)).size();
  for (size_t kind = 0; kind < kinds; ++kind) {
    for (const int64_t axis : {1, 2, 3}) {
      for (const int form : {0, 1, 2, 3}) {
        GraphBuilder b;
        const auto [name, x] = operands(b, b.input(shape))[kind];
        SCOPED_TRACE(testing::Message() << name << " axis " << axis << " form " << form);
        Value* y = nullptr;
        if (form == 0) y = concat(b, {x, x}, axis);
        if (form == 1) y = concat(b, {x, b.unary(Function::Neg, x), x, x}, axis);
        if (form == 2) y = concat(b, {concat(b, {x, b.unary(Function::Neg, x)}, axis), x}, axis);
        if (form == 3) y = concat(b, {b.unary(Function::Abs, x), b.unary(Function::Abs, x)}, axis);  // equal branches
        b.output(form == 1 ? b.conv(y, 3, 1) : y);
        expect_same(b.graph);
      }
    }
  }
}

TEST(EndToEnd, RepeatingPadsOfPartsOfTensors) {
  const Shape shape = {1, 4, 5, 6};
  GraphBuilder names;
  const size_t kinds = operands(names, names.input(shape)).size();
  for (size_t kind = 0; kind < kinds; ++kind) {
    for (const ops::PadMode mode : {ops::PadMode::Reflect, ops::PadMode::Edge, ops::PadMode::Wrap}) {
      for (const size_t axis : {1, 2, 3}) {
        GraphBuilder b;
        const auto [name, x] = operands(b, b.input(shape))[kind];
        SCOPED_TRACE(testing::Message() << name << " mode " << static_cast<int>(mode) << " axis " << axis);
        ops::Pad pad;
        pad.mode = mode;
        pad.pads_begin = pad.pads_end = {0, 0, 0, 0};
        pad.pads_begin[axis] = 2;
        pad.pads_end[axis] = 1;
        Value* padded = b.add(pad, {x}, "pad");
        b.output(b.conv(padded, 4, 3));
        b.output(concat(b, {x, padded}, static_cast<int64_t>(axis)));
        expect_same(b.graph);
      }
    }
  }
}

TEST(EndToEnd, OneDimensionalImages) {
  GraphBuilder b;
  ops::Conv conv;
  conv.strides = conv.dilations = {1};
  conv.pads_begin = conv.pads_end = {1};
  ops::Pool pool;
  pool.kernel = {4};
  pool.strides = pool.dilations = {1};
  pool.pads_begin = {2};
  pool.pads_end = {0};
  Value* x = b.input({1, 5, 12});
  b.output(b.add(conv, {x, b.random({4, 5, 3}), b.random({4})}, "conv"));
  b.output(b.add(pool, {x}, "pool"));
  expect_same(b.graph);
}

TEST(EndToEnd, StepsAlongAxesOfOneElementOfASlice) {
  for (const int64_t axis : {0, 2}) {
    SCOPED_TRACE(testing::Message() << "axis " << axis);
    GraphBuilder b;
    ops::Slice slice;
    slice.shape = {1, 32, 1};
    slice.starts = {0, 0, 4};
    slice.steps = {1, 1, 1};
    Value* x = b.add(slice, {b.unary(Function::Tanh, b.input({1, 32, 9}))}, "slice");
    ops::Gather gather;
    gather.axis = axis;
    gather.indices = {0, 0, 0};
    gather.indices_shape = {3};
    ops::Pad pad;
    pad.mode = ops::PadMode::Edge;
    pad.pads_begin = pad.pads_end = {0, 0, 0};
    pad.pads_begin[static_cast<size_t>(axis)] = 2;
    ops::Softmax softmax;
    softmax.axis = axis;
    ops::ArgMax arg_max;
    arg_max.axis = axis;
    ops::Reduce reduce;
    reduce.axes = {axis};
    for (Value* y : {b.add(gather, {x}), b.add(pad, {x}), b.add(softmax, {x}), b.add(arg_max, {x}), b.add(reduce, {x})})
      b.output(y);
    expect_same(b.graph);
  }
}

TEST(EndToEnd, EqualWeightsAreStoredOnce) {
  GraphBuilder b;
  Value* weights = b.random({64, 64});
  Value* x = b.input({1, 64});
  for (int i = 0; i < 3; ++i) x = b.add(ops::Linear(), {x, weights}, "linear");
  b.output(x);
  const Conversion conversion = convert(b.graph.clone(), {});
  EXPECT_LT(conversion.report.weight_bytes, 2 * 64 * 65 * 4);
  EXPECT_EQ(conversion.report.steps.size(), 3u);
  EXPECT_EQ(conversion.report.macs, 3 * 64 * 64);
}

TEST(EndToEnd, StrippedModelsHaveNoNames) {
  GraphBuilder b;
  b.output(b.linear(b.input({1, 4}), 4));
  b.graph.name = "secret graph";
  ConvertOptions options;
  options.strip_names = true;
  const Conversion conversion = convert(b.graph.clone(), options);
  const std::string bytes(conversion.model.begin(), conversion.model.end());
  EXPECT_EQ(bytes.find("linear"), std::string::npos);
  EXPECT_EQ(bytes.find("secret"), std::string::npos);
}

// Weights that several nodes share, in steps of every kind that has weights, are there until the last one.
TEST(EndToEnd, GraphsThatAreNotKeptGiveTheSameModel) {
  GraphBuilder b;
  Value* weights = b.random({64, 64});
  Value* offset = b.random({1, 64});
  Value* x = b.input({1, 64});
  for (int i = 0; i < 3; ++i) {
    x = b.add(ops::Linear(), {x, weights}, "linear");
    x = b.unary(Function::Tanh, b.plus(b.unary(Function::Tanh, x), offset));
  }
  b.output(x);
  b.output(b.conv(b.conv(b.input({1, 3, 8, 8}), 4, 3), 4, 3));
  const Conversion kept = convert(b.graph.clone(), {});
  ConvertOptions options;
  options.keep_graphs = false;
  const Conversion released = convert(b.graph.clone(), options);
  EXPECT_EQ(released.graph, nullptr);
  EXPECT_EQ(released.source, nullptr);
  EXPECT_NE(kept.graph, nullptr);
  EXPECT_EQ(released.model, kept.model);
}

TEST(EndToEnd, EveryProblemIsListed) {
  GraphBuilder b;
  Value* x = b.input({2, 3});
  ops::Compare compare;
  Value* equal = b.add(compare, {x, b.random({2, 3})}, "first_problem");
  b.output(b.add(ops::Where(), {equal, x, b.random({2, 3})}, "second_problem"));
  try {
    convert(b.graph.clone(), {});
    FAIL() << "converted";
  } catch (const Problems& problems) {
    ASSERT_EQ(problems.list().size(), 2u);
    EXPECT_NE(problems.list()[0].find("first_problem"), std::string::npos);
    EXPECT_NE(problems.list()[1].find("second_problem"), std::string::npos);
  }
}

TEST(EndToEnd, DumpAndStop) {
  GraphBuilder b;
  b.output(b.unary(Function::Relu, b.linear(b.input({1, 4}), 4)));
  ConvertOptions options;
  options.dump_after = options.stop_after = "fold_constants";
  std::string text;
  std::vector<double> fractions;
  options.dump = [&](std::string_view dumped) { text = dumped; };
  options.progress = [&](std::string_view, double fraction) { fractions.push_back(fraction); };
  EXPECT_TRUE(convert(b.graph.clone(), options).model.empty());
  EXPECT_NE(text.find("Linear"), std::string::npos);
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_EQ(fractions.back(), 1.0);
  options.dump_after = "no_such_pass";
  EXPECT_THROW(convert(b.graph.clone(), options), Error);
}

}  // namespace
}  // namespace linnet::test
