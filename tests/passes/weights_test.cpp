// New weights, reparametrized weights and re-estimated statistics.
#include <cmath>
#include <limits>

#include "converter/ops/batch_norm.hpp"
#include "converter/pipeline.hpp"
#include "converter/weights/layers.hpp"
#include "converter/weights/reestimate.hpp"
#include "tests/passes/onnx_model.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using passes_test::OnnxModelFile;
using weights::Reparametrization;

template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Problems& problems) {
    return problems.list().front();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

// Conv [6, 4, 3, 3] -> batch norm -> Flatten -> Gemm.
void add_network(OnnxModelFile& file, bool with_data) {
  file.input("x", {1, 4, 5, 5}).output("y");
  const auto tensor = [&](const std::string& name, const std::vector<int64_t>& shape, float value) {
    if (!with_data) return file.initializer(name, shape, onnx::TensorProto::FLOAT).set_raw_data("");
    file.floats(name, shape, std::vector<float>(static_cast<size_t>(element_count(shape)), value));
  };
  tensor("conv.weight", {6, 4, 3, 3}, 1);
  tensor("conv.bias", {6}, 5);
  for (const char* name : {"scale", "shift", "mean", "variance"}) tensor(name, {6}, 2);
  tensor("fc.weight", {54, 7}, 1);
  tensor("fc.bias", {7}, 3);
  file.node("Conv", {"x", "conv.weight", "conv.bias"}, {"a"});
  file.node("BatchNormalization", {"a", "scale", "shift", "mean", "variance"}, {"n"}, "bn");
  file.node("Flatten", {"n"}, {"f"});
  file.node("Gemm", {"f", "fc.weight", "fc.bias"}, {"y"});
}

Conversion convert_file(const OnnxModelFile& file, const ConvertOptions& options) {
  file.write(file.model.SerializeAsString());
  return convert(file.path(), options);
}

ConvertOptions initialized(weights::Initialization::Scheme scheme, uint64_t seed = 1) {
  ConvertOptions options;
  options.initialization = {scheme, seed};
  return options;
}

TEST(Initialize, VariancesFollowTheFans) {
  using enum weights::Initialization::Scheme;
  constexpr double kFanIn = 96 * 9, kFanOut = 64 * 9;
  for (const auto scheme : {he_normal, he_uniform, xavier_normal, xavier_uniform}) {
    GraphBuilder b;
    b.output(b.conv(b.input({1, 96, 3, 3}), 64, 3));
    passes::PassLog log;
    weights::initialize(b.graph, {scheme, 7}, {}, log);
    const std::vector<double> values = b.graph.nodes().front()->in(weights::kWeights).constant->doubles();
    const bool uniform = scheme == he_uniform || scheme == xavier_uniform;
    const double wanted = scheme == he_normal || scheme == he_uniform ? 2 / kFanIn : 2 / (kFanIn + kFanOut);
    const auto count = static_cast<double>(values.size());
    double sum = 0, squares = 0, largest = 0;
    for (const double value : values) {
      sum += value;
      squares += value * value;
      largest = std::max(largest, std::abs(value));
    }
    // Five standard errors; that of a variance is sqrt((kurtosis - 1) / n), with kurtosis 3 or 9/5.
    EXPECT_NEAR(sum / count, 0, 5 * std::sqrt(wanted / count)) << weights::name(scheme);
    EXPECT_NEAR(squares / count / wanted, 1, 5 * std::sqrt((uniform ? 0.8 : 2.0) / count)) << weights::name(scheme);
    const double bound = std::sqrt(3 * wanted);
    EXPECT_EQ(largest <= bound * (1 + 1e-6), uniform);
    for (const double bias : b.graph.nodes().front()->in(weights::kBias).constant->doubles()) EXPECT_EQ(bias, 0);
  }
}

TEST(Initialize, FansOfEveryLayer) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 8, 5, 5}), 12, 3, 1, 1, 4);
  ops::ConvTranspose op;
  op.strides = {2, 2};
  op.dilations = {1, 1};
  op.pads_begin = op.pads_end = op.output_padding = {0, 0};
  op.groups = 2;
  x = b.add(op, {x, b.random({12, 5, 2, 2})});
  b.output(b.linear(b.reshape(x, {1, 1000}), 30));
  std::vector<std::pair<int64_t, int64_t>> fans;
  for (const auto& node : b.graph.nodes())
    if (weights::is_layer(*node)) fans.emplace_back(weights::fans(*node).in, weights::fans(*node).out);
  EXPECT_EQ(fans, (std::vector<std::pair<int64_t, int64_t>>{{18, 27}, {24, 20}, {1000, 30}}));
}

