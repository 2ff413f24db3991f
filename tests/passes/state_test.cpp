// States through all passes, the planner and the engine: run after run against the reference evaluator.
#include <cstring>

#include "converter/import/onnx.hpp"
#include "converter/import/states.hpp"
#include "converter/ir/states.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/pipeline.hpp"
#include "converter/plan/plan.hpp"
#include "engine/linnet.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

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

Array random_array(const TensorType& type, uint32_t seed) {
  std::minstd_rand random(seed);
  std::vector<double> values(static_cast<size_t>(element_count(type.shape)));
  for (double& value : values) value = static_cast<float>(2.0 * random() / std::minstd_rand::max() - 1);
  const Array array = Array::of_doubles(type.shape, std::move(values));
  if (is_floating(type.dtype)) return array;
  std::vector<int64_t> integers;
  for (size_t i = 0; i < array.size(); ++i) integers.push_back(static_cast<int64_t>(array.number(i) * 100));
  return Array::of_integers(type.shape, std::move(integers), type.dtype);
}

// The state `input` becomes `next`; at first it is random.
void state(GraphBuilder& b, Value* input, Value* next) {
  const auto position = std::find(b.graph.inputs.begin(), b.graph.inputs.end(), input) - b.graph.inputs.begin();
  b.output(next);
  b.graph.states.push_back({static_cast<size_t>(position), b.graph.outputs.size() - 1, random_array(input->type, 99)});
}

Permutation order_of(const linnet_tensor_view& view) {
  return Permutation(view.source_dimension, view.source_dimension + view.dimensions);
}

void store(const linnet_tensor_view& view, const Array& array) {
  const Array ordered = passes::transposed(array, order_of(view));
  ASSERT_EQ(view.bytes, ordered.size() * 4);
  if (view.type == LINNET_FLOAT32) return void(std::memcpy(view.data, ordered.floats().data(), view.bytes));
  for (size_t i = 0; i < ordered.size(); ++i)
    static_cast<int32_t*>(view.data)[i] = static_cast<int32_t>(ordered.integer(i));
}

std::vector<double> load(const linnet_tensor_view& view) {
  std::vector<double> values;
  for (size_t i = 0; i < view.bytes / 4; ++i)
    values.push_back(view.type == LINNET_FLOAT32 ? static_cast<const float*>(view.data)[i]
                                                 : static_cast<const int32_t*>(view.data)[i]);
  const Array array = Array::of_doubles(Shape(view.shape, view.shape + view.dimensions), std::move(values));
  return passes::transposed(array, passes::inverse(order_of(view))).doubles();
}

constexpr int kRuns = 4;

// The outputs of kRuns runs, one after the other.
std::vector<std::vector<double>> on_engine(Session& session, const Graph& source) {
  std::vector<std::vector<double>> results;
  const std::vector<Value*> inputs = program_inputs(source);
  for (uint32_t run = 0; run < kRuns; ++run) {
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(session.input_view(static_cast<int>(i), &view), LINNET_OK);
      store(view, random_array(inputs[i]->type, 10 * run + static_cast<uint32_t>(i)));
    }
    EXPECT_EQ(session.run(), LINNET_OK);
    for (int i = 0; i < session.info().outputs; ++i) {
      EXPECT_EQ(session.output_view(i, &view), LINNET_OK);
      results.push_back(load(view));
    }
  }
  return results;
}

std::vector<std::vector<double>> by_reference(const Graph& source) {
  Runs runs(source);
  std::vector<std::vector<double>> results;
  const std::vector<Value*> inputs = program_inputs(source);
  for (uint32_t run = 0; run < kRuns; ++run) {
    std::vector<Array> arrays;
    for (size_t i = 0; i < inputs.size(); ++i)
      arrays.push_back(random_array(inputs[i]->type, 10 * run + static_cast<uint32_t>(i)));
    for (const Array& output : runs.run(arrays)) results.push_back(output.doubles());
  }
  return results;
}

