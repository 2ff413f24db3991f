// What the importer of RNN, GRU and LSTM says about input that it does not support.
#include "tests/ops/onnx_node.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ir;

constexpr int64_t kSteps = 7, kBatch = 2, kInputs = 4, kHidden = 5;
constexpr auto kFloat = onnx::TensorProto::FLOAT;
constexpr auto kInt32 = onnx::TensorProto::INT32;

// An LSTM of one direction up to its bias; the next input is sequence_lens.
OnnxNode lstm(int opset = 14, Shape x = {kSteps, kBatch, kInputs}, Shape recurrent = {1, 4 * kHidden, kHidden}) {
  Random random(1);
  OnnxNode node("LSTM", opset);
  node.input(x).constant(random.array({1, 4 * kHidden, kInputs})).constant(random.array(recurrent));
  node.constant(random.array({1, 8 * kHidden})).outputs(1);
  return node;
}

Array lengths(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return Array::of_integers({count}, std::move(values), DType::i32);
}

void expect_problem(const OnnxNode& node, const std::string& text) {
  const std::string problems = node.problems();
  EXPECT_NE(problems.find(text), std::string::npos) << problems << "wanted: " << text;
}

TEST(Recurrent, ImporterTakesWhatTheOthersSpoil) {
  EXPECT_EQ(lstm().problems(), "none");
  EXPECT_EQ(lstm(7).problems(), "none");
  EXPECT_EQ(lstm().constant(lengths({3, 7}), kInt32).problems(), "none");
}

TEST(Recurrent, ImporterRejectsAttributes) {
  expect_problem(lstm().attribute("direction", "backward"), "direction is 'backward', supported are forward");
  expect_problem(lstm().attribute("layout", 2), "layout is 2, supported are 0 and 1");
  expect_problem(lstm(13).attribute("layout", 1), "attribute layout is not one of this operator");
  expect_problem(lstm().attribute("clip", 0.0f), "clip is 0, supported are positive finite numbers");
  expect_problem(lstm().attribute("clip", -1.0f), "clip is -1");
  expect_problem(lstm().attribute("hidden_size", 6), "hidden_size is 6, R is of 5 hidden units");
  expect_problem(lstm().attribute("linear_before_reset", 1), "attribute linear_before_reset is not one");
}

TEST(Recurrent, ImporterRejectsActivations) {
  const auto with = [](const std::vector<std::string>& names) { return lstm().texts("activations", names); };
  expect_problem(with({"Sigmoid", "Tanh"}), "2 activations, expected 3");
  for (const char* name : {"Affine", "ThresholdedRelu", "ScaledTanh"})
    expect_problem(with({"Sigmoid", name, "Tanh"}),
                   std::string("activation ") + name +
                       " is not supported; supported are Relu, Tanh, Sigmoid, LeakyRelu, HardSigmoid, Elu, Softsign, "
                       "Softplus");
}

TEST(Recurrent, ImporterRejectsShapes) {
  expect_problem(lstm(14, {kSteps, kInputs}), "X has shape 7x4, supported are three dimensions");
  expect_problem(lstm(14, {kSteps, kBatch, kInputs + 1}), "W has shape 1x20x4, expected 1x20x5");
  expect_problem(lstm(14, {kSteps, kBatch, kInputs}, {4 * kHidden, kHidden}), "R has shape 20x5, supported are three");
  expect_problem(lstm(14, {kSteps, kBatch, kInputs}, {1, 4 * kHidden + 1, kHidden}),
                 "R has shape 1x21x5, expected 1x20x5");
  expect_problem(lstm().attribute("direction", "bidirectional"), "W has shape 1x20x4, expected 2x20x4");
  expect_problem(lstm().absent().input({1, kBatch + 1, kHidden}), "initial_h has shape 1x3x5, expected 1x2x5");
  expect_problem(lstm().absent().absent().input({kBatch, 1, kHidden}), "initial_c has shape 2x1x5, expected 1x2x5");
}

TEST(Recurrent, ImporterRejectsSequenceLengths) {
  expect_problem(lstm().input({kBatch}, kInt32), "sequence_lens (in4) depends on the model's inputs");
  expect_problem(lstm().constant(lengths({7}), kInt32), "sequence_lens has shape 1, expected 2");
  expect_problem(lstm().constant(lengths({7, 8}), kInt32), "sequence_lens has a length of 8, supported are 1 to 7");
  expect_problem(lstm().constant(lengths({0, 7}), kInt32), "sequence_lens has a length of 0");
}

TEST(Recurrent, ImporterRejectsWeightsThatAreNotConstant) {
  Random random(2);
  expect_problem(OnnxNode("GRU", 14)
                     .input({kSteps, kBatch, kInputs}, kFloat)
                     .input({1, 3 * kHidden, kInputs}, kFloat)
                     .constant(random.array({1, 3 * kHidden, kHidden}))
                     .outputs(1),
                 "W (in1) depends on the model's inputs, supported are constants");
}

}  // namespace
}  // namespace linnet::ops_test
