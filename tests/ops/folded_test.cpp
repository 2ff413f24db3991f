// The evaluation of constants against the ONNX project's own test cases (folded.bin, written by make_folded.py).
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>
#include <onnx/onnx.pb.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "converter/import/onnx.hpp"
#include "converter/import/tensor_reader.hpp"
#include "converter/pipeline.hpp"
#include "tests/ops/onnx_node.hpp"
#include "tests/ops/support.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ir;

std::vector<onnx::ModelProto> cases() {
  std::ifstream file(LINNET_OPS_TEST_DATA "/folded.bin", std::ios::binary);
  google::protobuf::io::IstreamInputStream stream(&file);
  std::vector<onnx::ModelProto> models;
  bool end = false;
  while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&models.emplace_back(), &stream, &end)) {
  }
  models.pop_back();
  EXPECT_TRUE(end);
  return models;
}

std::vector<Array> expected(const onnx::ModelProto& model) {
  const import::TensorReader reader{std::filesystem::path()};
  std::vector<Array> arrays;
  for (const onnx::TensorProto& tensor : model.graph().initializer())
    if (tensor.name() == "expected" + std::to_string(arrays.size())) arrays.push_back(reader.read(tensor));
  return arrays;
}

// Of single precision, of half precision where the case is computed in that.
double tolerance(DType dtype) {
  return dtype == DType::f16 ? 2e-3 : dtype == DType::bf16 ? 1e-2 : 1e-5;
}

void expect_near(const Array& actual, const Array& wanted) {
  ASSERT_EQ(to_string(actual.type()), to_string(wanted.type()));
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted.floating()) {
      ASSERT_EQ(actual.integer(i), wanted.integer(i)) << "element " << i;
      continue;
    }
    const double want = wanted.number(i), got = actual.number(i);
    if (std::isnan(want) ? std::isnan(got) : want == got) continue;
    ASSERT_LE(std::abs(got - want), tolerance(wanted.dtype()) * std::max(1.0, std::abs(want)))
        << "element " << i << ": " << got << ", expected " << want;
  }
}