// PyTorch's export of two layers of two directions each; unfolded, the gates are cut out and put into ONNX's order.
TEST(Initialize, MatricesOfRecurrentLayers) {
  for (const char* name :
       {"recurrent_torch_gru_deep_bidirectional_opset14", "recurrent_torch_lstm_deep_bidirectional_opset14_unfolded"}) {
    ConvertOptions options = initialized(weights::Initialization::Scheme::he_uniform, 3);
    options.stop_after = "fold_constants";
    const Conversion conversion = convert(std::string(LINNET_GOLDENS "/") + name + ".onnx", options);
    int layers = 0;
    for (const auto& node : conversion.graph->nodes()) {
      if (node->as<ops::Recurrent>() == nullptr) continue;
      ++layers;
      for (const size_t index : {ops::Recurrent::kWeights, ops::Recurrent::kRecurrentWeights}) {
        const double bound = std::sqrt(6.0 / static_cast<double>(node->in(index).shape()[1]));
        double largest = 0;
        for (const double value : node->in(index).constant->doubles()) largest = std::max(largest, std::abs(value));
        EXPECT_LE(largest, bound * (1 + 1e-6)) << name;
        EXPECT_GE(largest, bound * 0.8) << name;
      }
      for (const double value : node->in(ops::Recurrent::kBias).constant->doubles()) EXPECT_EQ(value, 0) << name;
    }
    EXPECT_EQ(layers, 4);
  }
}

TEST(Initialize, FirstNumbersAreTheSameOnEveryPlatform) {
  std::mt19937_64 generator(5489);  // the standard gives its 10000th number
  generator.discard(9999);
  EXPECT_EQ(generator(), 9981545732273789042u);
  std::mt19937_64 first(3), second(3), other(4);
  const auto a = weights::random_weights(101, 1, false, first), c = weights::random_weights(101, 1, false, other);
  EXPECT_EQ(a, weights::random_weights(101, 1, false, second));
  EXPECT_NE(a, c);
  for (const double value : a) EXPECT_EQ(value, static_cast<float>(value));
}

TEST(Initialize, MakesUpWhatTheFileLacks) {
  OnnxModelFile empty, full;
  add_network(empty, false);
  add_network(full, true);
  expect_contains(error_of([&] { convert_file(empty, {}); }), {"conv.weight", "0 bytes"});
  const Conversion made = convert_file(empty, initialized(weights::Initialization::Scheme::he_normal));
  const Conversion replaced = convert_file(full, initialized(weights::Initialization::Scheme::he_normal));
  EXPECT_EQ(made.model, replaced.model);
  EXPECT_NE(made.model, convert_file(full, initialized(weights::Initialization::Scheme::he_normal, 2)).model);
  std::vector<double> found;
  for (const auto& node : made.source->nodes())
    if (node->as<ops::BatchNorm>() != nullptr)
      for (size_t i = 1; i < 5; ++i) found.push_back(node->in(i).constant->number(5));
  EXPECT_EQ(found, (std::vector<double>{1, 0, 0, 1}));
  EXPECT_EQ(made.report.options, "--init=he_normal --seed=1");
}