void expect_close(const std::vector<std::vector<double>>& got, const std::vector<std::vector<double>>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t o = 0; o < got.size(); ++o) {
    ASSERT_EQ(got[o].size(), want[o].size());
    double largest = 1e-6, error = 0;
    for (size_t i = 0; i < got[o].size(); ++i) {
      largest = std::max(largest, std::abs(want[o][i]));
      error = std::max(error, std::abs(got[o][i] - want[o][i]));
    }
    EXPECT_LE(error, 1e-5 * largest) << "result " << o;
  }
}

// In every mode, twice, with a reset between. Returns the report of the last mode.
report::Report check(const Graph& graph) {
  const std::vector<std::vector<double>> want = by_reference(graph);
  report::Report last;
  for (const bool keep_layout : {true, false}) {
    for (const auto cascades : {plan::CascadeMode::off, plan::CascadeMode::speed, plan::CascadeMode::memory}) {
      ConvertOptions options;
      options.keep_layout = keep_layout;
      options.cascades = cascades;
      options.check_passes = true;
      const Conversion conversion = convert(graph.clone(), options);
      Session session(conversion.model.data(), conversion.model.size());
      EXPECT_EQ(static_cast<size_t>(session.info().inputs), program_inputs(graph).size());
      EXPECT_EQ(static_cast<int64_t>(session.info().state_bytes), conversion.report.state_bytes);
      expect_close(on_engine(session, graph), want);
      EXPECT_EQ(session.reset(), LINNET_OK);
      expect_close(on_engine(session, graph), want);
      last = conversion.report;
    }
  }
  return last;
}

TEST(State, RingBufferIsOneTensor) {
  GraphBuilder b;
  Value *kept = b.input({1, 5, 8}), *x = b.input({1, 2, 8});
  Value* all = concat(b, {kept, x}, 1);
  b.output(b.linear(all, 3));
  state(b, kept, slice(b, all, 1, 2, 5));
  const report::Report report = check(b.graph);
  EXPECT_EQ(report.state_bytes, 7 * 8 * 4);
  EXPECT_EQ(report.steps.size(), 2u);  // a copy of the input behind the rows, and the layer
}

TEST(State, RingBufferOfTheNewestFirst) {
  GraphBuilder b;
  Value *kept = b.input({1, 5, 8}), *x = b.input({1, 2, 8});
  Value* all = concat(b, {x, kept}, 1);
  b.output(b.linear(all, 3));
  state(b, kept, slice(b, all, 1, 0, 5));
  EXPECT_EQ(check(b.graph).state_bytes, 7 * 8 * 4);
}

// Lines of images, whose states change their layout with the layers.
TEST(State, LinesOfImages) {
  GraphBuilder b;
  Value *kept = b.input({1, 3, 2, 9}), *x = b.input({1, 3, 4, 9}), *deeper = b.input({1, 6, 2, 7});
  Value* all = concat(b, {kept, x}, 2);
  Value* y = b.unary(Function::Relu, b.conv(all, 6, 3));
  Value* more = concat(b, {deeper, y}, 2);
  b.output(b.conv(more, 4, 3));
  state(b, kept, slice(b, all, 2, 4, 2));
  state(b, deeper, slice(b, more, 2, 4, 2));
  check(b.graph);
}

TEST(State, Recurrence) {
  GraphBuilder b;
  Value *x = b.input({1, 6}), *h = b.input({1, 9});
  Value* next = b.unary(Function::Tanh, b.plus(b.linear(x, 9), b.linear(h, 9)));
  b.output(b.linear(next, 4));
  state(b, h, next);
  check(b.graph);
}

TEST(State, SumsInPlace) {
  GraphBuilder b;
  Value *x = b.input({2, 6}), *sum = b.input({2, 6});
  Value* next = b.plus(sum, x);
  b.output(b.unary(Function::Relu, next));
  state(b, sum, next);
  EXPECT_EQ(check(b.graph).state_bytes, 48);
}

// Steps may use a state's bytes once it has been read.
TEST(State, ChainInPlace) {
  GraphBuilder b;
  Value *x = b.input({2, 6}), *sum = b.input({2, 6});
  Value* next = b.unary(Function::Sigmoid, b.unary(Function::Tanh, b.plus(sum, x)));
  b.output(b.linear(next, 3));
  state(b, sum, next);
  check(b.graph);
}

