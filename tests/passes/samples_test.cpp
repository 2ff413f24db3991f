// Which open first dimensions are batches of independent samples: every case is evaluated with three samples and with
// each of them alone.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "converter/import/samples.hpp"
#include "tests/passes/onnx_model.hpp"

namespace linnet::passes_test {
namespace {

using ir::Array;
using ir::Shape;

constexpr int64_t kSamples = 3;

struct Case {
  const char* name;
  Shape sample;  // of input x, without its first dimension
  std::function<void(OnnxModelFile&)> build;
};

void ints(onnx::NodeProto& node, const char* name, std::initializer_list<int64_t> values) {
  onnx::AttributeProto& added = *node.add_attribute();
  added.set_name(name);
  added.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) added.add_ints(value);
}

void weights(OnnxModelFile& model, const char* name, const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(ir::element_count(shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.1f * static_cast<float>((i * 7 + 3) % 11) - 0.4f;
  model.floats(name, shape, values);
}

void integer(onnx::NodeProto& node, const char* name, int64_t value) {
  OnnxModelFile::attribute(node, name, value);
}

// n: the number of samples as a tensor of one element, s: x's shape.
void count_samples(OnnxModelFile& m) {
  m.node("Shape", {"x"}, {"s"});
  m.integers("zero", {0});
  m.node("Gather", {"s", "zero"}, {"n"});
}

void transpose(OnnxModelFile& m, const char* x, const char* y, std::initializer_list<int64_t> order) {
  ints(m.node("Transpose", {x}, {y}), "perm", order);
}

void gru(OnnxModelFile& m, const char* x, const char* y, const char* h) {
  weights(m, "W", {1, 6, 4});
  weights(m, "R", {1, 6, 2});
  integer(m.node("GRU", {x, "W", "R"}, {y, h}), "hidden_size", 2);
}

const Case kIndependent[] = {
    {"unary", {4}, [](auto& m) { m.node("Tanh", {"x"}, {"y"}); }},
    {"convolution",
     {3, 6, 6},
     [](auto& m) {
       weights(m, "w", {4, 3, 3, 3});
       m.node("Conv", {"x", "w"}, {"c"});
       m.node("GlobalAveragePool", {"c"}, {"p"});
       m.node("Flatten", {"p"}, {"y"});
     }},
    {"linear of a view by -1",
     {3, 4},
     [](auto& m) {
       weights(m, "w", {12, 5});
       m.integers("shape", {-1, 12});
       m.node("Reshape", {"x", "shape"}, {"r"});
       m.node("MatMul", {"r", "w"}, {"y"});
     }},
    {"view by the shape",
     {3, 4},
     [](auto& m) {
       count_samples(m);
       m.integers("rest", {-1});
       integer(m.node("Concat", {"n", "rest"}, {"shape"}), "axis", 0);
       m.node("Reshape", {"x", "shape"}, {"y"});
     }},
    {"samples in another place and back",
     {3, 4},
     [](auto& m) {
       transpose(m, "x", "t", {1, 0, 2});
       m.integers("rows", {-1, 4});
       m.node("Reshape", {"t", "rows"}, {"r"});
       integer(m.node("Softmax", {"r"}, {"e"}), "axis", 1);
       m.integers("back", {3, -1, 4});
       m.node("Reshape", {"e", "back"}, {"b"});
       transpose(m, "b", "y", {1, 0, 2});
     }},
    {"attention within a sample",
     {3, 4},
     [](auto& m) {
       transpose(m, "x", "t", {0, 2, 1});
       m.node("MatMul", {"x", "t"}, {"a"});
       integer(m.node("Softmax", {"a"}, {"p"}), "axis", -1);
       m.node("MatMul", {"p", "x"}, {"y"});
     }},
    {"heads as samples",
     {3, 4},
     [](auto& m) {
       m.integers("split", {-1, 3, 2, 2});
       m.node("Reshape", {"x", "split"}, {"h"});
       transpose(m, "h", "t", {0, 2, 1, 3});
       m.integers("merged", {-1, 3, 2});
       m.node("Reshape", {"t", "merged"}, {"r"});
       ints(m.node("ReduceMax", {"r"}, {"q"}), "axes", {1});
       m.integers("whole", {-1, 4});
       m.node("Reshape", {"q", "whole"}, {"y"});
     }},
    {"recurrent layer",
     {3, 4},
     [](auto& m) {
       transpose(m, "x", "t", {1, 0, 2});
       gru(m, "t", "g", "");
       transpose(m, "g", "y", {2, 0, 1, 3});
     }},
    {"class token for every sample",
     {3, 4},
     [](auto& m) {
       weights(m, "token", {1, 1, 4});
       count_samples(m);
       m.integers("rest", {1, 4});
       integer(m.node("Concat", {"n", "rest"}, {"shape"}), "axis", 0);
       m.node("Expand", {"token", "shape"}, {"e"});
       integer(m.node("Concat", {"e", "x"}, {"y"}), "axis", 1);
     }},
    {"zeros for every sample",
     {4},
     [](auto& m) {
       m.node("Shape", {"x"}, {"s"});
       m.node("ConstantOfShape", {"s"}, {"z"});
       m.node("Add", {"x", "z"}, {"y"});
     }},
    {"rows that remain one after the other",
     {4},
     [](auto& m) {
       m.integers("shape", {-1, 2});
       m.node("Reshape", {"x", "shape"}, {"y"});
     }},
    {"mixing that nothing reads",
     {4},
     [](auto& m) {
       integer(m.node("Softmax", {"x"}, {"unused"}), "axis", 0);
       m.node("Relu", {"x"}, {"y"});
     }},
};

const Case kMixing[] = {
    {"recurrent layer over them", {2, 4}, [](auto& m) { gru(m, "x", "y", ""); }},
    {"state of a recurrent layer",
     {3, 4},
     [](auto& m) {
       transpose(m, "x", "t", {1, 0, 2});
       gru(m, "t", "", "y");
     }},
    {"softmax", {4}, [](auto& m) { integer(m.node("Softmax", {"x"}, {"y"}), "axis", 0); }},
    {"mean", {4}, [](auto& m) { ints(m.node("ReduceMean", {"x"}, {"y"}), "axes", {0}); }},
    {"maximum of all", {4}, [](auto& m) { m.node("ReduceMax", {"x"}, {"y"}); }},
    {"transposition",
     {4},
     [](auto& m) {
       transpose(m, "x", "y", {1, 0});
     }},
    {"attention between them",
     {4},
     [](auto& m) {
       transpose(m, "x", "t", {1, 0});
       m.node("MatMul", {"x", "t"}, {"a"});
       m.node("MatMul", {"a", "x"}, {"y"});
     }},
    {"product over them",
     {3},
     [](auto& m) {
       transpose(m, "x", "t", {1, 0});
       m.node("MatMul", {"t", "x"}, {"y"});
     }},
    {"concatenation",
     {4},
     [](auto& m) {
       weights(m, "first", {1, 4});
       integer(m.node("Concat", {"first", "x"}, {"y"}), "axis", 0);
     }},
    {"first of them",
     {4},
     [](auto& m) {
       m.integers("begin", {0});
       m.integers("end", {1});
       m.node("Slice", {"x", "begin", "end"}, {"y"});
     }},
    {"reversed",
     {4},
     [](auto& m) {
       m.integers("begin", {-1});
       m.integers("end", {-100});
       m.integers("axis", {0});
       m.integers("step", {-1});
       m.node("Slice", {"x", "begin", "end", "axis", "step"}, {"y"});
     }},
    {"gathered",
     {4},
     [](auto& m) {
       m.integers("index", {0, 0, 0});
       m.node("Gather", {"x", "index"}, {"y"});
     }},
    {"padded",
     {4},
     [](auto& m) {
       m.integers("pads", {1, 0, 0, 0});
       m.node("Pad", {"x", "pads"}, {"y"});
     }},
    {"position of each",
     {4},
     [](auto& m) {
       weights(m, "table", {100, 4});
       count_samples(m);
       m.node("Slice", {"table", "zero", "n"}, {"p"});
       m.node("Add", {"x", "p"}, {"y"});
     }},
    {"divided by their number",
     {4},
     [](auto& m) {
       count_samples(m);
       integer(m.node("Cast", {"n"}, {"f"}), "to", onnx::TensorProto::FLOAT);
       m.node("Div", {"x", "f"}, {"y"});
     }},
    {"view across them",
     {4},
     [](auto& m) {
       m.integers("shape", {2, -1});
       m.node("Reshape", {"x", "shape"}, {"y"});
     }},
    {"one row of all",
     {4},
     [](auto& m) {
       m.integers("shape", {1, -1});
       m.node("Reshape", {"x", "shape"}, {"y"});
     }},
    {"image of which they are lines",
     {2, 6},
     [](auto& m) {
       weights(m, "w", {1, 1, 3, 3});
       transpose(m, "x", "t", {1, 0, 2});
       m.integers("split", {2, 1, -1, 6});
       m.node("Reshape", {"t", "split"}, {"i"});
       ints(m.node("Conv", {"i", "w"}, {"c"}), "pads", {1, 1, 1, 1});
       m.integers("merged", {2, -1, 6});
       m.node("Reshape", {"c", "merged"}, {"r"});
       transpose(m, "r", "y", {1, 0, 2});
     }},
};

OnnxModelFile& built(OnnxModelFile& model, const Case& c) {
  Shape shape = {0};
  shape.insert(shape.end(), c.sample.begin(), c.sample.end());
  model.input("x", shape).output("y");
  c.build(model);
  return model;
}

Array evaluated(const OnnxModelFile& model, const Array& x) {
  return ir::evaluate(*model.import({{"x", x.shape()}}).graph, {x})[0];
}

// Whether three samples give what each of them gives, one after the other.
bool independent(const OnnxModelFile& model, const Case& c) {
  Shape shape = {1};
  shape.insert(shape.end(), c.sample.begin(), c.sample.end());
  std::minstd_rand random(1);
  std::vector<double> all, alone;
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    std::vector<double> values(static_cast<size_t>(ir::element_count(shape)));
    for (double& value : values) value = 2.0 * random() / std::minstd_rand::max() - 1.0;
    const Array y = evaluated(model, Array::of_doubles(shape, values));
    for (size_t i = 0; i < y.size(); ++i) alone.push_back(y.number(i));
    all.insert(all.end(), values.begin(), values.end());
  }
  const Shape one =
      evaluated(model, Array::of_doubles(shape, {all.begin(), all.begin() + ir::element_count(shape)})).shape();
  shape[0] = kSamples;
  const Array together = evaluated(model, Array::of_doubles(shape, all));
  Shape wanted = one;
  if (!wanted.empty()) wanted[0] *= kSamples;
  if (together.shape() != wanted || together.size() != alone.size()) return false;
  for (size_t i = 0; i < alone.size(); ++i)
    if (std::abs(together.number(i) - alone[i]) > 1e-9) return false;
  return true;
}

TEST(Samples, IndependentOnesAreSetToOne) {
  for (const Case& c : kIndependent) {
    SCOPED_TRACE(c.name);
    OnnxModelFile model(13);
    built(model, c);
    EXPECT_TRUE(independent(model, c));
    EXPECT_EQ(model.problems(), std::vector<std::string>());
    EXPECT_EQ(model.import().open_inputs, std::vector<std::string>{"x"});
  }
}

TEST(Samples, OthersNeedAShape) {
  for (const Case& c : kMixing) {
    SCOPED_TRACE(c.name);
    OnnxModelFile model(13);
    built(model, c);
    EXPECT_FALSE(independent(model, c));
    const std::vector<std::string> problems = model.problems();
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].find("the first dimension of x is open, and is no batch of independent samples"),
              std::string::npos)
        << problems[0];
    EXPECT_NE(problems[0].find("--shape x=1,"), std::string::npos) << problems[0];
    Shape shape = {kSamples};
    shape.insert(shape.end(), c.sample.begin(), c.sample.end());
    EXPECT_EQ(model.problems({{"x", shape}}), std::vector<std::string>());
  }
}

// The exporter wrote the number of samples into a shape: there is no other.
TEST(Samples, ModelsOfOneSampleConvert) {
  OnnxModelFile model(13);
  model.input("x", {0, 4}).output("y");
  weights(model, "w", {4, 2});
  model.integers("shape", {1, 4});
  model.node("Reshape", {"x", "shape"}, {"r"});
  model.node("MatMul", {"r", "w"}, {"y"});
  EXPECT_EQ(model.problems(), std::vector<std::string>());
}

TEST(Samples, SeveralInputs) {
  OnnxModelFile model(13);
  model.input("x", {0, 4}).input("z", {0, 4}).output("y");
  onnx::NodeProto& node = model.node("Add", {"x", "z"}, {"y"});
  EXPECT_EQ(model.import().open_inputs, (std::vector<std::string>{"x", "z"}));
  node.set_op_type("MatMul");
  transpose(model, "z", "t", {1, 0});
  node.set_input(1, "t");
  ASSERT_EQ(model.problems().size(), 1u);
  EXPECT_NE(model.problems()[0].find("--shape x=1,4 --shape z=1,4"), std::string::npos) << model.problems()[0];
}

}  // namespace
}  // namespace linnet::passes_test