TEST(Initialize, AcceptsAbsentExternalFiles) {
  OnnxModelFile file;
  add_network(file, false);
  for (onnx::TensorProto& tensor : *file.graph().mutable_initializer()) {
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    onnx::StringStringEntryProto& entry = *tensor.add_external_data();
    entry.set_key("location");
    entry.set_value("weights.bin");
  }
  EXPECT_FALSE(convert_file(file, initialized(weights::Initialization::Scheme::xavier_uniform)).model.empty());
}

Array reparametrized(const Node& layer, const std::string& text) {
  return weights::reparametrized(*layer.in(weights::kWeights).constant, layer,
                                 weights::parse_reparametrization("*=" + text));
}

TEST(Reparametrize, MatchesGlobs) {
  for (const char* glob : {"conv1.weight", "*", "conv?.weight", "c*.w*t", "*weight*", "**t", "*v1*"})
    EXPECT_TRUE(weights::matches(glob, "conv1.weight")) << glob;
  for (const char* glob : {"", "conv1", "conv?weight", "*x*", "conv1.weight?", "?", "*w"})
    EXPECT_FALSE(weights::matches(glob, "conv1.weight")) << glob;
  EXPECT_TRUE(weights::matches("", ""));
}

TEST(Reparametrize, FollowsTheFormulas) {
  GraphBuilder b;
  const Node& layer = *b.linear(b.input({1, 4}), 2)->producer;
  const_cast<Value&>(layer.in(1)).constant = Array::of_doubles({2, 4}, {1, 2, 3, 6, 2, 2, 4, 4});
  const double eps = 0.25;  // mean 3, squares 14; mean 3, squares 4
  EXPECT_DOUBLE_EQ(reparametrized(layer, "standardize(eps=0.25)").number(3), 3 / std::sqrt(14.0 / 4 + eps));
  EXPECT_DOUBLE_EQ(reparametrized(layer, "standardize(eps=0.25,unbiased)").number(3), 3 / std::sqrt(14.0 / 3 + eps));
  EXPECT_DOUBLE_EQ(reparametrized(layer, "standardize(eps=0.25,eps_outside)").number(4), -1 / (1 + eps));
  EXPECT_DOUBLE_EQ(reparametrized(layer, "standardize").number(4), -1 / std::sqrt(1 + 1e-5));
  EXPECT_DOUBLE_EQ(reparametrized(layer, "weight_norm").number(3), 6 / std::sqrt(50));
  EXPECT_DOUBLE_EQ(reparametrized(layer, "weight_norm(dim=1)").number(3), 6 / std::sqrt(52));
  EXPECT_DOUBLE_EQ(reparametrized(layer, "weight_norm(dim=-1)").number(3), 6 / std::sqrt(90));
  // W W^T = [50 42; 42 40]: its largest eigenvalue is 45 + sqrt(25 + 42^2).
  const double sigma = std::sqrt(45 + std::sqrt(25 + 42.0 * 42));
  EXPECT_NEAR(reparametrized(layer, "spectral_norm").number(3), 6 / sigma, 1e-12);
  EXPECT_NEAR(reparametrized(layer, "spectral_norm(iterations=3)").number(3), 6 / sigma, 1e-3);
}

TEST(Reparametrize, StandardizesTheOutputChannelsOfTransposedConvolutions) {
  GraphBuilder b;
  ops::ConvTranspose op;
  op.strides = op.dilations = {1, 1};
  op.pads_begin = op.pads_end = op.output_padding = {0, 0};
  op.groups = 2;
  const Node& layer = *b.add(op, {b.input({1, 4, 3, 3}), b.random({4, 3, 2, 2})})->producer;
  const Array result = reparametrized(layer, "standardize(eps=0)");
  for (size_t channel = 0; channel < 6; ++channel) {
    double sum = 0, squares = 0;
    for (size_t input = channel / 3 * 2; input < channel / 3 * 2 + 2; ++input)
      for (size_t tap = 0; tap < 4; ++tap) {
        const double value = result.number((input * 3 + channel % 3) * 4 + tap);
        sum += value;
        squares += value * value;
      }
    EXPECT_NEAR(sum, 0, 1e-12);
    EXPECT_NEAR(squares, 8, 1e-12);
  }
}