TEST(State, OneBecomesWhatAnotherWas) {
  GraphBuilder b;
  Value *x = b.input({1, 6}), *newer = b.input({1, 6}), *older = b.input({1, 6});
  b.output(b.linear(concat(b, {older, newer, x}, 1), 3));
  state(b, older, newer);
  state(b, newer, x);
  check(b.graph);
}

TEST(State, TwoChangePlaces) {
  GraphBuilder b;
  Value *x = b.input({1, 6}), *first = b.input({1, 6}), *second = b.input({1, 6});
  b.output(b.plus(first, x));
  state(b, first, second);
  state(b, second, first);
  check(b.graph);
}

TEST(State, TwoBecomeTheSame) {
  GraphBuilder b;
  Value *x = b.input({1, 6}), *first = b.input({1, 6}), *second = b.input({1, 6});
  Value* next = b.plus(b.times(first, x), second);
  b.output(b.linear(next, 2));
  state(b, first, next);
  state(b, second, next);
  check(b.graph);
}

TEST(State, NextIsAnOutputToo) {
  for (const bool view : {false, true}) {
    GraphBuilder b;
    Value *x = b.input({2, 3}), *sum = b.input({2, 3});
    Value* next = b.plus(sum, x);
    b.output(view ? b.reshape(next, {6}) : next);
    state(b, sum, next);
    check(b.graph);
  }
}

TEST(State, UnusedConstantAndUnchanged) {
  GraphBuilder b;
  Value *x = b.input({2, 3}), *unused = b.input({2, 3}), *unchanged = b.input({2, 3}), *constant = b.input({2, 3});
  b.output(b.plus(b.plus(x, unchanged), constant));
  state(b, unused, x);
  state(b, unchanged, unchanged);
  state(b, constant, b.random({2, 3}));
  check(b.graph);
}

TEST(State, PartsOfOneTensor) {
  GraphBuilder b;
  Value *x = b.input({4, 8}), *first = b.input({2, 8}), *second = b.input({2, 8});
  Value* y = b.linear(b.plus(x, concat(b, {first, second}, 0)), 8);
  b.output(b.linear(y, 2));
  state(b, first, slice(b, y, 0, 0, 2));
  state(b, second, slice(b, y, 0, 2, 2));
  check(b.graph);
}

TEST(State, Integers) {
  GraphBuilder b;
  Value *x = b.input({1, 4}, DType::i64), *before = b.input({1, 4}, DType::i64);
  b.output(concat(b, {before, x}, 0));
  state(b, before, x);
  check(b.graph);
}

