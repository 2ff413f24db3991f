// The TensorFlow Lite importer: what a file says beside its operators, and files that are wrong. Operators are compared
// with TensorFlow Lite's own results by the golden tests (tests/models/tflite_ops).
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include "converter/ir/states.hpp"
#include "tests/ops/support.hpp"
#include "tests/ops/tflite_model.hpp"

namespace linnet::ops_test {
namespace {

using ir::Array;
using testing::AssertionResult;
using tfl::BuiltinOperator;
using tfl::TensorType;

AssertionResult says(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not said by:\n" << text;
}

size_t lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// x + b
TfliteModelBuilder addition() {
  TfliteModelBuilder builder;
  const int32_t x = builder.input("x", {1, 3}), b = builder.constant<float>("b", {3}, {1, 2, 3}, TensorType::FLOAT32);
  const int32_t y = builder.tensor("y", {1, 3});
  builder.add(BuiltinOperator::ADD, {x, b}, {y});
  builder.graph->outputs = {y};
  return builder;
}

TEST(TfliteImport, TensorsKeepTheirNames) {
  const auto model = addition().import();
  EXPECT_EQ(model.graph->inputs[0]->name, "x");
  EXPECT_EQ(model.graph->outputs[0]->name, "y");
  expect_equal(ir::evaluate(*model.graph, {Array::of_floats({1, 3}, {1, 1, 1})})[0],
               Array::of_floats({1, 3}, {2, 3, 4}));
}

TEST(TfliteImport, EqualNamesStayApart) {
  TfliteModelBuilder builder = addition();
  for (auto& tensor : builder.graph->tensors) tensor->name = "same";
  const auto model = builder.import();
  ir::verify(*model.graph, "import");
  EXPECT_EQ(model.graph->inputs[0]->name, "same");
}

TEST(TfliteImport, ShapesThatAreGivenReplaceTheFiles) {
  TfliteModelBuilder builder = addition();
  builder.graph->tensors[0]->shape_signature = {-1, 3};
  EXPECT_EQ(builder.import().graph->inputs[0]->shape(), (ir::Shape{1, 3}));
  EXPECT_EQ(builder.import({{"x", {5, 3}}}).graph->outputs[0]->shape(), (ir::Shape{5, 3}));
  builder.graph->tensors[0]->shape_signature = {-1, -1};
  EXPECT_TRUE(says(builder.problems(), "open dimensions other than the first need a shape"));
}

TEST(TfliteImport, AnOpenBatchHoldsIndependentSamples) {
  TfliteModelBuilder builder = addition();
  EXPECT_TRUE(builder.import().open_inputs.empty());
  builder.graph->tensors[0]->shape_signature = {-1, 3};
  EXPECT_EQ(builder.import().open_inputs, std::vector<std::string>{"x"});
  EXPECT_TRUE(builder.import({{"x", {1, 3}}}).open_inputs.empty());
  const int32_t rows = builder.tensor("rows", {3, 3});
  const int32_t y = builder.graph->outputs[0], x = builder.graph->inputs[0];
  builder.add(BuiltinOperator::CONCATENATION, {x, y, x}, {rows});
  builder.options<tfl::ConcatenationOptionsT>().axis = 0;
  builder.graph->outputs = {rows};
  const std::string text = builder.problems();
  EXPECT_TRUE(says(text, "the first dimension of x is open, and is no batch of independent samples: rows (Concat)"));
  EXPECT_TRUE(says(text, "--shape x=1,3"));
  builder.graph->tensors[0]->shape_signature = {-1};  // broken: of another rank
  EXPECT_TRUE(builder.import().open_inputs.empty());
}

TEST(TfliteImport, ASignatureChoosesSubgraphAndNames) {
  TfliteModelBuilder builder = addition();
  for (const char* key : {"first", "second"}) {
    auto signature = std::make_unique<tfl::SignatureDefT>();
    signature->signature_key = key;
    for (auto* ports : {&signature->inputs, &signature->outputs}) {
      ports->push_back(std::make_unique<tfl::TensorMapT>());
      ports->back()->name = ports == &signature->inputs ? "image" : "scores";
      ports->back()->tensor_index = ports == &signature->inputs ? 0 : 2;
    }
    builder.model.signature_defs.push_back(std::move(signature));
  }
  const auto model = builder.import({}, "second");
  EXPECT_EQ(model.graph->inputs[0]->name, "image");
  EXPECT_EQ(model.graph->outputs[0]->name, "scores");
  EXPECT_EQ(builder.import().warnings.size(), 1u);
  try {
    builder.import({}, "third");
    FAIL();
  } catch (const ir::Error& error) {
    EXPECT_TRUE(says(error.what(), "there are: first, second"));
  }
}

TEST(TfliteImport, EveryUnsupportedOperatorIsNamed) {
  TfliteModelBuilder builder = addition();
  const int32_t a = builder.tensor("a", {1}), b = builder.tensor("b", {1}), c = builder.tensor("c", {1});
  builder.add(BuiltinOperator::UNIQUE, {0}, {a});
  builder.add(BuiltinOperator::CUSTOM, {a}, {b});
  builder.model.operator_codes.back()->custom_code = "Convolution2DTransposeBias";
  builder.add(BuiltinOperator::ADD, {b, 0}, {c});  // not a problem of its own
  const std::string text = builder.problems();
  EXPECT_TRUE(says(text, "operator 1 'a' (UNIQUE): is not supported"));
  EXPECT_TRUE(says(text, "operator 2 'b' (custom operator Convolution2DTransposeBias): is not supported"));
  EXPECT_EQ(lines(text), 2u) << text;
}

TEST(TfliteImport, BrokenReferencesAreNamed) {
  TfliteModelBuilder builder = addition();
  builder.graph->operators[0]->inputs = {0, 77};
  EXPECT_TRUE(says(builder.problems(), "operator 0 (ADD): names tensor 77, the subgraph has 3"));
  builder.graph->operators[0]->inputs = {0, 2};  // its own output
  EXPECT_TRUE(says(builder.problems(), "input 1 'y' is neither constant nor an input"));
  builder.graph->operators[0]->inputs = {0, -1};
  EXPECT_TRUE(says(builder.problems(), "input 1 is absent"));
  builder.graph->operators[0]->inputs = {0, 1};
  builder.graph->operators[0]->opcode_index = 9;
  EXPECT_TRUE(says(builder.problems(), "has operator code 9, the file has 1"));
  builder.graph->operators[0]->opcode_index = 0;
  builder.graph->operators[0]->outputs = {0};
  EXPECT_TRUE(says(builder.problems(), "output 0 'x' exists already"));
  builder.graph->operators[0]->outputs.clear();
  builder.graph->operators[0]->inputs = {0, 1};
  EXPECT_NE(builder.problems(), "");
  builder.graph->operators[0]->outputs = {2};
  builder.graph->outputs = {-5};
  EXPECT_TRUE(says(builder.problems(), "graph output '' is not computed"));
  builder.graph->outputs = {2};
  builder.graph->inputs = {0, 0};
  EXPECT_TRUE(says(builder.problems(), "graph input 'x' is listed twice"));
}

TEST(TfliteImport, BrokenConstantsAreNamed) {
  TfliteModelBuilder builder = addition();
  builder.graph->tensors[1]->buffer = 12;
  EXPECT_TRUE(says(builder.problems(), "tensor 'b' reads buffer 12, the file has 2"));
  builder.graph->tensors[1]->buffer = 1;
  builder.graph->tensors[1]->shape = {4};
  EXPECT_TRUE(says(builder.problems(), "tensor 'b' has 12 bytes of data, wanted 16 for f32[4]"));
  builder.graph->tensors[1]->shape = {-3};
  EXPECT_TRUE(says(builder.problems(), "tensor 'b' has shape -3"));
  builder.graph->tensors[1]->shape = {65536, 65536};
  EXPECT_TRUE(says(builder.problems(), "more than 2147483647 elements"));
  builder.graph->tensors[1]->shape = {3};
  builder.graph->tensors[1]->type = TensorType::STRING;
  EXPECT_TRUE(says(builder.problems(), "tensor 'b' element type STRING"));
  builder.graph->tensors[1]->type = TensorType::FLOAT32;
  builder.model.buffers[1]->data.clear();
  EXPECT_TRUE(says(builder.problems(), "input 1 'b' is neither constant"));
  builder.model.buffers[1]->offset = 1 << 20;
  builder.model.buffers[1]->size = 12;
  EXPECT_TRUE(says(builder.problems(), "buffer 1 lies outside of the file"));
}

TEST(TfliteImport, DeclaredTypesAndShapesMustFit) {
  TfliteModelBuilder builder = addition();
  builder.graph->tensors[2]->type = TensorType::INT32;
  EXPECT_TRUE(says(builder.problems(), "output 0 'y' is declared as i32, the operator gives f32[1x3]"));
  builder.graph->tensors[2]->type = TensorType::FLOAT32;
  builder.graph->tensors[0]->shape = {1, 4};
  EXPECT_TRUE(says(builder.problems(), "operator 0 'y' (ADD)"));
}

TEST(TfliteImport, ScalesMustBePositiveNumbers) {
  const auto problems = [](float scale) {
    TfliteModelBuilder builder = addition();
    auto& b = *builder.graph->tensors[1];
    b.type = TensorType::INT8;
    builder.model.buffers[1]->data = {1, 2, 3};
    b.quantization = std::make_unique<tfl::QuantizationParametersT>();
    b.quantization->scale = {scale};
    return builder.problems();
  };
  EXPECT_EQ(problems(0.5f), "");
  for (const float scale : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")})
    EXPECT_TRUE(says(problems(scale), "tensor 'b' has a scale of"));
}

// y = variable + x, which becomes the variable; a second subgraph sets it at first.
TfliteModelBuilder sum_of_all() {
  TfliteModelBuilder builder;
  const int32_t x = builder.input("x", {2}), handle = builder.tensor("handle", {}, TensorType::RESOURCE);
  const int32_t before = builder.tensor("before", {2}), y = builder.tensor("y", {2});
  builder.add(BuiltinOperator::CALL_ONCE, {}, {});
  builder.options<tfl::CallOnceOptionsT>().init_subgraph_index = 1;
  builder.add(BuiltinOperator::VAR_HANDLE, {}, {handle});
  builder.options<tfl::VarHandleOptionsT>().shared_name = "sum";
  builder.add(BuiltinOperator::READ_VARIABLE, {handle}, {before});
  builder.add(BuiltinOperator::ADD, {before, x}, {y});
  builder.add(BuiltinOperator::ASSIGN_VARIABLE, {handle, y}, {});
  builder.graph->outputs = {y};
  builder.model.subgraphs.push_back(std::make_unique<tfl::SubGraphT>());
  tfl::SubGraphT* const main = builder.graph;
  builder.graph = builder.model.subgraphs.back().get();
  const int32_t other = builder.tensor("handle", {}, TensorType::RESOURCE);
  const int32_t start = builder.constant<float>("start", {2}, {10, 20}, TensorType::FLOAT32);
  builder.add(BuiltinOperator::VAR_HANDLE, {}, {other});
  builder.options<tfl::VarHandleOptionsT>().shared_name = "sum";
  builder.add(BuiltinOperator::ASSIGN_VARIABLE, {other, start}, {});
  builder.graph = main;
  return builder;
}

TEST(TfliteImport, VariablesBecomeState) {
  const auto model = sum_of_all().import();
  ASSERT_EQ(model.graph->states.size(), 1u);
  const ir::State& state = model.graph->states[0];
  EXPECT_EQ(model.graph->inputs[state.input]->name, "sum");
  expect_equal(state.initial, Array::of_floats({2}, {10, 20}));
  ir::Runs runs(*model.graph);
  for (int round = 0; round < 2; ++round) {
    expect_equal(runs.run({Array::of_floats({2}, {1, 2})})[0], Array::of_floats({2}, {11, 22}));
    expect_equal(runs.run({Array::of_floats({2}, {3, 4})})[0], Array::of_floats({2}, {14, 26}));
    runs.reset();
  }
}

// Each run of a layer goes on from where the one before ended: two halves of a sequence are the whole.
TEST(TfliteImport, LstmKeepsItsState) {
  const auto lstm = [](int32_t steps) {
    TfliteModelBuilder builder;
    const int32_t x = builder.input("x", {steps, 1, 2}), y = builder.tensor("y", {steps, 1, 1});
    std::vector<int32_t> inputs(24, -1);
    inputs[0] = x;
    for (int gate = 0; gate < 4; ++gate) {
      const float value = 0.1f * static_cast<float>(gate + 1);
      inputs[1 + gate] = builder.constant<float>("w", {1, 2}, {value, -value}, TensorType::FLOAT32);
      inputs[5 + gate] = builder.constant<float>("r", {1, 1}, {2 * value}, TensorType::FLOAT32);
      inputs[12 + gate] = builder.constant<float>("b", {1}, {value}, TensorType::FLOAT32);
    }
    for (const int state : {18, 19}) {
      inputs[state] = builder.tensor(state == 18 ? "h" : "c", {1, 1});
      builder.graph->tensors[static_cast<size_t>(inputs[state])]->is_variable = true;
    }
    builder.add(BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM, inputs, {y});
    auto& options = builder.options<tfl::UnidirectionalSequenceLSTMOptionsT>();
    options.time_major = true;
    options.fused_activation_function = tfl::ActivationFunctionType::TANH;
    builder.graph->outputs = {y};
    return builder;
  };
  const std::vector<float> values = {1, 2, -3, 4, 5, -6, 7, 8, -9, 1, 2, 3};
  const auto whole = lstm(6).import(), half = lstm(3).import();
  ASSERT_EQ(half.graph->states.size(), 2u);
  const Array want = ir::Runs(*whole.graph).run({Array::of_floats({6, 1, 2}, values)})[0];
  ir::Runs runs(*half.graph);
  std::vector<double> got;
  for (const auto begin : {values.begin(), values.begin() + 6})
    for (const double y : runs.run({Array::of_floats({3, 1, 2}, {begin, begin + 6})})[0].doubles()) got.push_back(y);
  expect_equal(Array::of_doubles({6, 1, 1}, got), want);
  auto broken = lstm(3);
  broken.graph->tensors[static_cast<size_t>(broken.graph->operators[0]->inputs[19])]->is_variable = false;
  EXPECT_TRUE(says(broken.problems(), "input 19 'c' is not a variable tensor"));
}

TEST(TfliteImport, BrokenVariablesAreNamed) {
  TfliteModelBuilder builder = sum_of_all();
  builder.model.subgraphs[1]->operators.pop_back();
  EXPECT_TRUE(says(builder.problems(), "variable 'sum' is read before it is assigned"));
  builder = sum_of_all();
  builder.graph->operators[2]->inputs = {0};
  EXPECT_TRUE(says(builder.problems(), "input 0 is not the handle of a variable"));
  builder = sum_of_all();
  builder.graph->operators[0]->builtin_options.AsCallOnceOptions()->init_subgraph_index = 7;
  EXPECT_TRUE(says(builder.problems(), "calls subgraph 7, the file has 2"));
  builder = sum_of_all();
  builder.model.subgraphs[1]->operators[1]->inputs = {0, 99};
  EXPECT_TRUE(says(builder.problems(), "assigns tensor 99 to variable 'sum'"));
}

// A matrix of 2 x 4 with its nonzero elements in compressed rows.
struct SparseMatrix {
  TfliteModelBuilder builder;
  tfl::SparsityParametersT* sparsity;
  tfl::DimensionMetadataT *rows, *columns;
  std::vector<uint8_t>*segments, *indices;

  SparseMatrix() {
    const int32_t x = builder.input("x", {2, 4});
    const int32_t w = builder.constant<float>("w", {2, 4}, {1, 2, 3}, TensorType::FLOAT32);
    const int32_t d = builder.tensor("d", {2, 4}), y = builder.tensor("y", {2, 4});
    builder.add(BuiltinOperator::DENSIFY, {w}, {d});
    builder.add(BuiltinOperator::ADD, {x, d}, {y});
    builder.graph->outputs = {y};
    auto& tensor = *builder.graph->tensors[static_cast<size_t>(w)];
    tensor.sparsity = std::make_unique<tfl::SparsityParametersT>();
    sparsity = tensor.sparsity.get();
    sparsity->traversal_order = {0, 1};
    for (int i = 0; i < 2; ++i) sparsity->dim_metadata.push_back(std::make_unique<tfl::DimensionMetadataT>());
    rows = sparsity->dim_metadata[0].get();
    columns = sparsity->dim_metadata[1].get();
    rows->dense_size = 2;
    columns->format = tfl::DimensionType::SPARSE_CSR;
    segments = set(columns->array_segments, {0, 2, 3});
    indices = set(columns->array_indices, {0, 3, 1});
  }

  static std::vector<uint8_t>* set(tfl::SparseIndexVectorUnion& target, std::vector<uint8_t> values) {
    tfl::Uint8VectorT vector;
    vector.values = std::move(values);
    target.Set(std::move(vector));
    return &target.AsUint8Vector()->values;
  }
};

TEST(TfliteImport, SparseConstantsAreExpanded) {
  const auto model = SparseMatrix().builder.import();
  expect_equal(ir::evaluate(*model.graph, {Array::of_floats({2, 4}, std::vector<float>(8, 0))})[0],
               Array::of_floats({2, 4}, {1, 0, 0, 2, 0, 3, 0, 0}));
}

TEST(TfliteImport, BrokenSparseConstantsAreNamed) {
  const auto problems = [](const std::function<void(SparseMatrix&)>& damage) {
    SparseMatrix matrix;
    damage(matrix);
    return matrix.builder.problems();
  };
  EXPECT_TRUE(says(problems([](auto& m) { (*m.indices)[1] = 4; }), "tensor 'w' sparse level 1 has index 4 of 4"));
  EXPECT_TRUE(says(problems([](auto& m) { (*m.segments)[1] = 9; }), "sparse level 1 has 3 segments"));
  EXPECT_TRUE(says(problems([](auto& m) { m.segments->pop_back(); }), "sparse level 1 has 2 segments"));
  EXPECT_TRUE(says(problems([](auto& m) { m.segments->clear(); }), "sparse level 1 has 0 segments"));
  EXPECT_TRUE(says(problems([](auto& m) { m.columns->array_indices.Reset(); }), "no segments or indices"));
  EXPECT_TRUE(says(problems([](auto& m) { m.rows->dense_size = 3; }), "sparse level 0 has size 3, wanted 2"));
  EXPECT_TRUE(says(problems([](auto& m) { m.rows->dense_size = -1; }), "sparse level 0 has size -1"));
  EXPECT_TRUE(says(problems([](auto& m) { m.sparsity->traversal_order = {0, 0}; }), "sparse traversal order"));
  EXPECT_TRUE(says(problems([](auto& m) { m.sparsity->traversal_order = {0}; }), "sparse traversal order"));
  EXPECT_TRUE(says(problems([](auto& m) { m.sparsity->block_map = {5}; }), "sparse traversal order"));
  EXPECT_TRUE(says(problems([](auto& m) { m.sparsity->dim_metadata.pop_back(); }), "describes 1 sparse levels"));
  EXPECT_TRUE(says(problems([](auto& m) { m.builder.model.buffers[1]->data.resize(8); }), "only 2 sparse elements"));
  EXPECT_TRUE(says(problems([](auto& m) { m.builder.model.buffers[1]->data.resize(16); }), "has 4 sparse elements"));
  EXPECT_TRUE(says(problems([](auto& m) {
                     m.sparsity->traversal_order = {0, 1, 2};
                     m.sparsity->block_map = {0};
                     m.sparsity->dim_metadata.push_back(std::make_unique<tfl::DimensionMetadataT>());
                     m.sparsity->dim_metadata.back()->dense_size = 3;
                   }),
                   "sparse blocks of 3 do not divide dimension 0"));
}

std::vector<uint8_t> contents(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(TfliteImport, FilesThatAreNone) {
  EXPECT_TRUE(says(problems_of({}), "is not a TensorFlow Lite model"));
  EXPECT_TRUE(says(problems_of(std::vector<uint8_t>(100, 7)), "is not a TensorFlow Lite model"));
  std::vector<uint8_t> bytes = addition().bytes();
  bytes.resize(bytes.size() / 2);
  EXPECT_TRUE(says(problems_of(bytes), "is truncated or damaged"));
  TfliteModelBuilder old = addition();
  old.model.version = 2;
  EXPECT_TRUE(says(old.problems(), "has version 2 of the format; supported is version 3"));
  TfliteModelBuilder empty;
  empty.model.subgraphs.clear();
  EXPECT_TRUE(says(empty.problems(), "has no subgraph"));
}

// Every golden file with bytes that are wrong: an error of one line each, or a model.
TEST(TfliteImport, DamagedFilesNeverCrash) {
  Random random(1);
  const std::filesystem::path folder = std::filesystem::path(LINNET_OPS_TEST_DATA).parent_path() / "models/tflite_ops";
  size_t files = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".tflite") continue;
    ++files;
    const std::vector<uint8_t> whole = contents(entry.path());
    ASSERT_EQ(problems_of(whole), "") << entry.path();
    for (int i = 0; i < 20; ++i) {
      std::vector<uint8_t> bytes = whole;
      const auto last = static_cast<int64_t>(bytes.size()) - 1;
      for (int64_t changes = random.between(1, 4); changes > 0; --changes)
        bytes[static_cast<size_t>(random.between(0, last))] = static_cast<uint8_t>(random.between(0, 255));
      if (i % 4 == 0) bytes.resize(static_cast<size_t>(random.between(0, last)));
      const std::string text = problems_of(bytes);
      refused += text.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(files, 200u);
  EXPECT_GT(refused, files * 5);
}

}  // namespace
}  // namespace linnet::ops_test