TEST(Reparametrize, FindsWeightsByTheirNamesInTheFile) {
  OnnxModelFile file;
  add_network(file, true);
  ConvertOptions options;
  options.reparametrizations = {weights::parse_reparametrization("fc.w?ight=weight_norm"),
                                weights::parse_reparametrization("*.weight=weight_norm(dim=-1)")};
  const Conversion conversion = convert_file(file, options);
  for (const auto& node : conversion.source->nodes()) {
    if (!weights::is_layer(*node)) continue;
    const Value& weights = node->in(weights::kWeights);
    ASSERT_TRUE(weights.constant);
    EXPECT_NEAR(weights.constant->number(0), 1 / std::sqrt(static_cast<double>(weights.constant->size())), 1e-12);
  }
  EXPECT_EQ(conversion.report.options, "--reparam=fc.w?ight=weight_norm(dim=0) --reparam=*.weight=weight_norm(dim=-1)");
}

TEST(Reparametrize, SaysWhatIsWrong) {
  OnnxModelFile file;
  add_network(file, true);
  const auto error = [&](const std::string& text) {
    return error_of([&] {
      ConvertOptions options;
      options.reparametrizations = {weights::parse_reparametrization(text)};
      convert_file(file, options);
    });
  };
  expect_contains(error("layer*=standardize"), {"layer*=standardize", "conv.weight, fc.weight"});
  expect_contains(error("conv.bias=standardize"), {"'conv.bias' has shape 6", "rank 2"});
  expect_contains(error("fc.weight=weight_norm(dim=2)"), {"'fc.weight' has rank 2", "dimension 2"});
  expect_contains(error("*=normalize"), {"expected one of", "spectral_norm"});
  expect_contains(error("*=standardize(eps=-1)"), {"'-1'"});
  expect_contains(error("*=standardize(dim=1)"), {"no argument 'dim=1'"});
  expect_contains(error("standardize"), {"expected one of"});
}

TEST(WeightOptions, TextAndBack) {
  const std::string text =
      "--init=xavier_uniform --seed=18446744073709551615 --reparam=a%20b*=standardize(eps=0.001,unbiased,eps_outside) "
      "--reparam=c=spectral_norm(iterations=4) --reestimate-bn=my%20data.npy";
  EXPECT_EQ(to_string(parse_options(text)), text);
}

// Batch norm, ReLU, batch norm; statistics of the batch where `training`.
void add_norms(OnnxModelFile& file, bool training) {
  file.input("x", {1, 2, 1, 2}).output("y");
  file.floats("one", {2}, {1, 1});
  file.floats("zero", {2}, {0, 0});
  for (const auto& [name, in, out] : {std::tuple{"bn1", "x", "a"}, std::tuple{"bn2", "r", "y"}}) {
    onnx::NodeProto& node = file.node("BatchNormalization", {in, "one", "zero", "zero", "one"}, {out}, name);
    if (training) OnnxModelFile::attribute(node, "training_mode", 1);
  }
  file.node("Relu", {"a"}, {"r"});
}