TEST(State, HalfPrecisionBecomesFloat) {
  GraphBuilder b;
  Value *x = b.input({1, 4}, DType::f16), *sum = b.input({1, 4}, DType::f16);
  Value* next = b.plus(sum, x);
  b.output(b.unary(Function::Abs, next));
  b.output(next);
  b.graph.states.push_back({1, 1, Array::of_doubles({1, 4}, {1, 2, 3, 4}, DType::f16)});
  const Conversion conversion = convert(b.graph.clone(), {});
  Session session(conversion.model.data(), conversion.model.size());
  for (int run = 0; run < 2; ++run) {
    for (float& element : session.input<float>(0)) element = 1;
    session.run();
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(session.output<float>(0)[i], static_cast<float>(i + 3));
}

// The verifier's messages.
TEST(State, InconsistentGraphsAreNamed) {
  const auto message = [](void (*change)(Graph & graph)) {
    GraphBuilder b;
    Value *x = b.input({2, 3}), *sum = b.input({2, 3});
    state(b, sum, b.plus(sum, x));
    change(b.graph);
    try {
      verify(b.graph, "a change");
    } catch (const ir::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message([](Graph&) {}), "");
  EXPECT_NE(message([](Graph& graph) { graph.states[0].input = 2; }).find("a state is input 2 of 2"),
            std::string::npos);
  EXPECT_NE(message([](Graph& graph) { graph.states.push_back(graph.states[0]); }).find("two states"),
            std::string::npos);
  EXPECT_NE(message([](Graph& graph) {
              ops::Reshape flat;
              flat.shape = {6};
              graph.outputs[0] = graph.add(std::make_unique<ops::Reshape>(flat), {graph.outputs[0]}, "y")->outputs[0];
            }).find("and becomes"),
            std::string::npos);
  EXPECT_NE(message([](Graph& graph) {
              graph.outputs[0]->source_permutation = {1, 0};
            }).find("in another order"),
            std::string::npos);
  EXPECT_NE(message([](Graph& graph) { graph.states[0].initial = Array::scalar(0); }).find("at first"),
            std::string::npos);
}

std::string problems_of(const std::map<std::string, std::string>& states) {
  GraphBuilder b;
  Value *x = b.graph.add_input("x", {DType::f32, {2, 3}}), *h = b.graph.add_input("h", {DType::f32, {2, 4}});
  for (Value* value : {b.unary(Function::Relu, x), b.unary(Function::Relu, h)}) b.output(value);
  b.graph.rename(b.graph.outputs[0], "y");
  b.graph.rename(b.graph.outputs[1], "hn");
  try {
    import::add_states(b.graph, states);
  } catch (const ir::Error& error) {
    return error.what();
  }
  return "";
}

TEST(State, PairsAreChecked) {
  EXPECT_EQ(problems_of({}), "");
  EXPECT_EQ(problems_of({{"h", "hn"}}), "");
  EXPECT_NE(problems_of({{"g", "hn"}}).find("--state g=hn: the model has no input 'g'; there are: x, h"),
            std::string::npos);
  EXPECT_NE(problems_of({{"h", "z"}}).find("--state h=z: the model has no output 'z'; there are: y, hn"),
            std::string::npos);
  EXPECT_NE(problems_of({{"x", "hn"}})
                .find("--state x=hn: input 'x' is f32[2x3] and output 'hn' f32[2x4]; supported are equal"),
            std::string::npos);
  EXPECT_NE(problems_of({{"h", "hn"}, {"x", "hn"}}).find("output 'hn' belongs to another state"), std::string::npos);
  EXPECT_NE(problems_of({{"h", "hn"}, {"x", "y"}}).find("every output of the model is a state"), std::string::npos);
}

TEST(State, OptionsAreKeptInTheReport) {
  ConvertOptions options;
  options.states = {{"a b", "c%"}, {"h=0", "hn"}};
  EXPECT_EQ(parse_options(to_string(options)).states, options.states);
}

// Layers with a given state, whose pairs come from the command line: each run goes on where the one before ended.
TEST(State, PairsOfRecurrentLayers) {
  const std::map<std::string, std::vector<std::pair<std::string, std::string>>> models = {
      {"recurrent_torch_gru_given_state_opset17", {{"h0", "145"}}},
      {"recurrent_torch_lstm_given_state_opset17", {{"h0", "156"}, {"c0", "157"}}},
      {"recurrent_torch_gru_given_state_bidirectional_single_opset17", {{"h0", "133"}}}};
  for (const auto& [name, pairs] : models) {
    const std::string file = LINNET_GOLDENS "/" + name + ".onnx";
    const import::OnnxModel plain = import::import_onnx(file, {});
    std::vector<std::vector<double>> want;
    std::vector<Array> arrays;
    for (const Value* input : plain.graph->inputs)
      arrays.push_back(Array::of_doubles(input->shape(), std::vector<double>(element_count(input->shape()))));
    for (uint32_t run = 0; run < kRuns; ++run) {
      arrays[0] = random_array(plain.graph->inputs[0]->type, 10 * run);
      const std::vector<Array> outputs = evaluate(*plain.graph, arrays);
      want.push_back(outputs[0].doubles());
      for (size_t i = 1; i < arrays.size(); ++i) arrays[i] = outputs[i];
    }
    ConvertOptions options;
    options.check_passes = true;
    for (const auto& [input, output] : pairs) options.states[input] = output;
    const Conversion conversion = convert(file, options);
    Session session(conversion.model.data(), conversion.model.size());
    EXPECT_EQ(session.info().inputs, 1);
    EXPECT_EQ(session.info().outputs, 1);
    expect_close(on_engine(session, *conversion.source), want);
  }
}

}  // namespace
}  // namespace linnet::test