TEST(Folded, ConstantsAreWhatTheSpecificationSays) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("linnet_folded_" + std::to_string(getpid()) + ".onnx");
  size_t count = 0;
  for (const onnx::ModelProto& model : cases()) {
    SCOPED_TRACE(model.graph().name());
    {
      std::ofstream file(path, std::ios::binary);
      model.SerializeToOstream(&file);
    }
    try {
      const import::OnnxModel imported = import::import_onnx(path, {});
      const std::vector<Array> got = evaluate(*imported.graph, {}), wanted = expected(model);
      ASSERT_EQ(got.size(), wanted.size());
      for (size_t i = 0; i < got.size(); ++i) expect_near(got[i], wanted[i]);
      ++count;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  std::filesystem::remove(path);
  EXPECT_GT(count, 900u);
}

// As the kernels do: a maximum or minimum of a NaN is NaN, positions pass it over.
TEST(Folded, ReductionsTreatNaNAsTheDeviceDoes) {
  const float nan = std::nanf("");
  for (const std::vector<float>& values : {std::vector<float>{nan, 1, 2}, {1, nan, 2}, {1, 2, nan}}) {
    const Array x = Array::of_floats({3}, values);
    for (const char* op_type : {"ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1"})
      EXPECT_TRUE(std::isnan(OnnxNode(op_type, 13).constant(x).run({}).number(0))) << op_type;
    const auto position = [&](const char* op_type) { return OnnxNode(op_type, 13).constant(x).run({}).integer(0); };
    EXPECT_EQ(values[static_cast<size_t>(position("ArgMax"))], 2.0f);
    EXPECT_EQ(values[static_cast<size_t>(position("ArgMin"))], 1.0f);
  }
}

TEST(Folded, IntegersThatLeaveTheirTypeAreErrors) {
  constexpr auto kInt64 = onnx::TensorProto::INT64, kInt32 = onnx::TensorProto::INT32;
  const Array most = Array::of_integers({2}, {INT64_MAX, INT64_MAX}), least = Array::of_integers({2}, {INT64_MIN, 1});
  for (const char* op_type : {"ReduceSum", "ReduceProd", "ReduceSumSquare", "ReduceL1"})
    EXPECT_NE(OnnxNode(op_type, 12).constant(most, kInt64).problems().find("(" + std::string(op_type)),
              std::string::npos);
  for (const char* op_type : {"Abs", "Neg", "ReduceL1", "ReduceSumSquare"})
    EXPECT_NE(OnnxNode(op_type, 12).constant(least, kInt64).problems(), "none") << op_type;
  const Array narrow = Array::of_integers({2}, {INT32_MIN, -1});
  for (const char* op_type : {"Abs", "Neg", "ReduceSum", "ReduceProd"})
    EXPECT_NE(OnnxNode(op_type, 12).constant(narrow, kInt32).problems(), "none") << op_type;
  EXPECT_EQ(OnnxNode("ReduceMean", 12).constant(most, kInt64).run({}).integer(0), INT64_MAX);
  EXPECT_EQ(OnnxNode("ReduceMin", 12).constant(least, kInt64).run({}).integer(0), INT64_MIN);
  EXPECT_EQ(
      OnnxNode("ArgMax", 12).constant(Array::of_integers({2}, {INT64_MAX - 1, INT64_MAX}), kInt64).run({}).integer(0),
      1);
}

// 0.1 is 0.0999755859375 in half precision and 0.10009765625 in bfloat16.
TEST(Folded, ConstantsAreRoundedToTheTypesTheyPassThrough) {
  const Array x = Array::of_floats({1}, {0.1f});
  EXPECT_EQ(OnnxNode("Cast", 13).constant(x).attribute("to", onnx::TensorProto::FLOAT16).run({}).number(0),
            0.0999755859375);
  EXPECT_EQ(OnnxNode("Cast", 13).constant(x).attribute("to", onnx::TensorProto::BFLOAT16).run({}).number(0),
            0.10009765625);
  EXPECT_EQ(OnnxNode("Cast", 13).input({1}).attribute("to", onnx::TensorProto::FLOAT16).import().warnings.size(), 1u);
  EXPECT_EQ(OnnxNode("Cast", 13).input({1}).attribute("to", onnx::TensorProto::INT64).import().warnings.size(), 1u);
  EXPECT_TRUE(OnnxNode("Cast", 13).input({1}).attribute("to", onnx::TensorProto::INT32).import().warnings.empty());
}

// What is computed from data instead has no step.
TEST(Folded, OfDataTheyAreErrorsThatNameTheOperator) {
  const std::pair<const char*, int> operators[] = {{"Tan", 7}, {"CumSum", 11}, {"Trilu", 14}, {"Greater", 9}};
  for (const auto& [op_type, opset] : operators) {
    OnnxNode node(op_type, opset);
    node.input({2, 2});
    if (op_type == std::string_view("CumSum")) node.constant(Array::of_integers({}, {1}), onnx::TensorProto::INT64);
    if (op_type == std::string_view("Greater")) node.input({2, 2});
    try {
      convert(std::move(node.import().graph), {});
      ADD_FAILURE() << op_type;
    } catch (const Problems& problems) {
      EXPECT_EQ(problems.list()[0], "node 'node' (" + std::string(op_type) + ", opset " + std::to_string(opset) +
                                        "): the device has no such operator; supported is what can be computed from "
                                        "constants");
    }
  }
}

// Shapes are known without the values.
TEST(Folded, ShapesOfWhatIsNotComputedAreConstants) {
  const import::OnnxModel model = OnnxNode("TopK", 11)
                                      .input({2, 5})
                                      .constant(Array::of_integers({1}, {3}), onnx::TensorProto::INT64)
                                      .outputs(2)
                                      .import();
  EXPECT_EQ(model.graph->outputs[1]->shape(), (Shape{2, 3}));
}

TEST(Folded, InputsBehindTheOperatorsAreErrors) {
  const Array x = Array::of_floats({2}, {1.0f, 2.0f});
  for (const auto& [op_type, inputs] :
       {std::pair<const char*, int>{"Relu", 1}, {"Add", 2}, {"Where", 3}, {"Conv", 3}}) {
    OnnxNode node(op_type, 13);
    for (int i = 0; i <= inputs; ++i) {
      if (op_type == std::string_view("Where") && i == 0)
        node.input({2}, onnx::TensorProto::BOOL);
      else if (op_type == std::string_view("Conv"))
        node.constant(Array::of_floats(i == 2 ? Shape{1} : Shape{1, 1, 1, 1}, {1.0f}));
      else
        node.constant(x);
    }
    const std::string wanted = "node 'node' (" + std::string(op_type) + ", opset 13): has " +
                               std::to_string(inputs + 1) + " inputs; supported are up to " + std::to_string(inputs);
    EXPECT_EQ(node.problems().find(wanted), 0u) << node.problems();
  }
}

// Before opset 14 the five outputs tell of training.
TEST(Folded, BatchNormalizationWithFiveOutputsTakesTheInputsStatistics) {
  const Array x = Array::of_floats({2, 1, 1}, {1.0f, 3.0f}), one = Array::of_floats({1}, {1.0f}),
              zero = Array::of_floats({1}, {0.0f}), mean = Array::of_floats({1}, {10.0f}),
              variance = Array::of_floats({1}, {5.0f});
  const auto node = [&](int outputs) {
    OnnxNode result("BatchNormalization", 9);
    for (const Array& input : {x, one, zero, mean, variance}) result.constant(input);
    result.attribute("epsilon", 0.0f).attribute("momentum", 0.75f).outputs(outputs);
    return result;
  };
  EXPECT_NEAR(node(1).run({}).number(0), -9.0 / std::sqrt(5.0), 1e-12);
  const import::OnnxModel training = node(5).import();
  const std::vector<Array> outputs = evaluate(*training.graph, {});
  const double wanted[] = {-1.0, 0.75 * 10 + 0.25 * 2, 0.75 * 5 + 0.25 * 1, 2.0, 1.0};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(outputs[i].number(0), wanted[i], 1e-12) << i;
}

}  // namespace
}  // namespace linnet::ops_test