TEST(ReestimateBatchNorm, LaterLayersSeeCorrectedInputs) {
  for (const bool training : {false, true}) {
    OnnxModelFile file;
    add_norms(file, training);
    ConvertOptions options;
    options.data_set = "calib.npy";
    options.samples = Array::of_doubles({2, 2, 1, 2}, {1, 3, 0, 0, 5, 7, 4, 4}, DType::f64);
    const Conversion conversion = convert_file(file, options);
    std::vector<std::vector<double>> found;
    for (const auto& node : conversion.source->nodes()) {
      if (node->as<ops::BatchNorm>() == nullptr) continue;
      found.push_back(node->in(3).constant->doubles());
      found.push_back(node->in(4).constant->doubles());
    }
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(found[0], (std::vector<double>{4, 2}));
    EXPECT_EQ(found[1], (std::vector<double>{5, 4}));
    // After the first: (-3, -1, 1, 3) / sqrt(5), of which ReLU keeps 0, 0, 1, 3; and 0, 0, 1, 1.
    EXPECT_NEAR(found[2][0], 1 / std::sqrt(5.00001), 1e-12);
    EXPECT_NEAR(found[3][0], 1.5 / 5.00001, 1e-12);
    EXPECT_NEAR(found[2][1], 1 / std::sqrt(4.00001), 1e-12);
    ASSERT_EQ(conversion.report.statistics.size(), 2u);
    EXPECT_EQ(conversion.report.statistics[0].layer, "bn1");
    if (!training) {
      EXPECT_NEAR(conversion.report.statistics[0].largest_mean_shift, 4, 1e-4);
      EXPECT_NEAR(conversion.report.statistics[0].largest_variance_ratio, 5, 1e-4);
    }
    expect_contains(report::to_text(conversion.report, false), {"statistics from the data set", "bn2"});
    expect_contains(report::to_json(conversion.report), {"\"largest_mean_shift\""});
  }
}

TEST(ReestimateBatchNorm, ReplacesStatisticsOfTheBatch) {
  OnnxModelFile file;
  file.input("x", {1, 2, 1, 2}).output("y");
  file.floats("one", {2}, {1, 1});
  onnx::NodeProto& mean = file.node("ReduceMean", {"x"}, {"mean"});
  OnnxModelFile::attribute(mean, "keepdims", 0);
  onnx::AttributeProto& axes = *mean.add_attribute();
  axes.set_name("axes");
  axes.set_type(onnx::AttributeProto::INTS);
  for (const int axis : {0, 2, 3}) axes.add_ints(axis);
  file.node("BatchNormalization", {"x", "one", "one", "mean", "one"}, {"y"}, "bn");
  expect_contains(error_of([&] { convert_file(file, {}); }), {"'bn'", "--reestimate-bn"});
  ConvertOptions options;
  options.data_set = "calib.npy";
  options.samples = Array::of_doubles({2, 2, 1, 2}, {1, 3, 0, 0, 5, 7, 4, 4}, DType::f64);
  const Conversion conversion = convert_file(file, options);
  for (const auto& step : conversion.report.steps) EXPECT_NE(step.op, "Reduce");
  expect_contains(report::to_text(conversion.report, false), {"none before"});
}

// Relu, then (x - mean) / deviation * scale + bias on a view of two channels.
void add_written_out_norm(OnnxModelFile& file, bool folded) {
  file.input("x", {1, 2, 1, 2}).output("y");
  file.integers("flat", {1, 2, 2});
  file.floats("mean", {1, 2, 1}, {1, 2});
  file.floats("variance", {1, 2, 1}, {3, 8});
  file.floats("epsilon", {}, {1});
  file.floats("deviation", {1, 2, 1}, {2, 3});
  file.floats("scale", {1, 2, 1}, {5, 6});
  file.floats("bias", {2, 1}, {7, 8});
  file.node("Relu", {"x"}, {"r"});
  file.node("Reshape", {"r", "flat"}, {"f"});
  file.node("Add", {"variance", "epsilon"}, {"sum"});
  file.node("Sqrt", {"sum"}, {"root"});
  file.node("Sub", {"f", "mean"}, {"centred"});
  file.node("Div", {"centred", folded ? "deviation" : "root"}, {"n"});
  file.node("Mul", {"scale", "n"}, {"m"});
  file.node("Add", {"m", "bias"}, {"y"}, "end");
}

