// Layers with weights of a few bits and with zeros, stored as what they are: the engine against the reference
// evaluator.
#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"
#include "converter/weights/codes.hpp"
#include "tests/passes/engine.hpp"

namespace linnet::test {
namespace {

// What is stored is what the treated network computes.
// Convolutions, one of two groups, and a linear layer behind one of so many outputs.
void add_layers(GraphBuilder& b, int64_t channels, int64_t outputs) {
  Value* x = b.conv(b.input({1, 24, 9, 10}), 64, 3, 1, 1, 2);
  x = b.conv(b.unary(Function::Relu, x), 70, 1);
  x = b.unary(Function::Relu, b.conv(x, channels, 3, 1, 2));
  x = b.reshape(x, {1, channels * 25});
  ops::Linear linear;
  b.output(b.add(linear, {x, b.random({outputs, channels * 25}), b.random({outputs})}));
}

// Empty texts are no rules.
void add_treatments(const std::string& weights, const std::string& cluster, treat::Options* treatments) {
  if (!weights.empty()) treatments->weights.push_back(treat::parse_weights(weights));
  if (!cluster.empty()) treatments->cluster.push_back(treat::parse_cluster(cluster));
}

std::vector<double> engine_output(const Conversion& conversion, const Array& input) {
  Engine engine(conversion.model);
  engine.set_input(0, input);
  engine.run();
  return engine.output(0);
}

TEST(SmallWeights, GridsAndCodebooks) {
  struct Case {
    std::string weights, cluster;
    int64_t least;  // so many times smaller than floats
  };
  for (const Case& c : {Case{"int4", "", 5},
                        {"bits=4", "", 5},
                        {"bits=4,group=32", "", 4},
                        {"int2", "", 7},
                        {"bits=3,scheme=symmetric,group=tensor", "", 5},
                        {"bits=2", "", 8},
                        {"", "16", 5},
                        {"", "16,per=16", 5}}) {
    SCOPED_TRACE(c.weights + c.cluster);
    GraphBuilder b;
    add_layers(b, 64, 150);
    ConvertOptions options;
    options.check_passes = true;
    add_treatments(c.weights, c.cluster, &options.treatments);
    const Conversion conversion = convert(b.graph.clone(), options);
    ASSERT_EQ(conversion.report.coded_layers.size(), 4u);
    for (const report::CodedLayer& layer : conversion.report.coded_layers) {
      EXPECT_EQ(layer.reason, "") << layer.layer;
      EXPECT_LT(layer.bytes * c.least, layer.dense_bytes) << layer.layer;
    }
    EXPECT_EQ(fb::GetModel(conversion.model.data())->version(), 4u);
    const Array input = input_for(*conversion.graph->inputs[0], 3);
    const Array wanted = evaluate(*conversion.graph, {input})[0];
    const std::vector<double> got = engine_output(conversion, input);
    double largest = 0;
    for (size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::fabs(wanted.number(i)));
    // The last layer's outputs are differences of sums several times as large.
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted.number(i), 4e-6 * largest) << "element " << i;
  }
}

// With int8 arithmetic the integers are stored as codes, and results are those of the integers.
TEST(SmallWeights, Int8) {
  struct Case {
    std::string weights, cluster, storage;
  };
  for (const Case& c : {Case{"bits=4,scheme=symmetric", "", "4 bits, int8 tables"},
                        {"bits=4", "", "4 bits, int8 tables of outputs"},
                        {"bits=2,scheme=symmetric", "", "2 bits, int8 tables"},
                        {"bits=2", "", "2 bits, int8 tables of outputs"},
                        {"", "16,per=16", "4 bits, int8 tables"}}) {
    SCOPED_TRACE(c.weights + c.cluster);
    GraphBuilder b;
    add_layers(b, 24, 60);
    ConvertOptions options;
    options.quantization.emplace();
    for (int seed = 10; seed < 14; ++seed)
      options.quantization->samples.push_back({input_for(*b.graph.inputs[0], seed).cast(DType::f32)});
    const auto dense = convert(b.graph.clone(), options).model.size();
    add_treatments(c.weights, c.cluster, &options.treatments);
    const Conversion conversion = convert(b.graph.clone(), options);
    ASSERT_EQ(conversion.report.coded_layers.size(), 4u) << report::to_text(conversion.report, true);
    for (const report::CodedLayer& layer : conversion.report.coded_layers) {
      EXPECT_EQ(layer.reason, "") << layer.layer;
      EXPECT_TRUE(layer.storage.starts_with(c.storage)) << layer.layer << ": " << layer.storage;
    }
    EXPECT_LT(4 * conversion.model.size(), 3 * dense);
    EXPECT_EQ(fb::GetModel(conversion.model.data())->version(), 4u);
    const Array input = input_for(*conversion.graph->inputs[0], 3);
    EXPECT_EQ(engine_output(conversion, input), evaluate(*conversion.graph, {input})[0].doubles());
  }
}

// Few integers that nobody asked for are codes where size is wanted.
TEST(SmallWeights, Int8AsFound) {
  GraphBuilder b;
  std::vector<double> weights(64 * 48);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = 0.25 * (static_cast<int>(i * i / 3 % 15) - 7);
  ops::Linear linear;
  b.output(b.add(linear, {b.input({3, 48}), b.constant({64, 48}, std::move(weights)), b.random({64})}));
  ConvertOptions options;
  options.quantization.emplace();
  options.quantization->samples.push_back({input_for(*b.graph.inputs[0], 1).cast(DType::f32)});
  const Conversion fast = convert(b.graph.clone(), options);
  EXPECT_TRUE(fast.report.coded_layers.empty());
  options.optimize = weights::Optimize::size;
  const Conversion small = convert(b.graph.clone(), options);
  ASSERT_EQ(small.report.coded_layers.size(), 1u);
  EXPECT_EQ(small.report.coded_layers[0].storage, "4 bits, int8 tables");
  const Array input = input_for(*small.graph->inputs[0], 3);
  EXPECT_EQ(engine_output(small, input), engine_output(fast, input));
}

// What has no codes stays as it is, with the reason.
TEST(SmallWeights, WithoutCodes) {
  GraphBuilder b;
  Value* x = b.conv(b.input({1, 20, 9, 10}), 20, 3, 1, 1, 20);
  b.output(b.conv(x, 24, 1));
  ConvertOptions options;
  options.treatments.cluster.push_back(treat::parse_cluster("256"));
  const Conversion conversion = convert(b.graph.clone(), options);
  ASSERT_EQ(conversion.report.coded_layers.size(), 2u) << report::to_text(conversion.report, true);
  EXPECT_EQ(conversion.report.coded_layers[0].reason,
            "only convolutions with several inputs an output and linear layers have codes");
  EXPECT_EQ(conversion.report.coded_layers[1].reason, "256 different codes need more than 4 bits");
  for (const report::CodedLayer& layer : conversion.report.coded_layers) EXPECT_EQ(layer.bytes, layer.dense_bytes);
}

// Groups of 32 inputs have steps of their own, and int8 weights one of the output.
TEST(SmallWeights, Int8WithoutCodes) {
  GraphBuilder b;
  b.output(b.conv(b.conv(b.input({1, 20, 9, 10}), 20, 3, 1, 1, 20), 24, 3));
  ConvertOptions options;
  options.quantization.emplace();
  options.quantization->samples.push_back({input_for(*b.graph.inputs[0], 1).cast(DType::f32)});
  options.treatments.weights.push_back(treat::parse_weights("bits=4,group=32"));
  const Conversion conversion = convert(b.graph.clone(), options);
  ASSERT_EQ(conversion.report.coded_layers.size(), 2u) << report::to_text(conversion.report, true);
  EXPECT_EQ(conversion.report.coded_layers[0].reason,
            "of int8, only convolutions with several inputs an output and linear layers have codes");
  EXPECT_EQ(conversion.report.coded_layers[1].reason, weights::kNoInt8Codes);
  EXPECT_EQ(conversion.report.coded_layers[1].storage, "int8");
}

// Layers with zeros in all patterns: what is stored without them gives what it gave with them.
TEST(SmallWeights, Zeros) {
  GraphBuilder b;
  const auto zeros = [&](const Shape& shape, int64_t block) {
    std::vector<double> values = b.random(shape)->constant->doubles();
    const int64_t k = element_count(shape) / shape[0];
    for (int64_t o = 0; o < shape[0]; ++o)
      for (int64_t i = 0; i < k; ++i)
        if ((i + 5 * (o / block)) % 12 != 0) values[static_cast<size_t>(o * k + i)] = 0;
    return b.constant(shape, std::move(values));
  };
  const auto conv = [&](Value* x, int64_t outputs, int64_t kernel, int64_t block) {
    ops::Conv op;
    op.strides = {kernel / 2 + 1, kernel / 2 + 1};
    op.dilations = {1, 1};
    op.pads_begin = op.pads_end = {kernel / 2, kernel / 2};
    return b.add(op, {x, zeros({outputs, x->shape()[1], kernel, kernel}, block), b.random({outputs})});
  };
  Value* y = conv(b.input({1, 24, 12, 13}), 36, 1, 1);
  y = conv(y, 40, 3, 4);
  y = conv(y, 48, 1, 16);
  b.output(y);
  ops::Linear linear;
  b.output(b.add(linear, {b.input({7, 600}), zeros({50, 600}, 4), b.random({50})}, "linear"));
  ConvertOptions options;
  options.storage = {treat::parse_storage("sparse")};
  expect_same(b.graph, options);
  const Conversion conversion = convert(b.graph.clone(), options);
  ASSERT_EQ(conversion.report.storages.size(), 4u);
  for (const report::StoredLayer& layer : conversion.report.storages)
    EXPECT_TRUE(layer.storage.starts_with("sparse")) << layer.layer << ": " << layer.reason;
}

}  // namespace
}  // namespace linnet::test