TEST(ReestimateBatchNorm, FindsWrittenOutOnes) {
  for (const bool folded : {false, true}) {
    OnnxModelFile file;
    add_written_out_norm(file, folded);
    ConvertOptions options;
    options.data_set = "calib.npy";
    options.samples = Array::of_doubles({2, 2, 1, 2}, {1, 3, 0, 0, 5, 7, 4, 4}, DType::f64);
    const Conversion conversion = convert_file(file, options);
    ASSERT_EQ(conversion.report.statistics.size(), 1u);
    EXPECT_EQ(conversion.report.statistics[0].layer, "end");
    EXPECT_NEAR(conversion.report.statistics[0].largest_mean_shift, 3.0 / 2, 1e-6);
    const Node* norm = nullptr;
    for (const auto& node : conversion.source->nodes())
      if (node->as<ops::BatchNorm>() != nullptr) norm = node.get();
    ASSERT_NE(norm, nullptr);
    EXPECT_NEAR(norm->as<ops::BatchNorm>()->epsilon, folded ? 1e-5 : 1, 1e-12);
    EXPECT_EQ(norm->in(1).constant->doubles(), (std::vector<double>{5, 6}));
    EXPECT_EQ(norm->in(2).constant->doubles(), (std::vector<double>{7, 8}));
    EXPECT_EQ(norm->in(3).constant->doubles(), (std::vector<double>{4, 2}));
    EXPECT_EQ(norm->in(4).constant->doubles(), (std::vector<double>{5, 4}));
  }
}

TEST(ReestimateBatchNorm, PreprocessingStays) {
  OnnxModelFile file;
  file.input("x", {1, 2, 1, 2}).output("y");
  file.floats("mean", {2, 1, 1}, {1, 2});
  file.node("Sub", {"x", "mean"}, {"c"});
  file.node("Div", {"c", "mean"}, {"y"});
  ConvertOptions options;
  options.data_set = "calib.npy";
  options.samples = Array::of_doubles({1, 2, 1, 2}, {1, 3, 0, 0}, DType::f64);
  expect_contains(error_of([&] { convert_file(file, options); }), {"no batch normalization"});
}

// [2, 3, 4] as [1, 6, 4]: every row by its own statistics, or by those of something else.
void add_batch_of_one(OnnxModelFile& file, const std::string& statistics) {
  file.input("x", {2, 3, 4}).output("y");
  file.integers("rows", {1, 6, 4});
  file.integers("back", {2, 3, 4});
  file.floats("one", {6}, {1, 1, 1, 1, 1, 1});
  file.node("Reshape", {"x", "rows"}, {"r"});
  const auto mean = [&](const char* of, const char* result, int keep) {
    onnx::NodeProto& node = file.node("ReduceMean", {of}, {result});
    OnnxModelFile::attribute(node, "keepdims", keep);
    onnx::AttributeProto& axes = *node.add_attribute();
    axes.set_name("axes");
    axes.set_type(onnx::AttributeProto::INTS);
    for (const int axis : {0, 2}) axes.add_ints(axis);
  };
  mean("r", "mean", 0);
  mean("r", "kept", 1);
  file.node("Sub", {"r", "kept"}, {"c"});
  file.node("Mul", {"c", "c"}, {"q"});
  mean("q", "variance", 0);
  file.node("Add", {"variance", "one"}, {"other"});
  onnx::NodeProto& norm = file.node("BatchNormalization", {"r", "one", "one"}, {"n"}, "bn");
  norm.add_input("mean");
  norm.add_input(statistics);
  file.node("Reshape", {"n", "back"}, {"y"});
}

TEST(BatchesOfOne, RowsOfAViewAreAGroupNorm) {
  OnnxModelFile file;
  add_batch_of_one(file, "variance");
  const Conversion conversion = convert_file(file, {});
  ASSERT_EQ(conversion.report.steps.size(), 1u);
  EXPECT_EQ(conversion.report.steps[0].op, "GroupNorm");
}

TEST(BatchesOfOne, OtherStatisticsAreNone) {
  for (const char* variance : {"other", "one"}) {
    OnnxModelFile file;
    add_batch_of_one(file, variance);
    expect_contains(error_of([&] { convert_file(file, {}); }), {"'bn'", "--reestimate-bn"});
  }
}

TEST(ReestimateBatchNorm, SaysWhatIsWrong) {
  OnnxModelFile file;
  add_norms(file, true);
  expect_contains(error_of([&] { convert_file(file, {}); }), {"'bn1'", "--reestimate-bn"});
  const auto error = [&](const Array& samples) {
    ConvertOptions options;
    options.data_set = "calib.npy";
    options.samples = samples;
    return error_of([&] { convert_file(file, options); });
  };
  expect_contains(error(Array::of_doubles({2, 2, 2}, std::vector<double>(8), DType::f64)),
                  {"calib.npy", "2x2x2", "1x2x1x2"});
  expect_contains(error(Array::of_doubles({2, 2, 1, 2}, {1, 2, 3, 4, 5, NAN, 7, 8}, DType::f64)),
                  {"calib.npy", "element 1 of sample 1 is nan"});
  OnnxModelFile plain;
  plain.input("x", {1, 2, 1, 2}).output("y").node("Relu", {"x"}, {"y"});
  ConvertOptions options;
  options.data_set = "calib.npy";
  options.samples = Array::of_doubles({1, 2, 1, 2}, {1, 2, 3, 4}, DType::f64);
  expect_contains(error_of([&] { convert_file(plain, options); }), {"no batch normalization"});
}

TEST(SharedWeights, OneCopyOfEqualAndTransposedMatrices) {
  OnnxModelFile file;
  file.input("x", {1, 3}).output("y");
  const std::vector<float> matrix = {1, 2, 3, 4, 5, 6, 7, 8, 9}, transposed = {1, 4, 7, 2, 5, 8, 3, 6, 9};
  file.floats("w", {3, 3}, matrix);
  file.floats("same", {3, 3}, matrix);
  file.floats("transposed", {3, 3}, transposed);
  file.node("MatMul", {"x", "w"}, {"a"}, "first");
  file.node("Sigmoid", {"a"}, {"b"});
  file.node("MatMul", {"b", "same"}, {"c"}, "second");
  file.node("Sigmoid", {"c"}, {"d"});
  OnnxModelFile::attribute(file.node("Gemm", {"d", "transposed"}, {"y"}, "third"), "transB", 1);
  const Conversion conversion = convert_file(file, {});
  const auto& shared = conversion.report.shared_weights;
  ASSERT_EQ(shared.size(), 1u);
  EXPECT_EQ(shared[0].steps, (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(shared[0].saved(), 2 * shared[0].bytes);
  int64_t used = 0;
  for (const auto& step : conversion.report.steps) used += step.weight_bytes;
  EXPECT_EQ(used - conversion.report.weight_bytes, shared[0].saved());
  expect_contains(report::to_text(conversion.report, false), {"shared weights", "first, second, third"});
  expect_contains(report::to_json(conversion.report), {"\"saved_bytes\""});
}

TEST(SharedWeights, ALayerAndItsTransposeShareABlock) {
  OnnxModelFile file;
  file.input("x", {1, 2}).output("y");
  file.floats("w", {2, 3}, {1, 2, 3, 4, 5, 6});
  file.floats("bias", {2}, {1, -1});
  file.node("MatMul", {"x", "w"}, {"a"}, "first");
  file.node("Sigmoid", {"a"}, {"b"});
  OnnxModelFile::attribute(file.node("Gemm", {"b", "w", "bias"}, {"y"}, "second"), "transB", 1);
  const Conversion conversion = convert_file(file, {});
  const auto& shared = conversion.report.shared_weights;
  ASSERT_EQ(shared.size(), 1u);
  EXPECT_EQ(shared[0].steps, (std::vector<std::string>{"first", "second"}));
}

// Weight arithmetic of every spelling is gone (tests/models/make_weights.py).
TEST(WeightGoldens, OnlyLayersStay) {
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(LINNET_GOLDENS)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".onnx" || !name.starts_with("weights_")) continue;
    ++cases;
    for (const report::StepSummary& step : convert(entry.path(), {}).report.steps)
      EXPECT_TRUE(step.op == "Conv2D" || step.op == "FullyConnected" || step.op == "ConvTranspose2D" ||
                  step.op == "DepthwiseConv2D")
          << name << ": " << step.op;
  }
  EXPECT_GE(cases, 100);
}

}  // namespace
}  // namespace linnet::test
