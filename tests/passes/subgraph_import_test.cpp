// If, local functions and inputs given as constants: what becomes part of the graph.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/passes/onnx_model.hpp"

namespace linnet::passes_test {
namespace {

using ir::Array;
using ir::DType;
using ir::Shape;
using onnx::TensorProto;
using Lines = std::vector<std::string>;
using Values = std::vector<double>;

onnx::NodeProto& add_node(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const std::string& op_type,
                          std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs) {
  onnx::NodeProto& node = *nodes.Add();
  node.set_op_type(op_type);
  for (const char* input : inputs) node.add_input(input);
  for (const char* output : outputs) node.add_output(output);
  return node;
}

// A graph attribute with one output.
onnx::GraphProto& branch(onnx::NodeProto& node, const char* name, const char* output) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  attribute.mutable_g()->add_output()->set_name(output);
  return *attribute.mutable_g();
}

void reference(onnx::NodeProto& node, const char* name, const char* of, onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_ref_attr_name(of);
  attribute.set_type(type);
}

Values run(const OnnxModelFile& file, const std::vector<Array>& inputs) {
  const import::OnnxModel model = file.import();
  ir::verify(*model.graph, "import");
  return ir::evaluate(*model.graph, inputs)[0].doubles();
}

// y = If(the first dimension of x is `size`): Squeeze(x, 0) or -x, and `offset` from around added to either.
void add_squeeze(OnnxModelFile& file, int64_t size) {
  file.input("x", {1, 2}).output("y");
  file.integers("size", {size});
  file.integers("zero", {0});
  file.floats("offset", {1}, {10.0f});
  file.node("If", {"equal"}, {"y"}, "choice");
  file.node("Shape", {"x"}, {"shape"});
  file.node("Gather", {"shape", "zero"}, {"first"});
  file.node("Equal", {"first", "size"}, {"equal"});
  onnx::NodeProto& node = *file.graph().mutable_node(0);
  onnx::GraphProto& taken = branch(node, "then_branch", "t");
  add_node(*taken.mutable_node(), "Squeeze", {"x", "zero"}, {"s"});
  add_node(*taken.mutable_node(), "Add", {"s", "offset"}, {"t"});
  onnx::GraphProto& other = branch(node, "else_branch", "e");
  add_node(*other.mutable_node(), "Neg", {"x"}, {"s"});
  add_node(*other.mutable_node(), "Add", {"s", "offset"}, {"e"});
}

TEST(SubgraphImport, TheBranchTakenBecomesPartOfTheGraph) {
  const Array x = Array::of_floats({1, 2}, {1.0f, 2.0f});
  OnnxModelFile taken, other;
  add_squeeze(taken, 1);
  EXPECT_EQ(taken.import().graph->outputs[0]->shape(), Shape{2});
  EXPECT_EQ(taken.import().graph->outputs[0]->name, "y");
  EXPECT_EQ(run(taken, {x}), (Values{11.0, 12.0}));
  add_squeeze(other, 5);
  EXPECT_EQ(other.import().graph->outputs[0]->shape(), (Shape{1, 2}));
  EXPECT_EQ(run(other, {x}), (Values{9.0, 8.0}));
}

TEST(SubgraphImport, TheOtherBranchMayBeAnything) {
  OnnxModelFile file;
  add_squeeze(file, 1);
  onnx::GraphProto& other = *file.graph().mutable_node(0)->mutable_attribute(1)->mutable_g();
  other.mutable_node(0)->set_op_type("Frobnicate");
  other.mutable_node(1)->set_input(0, "nowhere");
  EXPECT_EQ(run(file, {Array::of_floats({1, 2}, {1.0f, 2.0f})}), (Values{11.0, 12.0}));
  OnnxModelFile wrong;
  add_squeeze(wrong, 5);
  wrong.graph().mutable_node(0)->mutable_attribute(1)->mutable_g()->mutable_node(0)->set_op_type("Frobnicate");
  EXPECT_EQ(wrong.problems(),
            Lines{"node 'Frobnicate_s' (Frobnicate, opset 17): operator Frobnicate is not supported"});
}

TEST(SubgraphImport, BranchesNestAndReturnWhatLiesAroundThem) {
  OnnxModelFile file;
  file.input("x", {2}).output("y");
  file.node("Abs", {"x"}, {"a"});
  onnx::TensorProto& yes = file.initializer("yes", {}, TensorProto::BOOL);
  yes.add_int32_data(1);
  onnx::NodeProto& outer = file.node("If", {"yes"}, {"c"}, "outer");
  onnx::GraphProto& outer_then = branch(outer, "then_branch", "t");
  branch(outer, "else_branch", "x");
  onnx::NodeProto& inner = add_node(*outer_then.mutable_node(), "If", {"yes"}, {"t"});
  branch(inner, "then_branch", "a");
  branch(inner, "else_branch", "x");
  file.node("Neg", {"c"}, {"y"});
  EXPECT_EQ(run(file, {Array::of_floats({2}, {-3.0f, 4.0f})}), (Values{-3.0, -4.0}));
}

TEST(SubgraphImport, AConditionOfDataIsAnError) {
  OnnxModelFile file;
  file.input("x", {2}).input("flag", {}, TensorProto::BOOL).output("y");
  onnx::NodeProto& node = file.node("If", {"flag"}, {"y"}, "choice");
  branch(node, "then_branch", "x");
  branch(node, "else_branch", "x");
  EXPECT_EQ(file.problems(),
            Lines{"node 'choice' (If, opset 17): input 0 (condition) must be constant, it depends on the graph's input "
                  "'flag'; --constant flag=VALUE gives that a constant value"});
}

// y = f(x, x), where f(a, b) = LeakyRelu(a, alpha of the call) + Clip(b), in a domain of its own.
onnx::FunctionProto& add_function(OnnxModelFile& file) {
  file.input("x", {2}).output("y");
  onnx::NodeProto& call = file.node("Block", {"x", "x"}, {"y"}, "call");
  call.set_domain("my");
  onnx::FunctionProto& function = *file.model.add_functions();
  function.set_name("Block");
  function.set_domain("my");
  function.add_opset_import()->set_version(6 + 5);
  for (const char* input : {"a", "b"}) function.add_input(input);
  function.add_output("c");
  function.add_attribute("slope");
  reference(add_node(*function.mutable_node(), "LeakyRelu", {"a"}, {"l"}), "alpha", "slope",
            onnx::AttributeProto::FLOAT);
  add_node(*function.mutable_node(), "Clip", {"b"}, {"r"});
  add_node(*function.mutable_node(), "Add", {"l", "r"}, {"c"});
  return function;
}

onnx::AttributeProto float_attribute(const char* name, float value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
  return attribute;
}

TEST(SubgraphImport, FunctionsAreInlinedWithTheAttributesOfTheCall) {
  const Array x = Array::of_floats({2}, {-4.0f, 4.0f});
  OnnxModelFile file;
  add_function(file);
  *file.graph().mutable_node(0)->add_attribute() = float_attribute("slope", 0.5f);
  EXPECT_EQ(run(file, {x}), (Values{-6.0, 8.0}));
  const import::OnnxModel model = file.import();
  EXPECT_EQ(model.graph->outputs[0]->name, "y");
  EXPECT_EQ(model.graph->nodes().front()->name, "call/LeakyRelu_l");
}

TEST(SubgraphImport, AttributesHaveTheFunctionsDefaultOrTheOperators) {
  const Array x = Array::of_floats({2}, {-4.0f, 4.0f});
  OnnxModelFile file;
  add_function(file);
  const double of_operator = -4.0 * static_cast<double>(0.01f) - 4.0;
  EXPECT_EQ(run(file, {x})[0], of_operator);
  // attribute_proto is field 11 of a function since version 9 of the format.
  const std::string bytes = float_attribute("slope", 0.25f).SerializeAsString();
  std::string& unknown = *file.model.mutable_functions(0)->mutable_unknown_fields();
  unknown += std::string("\x5a") + static_cast<char>(bytes.size()) + bytes;
  file.model.mutable_functions(0)->clear_attribute();
  EXPECT_EQ(run(file, {x}), (Values{-5.0, 8.0}));
}

TEST(SubgraphImport, OverloadsAreTwoFunctions) {
  OnnxModelFile file;
  add_function(file);
  *file.model.add_functions() = file.model.functions(0);
  file.model.mutable_functions(1)->mutable_node(2)->set_op_type("Sub");
  // overload: field 13 of a function, field 8 of a node
  *file.model.mutable_functions(1)->mutable_unknown_fields() += "\x6a\x03two";
  *file.graph().mutable_node(0)->mutable_unknown_fields() += "\x42\x03two";
  EXPECT_EQ(run(file, {Array::of_floats({2}, {-4.0f, 4.0f})})[1], 0.0);
}

TEST(SubgraphImport, OptionalInputsOfFunctionsMayBeAbsent) {
  OnnxModelFile file;
  file.input("x", {2}).output("y");
  file.floats("most", {}, {3.0f});
  file.node("Limit", {"x", "", "most"}, {"y"}, "call").set_domain("my");
  onnx::FunctionProto& function = *file.model.add_functions();
  function.set_name("Limit");
  function.set_domain("my");
  function.add_opset_import()->set_version(17);
  for (const char* input : {"a", "least", "most"}) function.add_input(input);
  function.add_output("c");
  add_node(*function.mutable_node(), "Clip", {"a", "least", "most"}, {"c"});
  EXPECT_EQ(run(file, {Array::of_floats({2}, {-4.0f, 4.0f})}), (Values{-4.0, 3.0}));
}

TEST(SubgraphImport, FunctionsCallFunctionsButNotThemselves) {
  OnnxModelFile file;
  add_function(file);
  onnx::FunctionProto& twice = *file.model.add_functions();
  twice.set_name("Twice");
  twice.set_domain("my");
  twice.add_opset_import()->set_version(17);
  twice.add_input("a");
  twice.add_output("c");
  add_node(*twice.mutable_node(), "Block", {"a", "a"}, {"b"}).set_domain("my");
  onnx::NodeProto& second = add_node(*twice.mutable_node(), "Block", {"b", "b"}, {"c"});
  second.set_domain("my");
  file.graph().mutable_node(0)->set_op_type("Twice");
  file.graph().mutable_node(0)->mutable_input()->RemoveLast();
  EXPECT_EQ(run(file, {Array::of_floats({2}, {1.0f, 2.0f})}), (Values{4.0, 8.0}));
  file.model.mutable_functions(1)->mutable_node(1)->set_op_type("Twice");
  file.model.mutable_functions(1)->mutable_node(1)->mutable_input()->RemoveLast();
  EXPECT_EQ(file.problems(), Lines{"node 'call/Twice_c' (Twice, opset 17): the function calls itself"});
}

TEST(SubgraphImport, CallsThatDoNotFitTheFunction) {
  OnnxModelFile inputs, attributes, opset;
  add_function(inputs);
  inputs.graph().mutable_node(0)->add_input("x");
  EXPECT_EQ(inputs.problems(),
            Lines{"node 'call' (Block, opset 17): has 3 inputs; supported are up to 2, the function's"});
  add_function(attributes);
  *attributes.graph().mutable_node(0)->add_attribute() = float_attribute("slop", 0.5f);
  EXPECT_EQ(attributes.problems(), Lines{"node 'call' (Block, opset 17): attribute slop is not one of this function"});
  add_function(opset).mutable_opset_import(0)->set_version(99);
  EXPECT_EQ(opset.problems(),
            Lines{"node 'call' (Block, opset 17): the function uses opset 99; supported are 7 to 26"});
}

// Functions that call others twice: 2^40 nodes.
TEST(SubgraphImport, FunctionsThatGrowWithoutMeasureEnd) {
  OnnxModelFile file;
  add_function(file);
  for (int i = 0; i < 40; ++i) {
    onnx::FunctionProto& function = *file.model.add_functions();
    function.set_name(fmt::format("f{}", i));
    function.set_domain("my");
    function.add_input("a");
    function.add_output("c");
    const std::string called = i == 0 ? "Block" : fmt::format("f{}", i - 1);
    add_node(*function.mutable_node(), called, {"a"}, {"b"}).set_domain("my");
    add_node(*function.mutable_node(), called, {"b"}, {"c"}).set_domain("my");
  }
  file.graph().mutable_node(0)->set_op_type("f39");
  file.graph().mutable_node(0)->mutable_input()->RemoveLast();
  const Lines lines = file.problems();
  ASSERT_FALSE(lines.empty());
  EXPECT_LT(lines.size(), 100u);
  EXPECT_NE(lines[0].find("node"), std::string::npos);
}

// y = x * factor, where factor is an input of type int64.
import::OnnxModel import_with(const OnnxModelFile& file, const std::string& name,
                              const import::ConstantInput& constant){file.write(file.model.SerializeAsString());
return import::import_onnx(file.path(), {}, {{name, constant}});
}  // namespace

std::string problem_with(const OnnxModelFile& file, const std::string& name, const import::ConstantInput& constant) {
  try {
    import_with(file, name, constant);
  } catch (const ir::Error& error) {
    return error.what();
  }
  return "none";
}

TEST(ConstantInputs, BecomeConstantsOfTheInputsType) {
  OnnxModelFile file;
  file.input("x", {2}).input("f", {2}, TensorProto::INT64).output("y");
  onnx::NodeProto& cast = file.node("Cast", {"f"}, {"c"});
  OnnxModelFile::attribute(cast, "to", int64_t{TensorProto::FLOAT});
  file.node("Mul", {"x", "c"}, {"y"});
  const Array x = Array::of_floats({2}, {2.0f, 3.0f});
  for (const import::ConstantInput& constant :
       {import::ConstantInput{"10,-1", std::nullopt},
        import::ConstantInput{"f.npy", Array::of_integers({2}, {10, -1}, DType::i32)}}) {
    const import::OnnxModel model = import_with(file, "f", constant);
    ASSERT_EQ(model.graph->inputs.size(), 1u);
    EXPECT_EQ(ir::evaluate(*model.graph, {x})[0].doubles(), (Values{20.0, -3.0}));
  }
}

TEST(ConstantInputs, OpenDimensionsTakeTheirSize) {
  OnnxModelFile file;
  file.input("x", {0, 0}).output("y");
  file.node("Relu", {"x"}, {"y"});
  const import::OnnxModel model = import_with(file, "x", {"x.npy", Array::of_floats({2, 3}, std::vector<float>(6))});
  EXPECT_EQ(model.graph->outputs[0]->shape(), (Shape{2, 3}));
  EXPECT_NE(problem_with(file, "x", {"1,2", std::nullopt}).find("the input's shape ?x? is open; give it by --shape"),
            std::string::npos);
}

TEST(ConstantInputs, ThatDoNotFitAreErrors) {
  OnnxModelFile file;
  file.input("x", {2}).input("n", {}, TensorProto::INT8).output("y");
  OnnxModelFile::attribute(file.node("Cast", {"n"}, {"c"}), "to", int64_t{TensorProto::FLOAT});
  file.node("Mul", {"x", "c"}, {"y"});
  const std::pair<import::ConstantInput, const char*> cases[] = {
      {{"1,2", std::nullopt}, "2 elements are given, the input has the shape scalar"},
      {{"1.5", std::nullopt}, "'1.5' is no i8 number"},
      {{"", std::nullopt}, "expected numbers separated by commas"},
      {{"1,", std::nullopt}, "expected numbers separated by commas"},
      {{"200", std::nullopt}, "200 is outside the range of i8"},
      {{"n.npy", Array::of_doubles({}, {1.0})}, "has elements of type f32, the input has i8"},
      {{"n.npy", Array::of_integers({1}, {1})}, "n.npy has the shape 1, the input has scalar"},
      {{"n.npy", Array::of_integers({}, {-129})}, "-129 is outside the range of i8"},
  };
  for (const auto& [constant, message] : cases) {
    const std::string problem = problem_with(file, "n", constant);
    EXPECT_EQ(problem.find("graph input 'n': the constant '" + constant.text + "' is given: "), 0u) << problem;
    EXPECT_NE(problem.find(message), std::string::npos) << problem;
  }
  EXPECT_EQ(
      problem_with(file, "m", {"1", std::nullopt}).find("a constant is given for 'm', the model's inputs are: n, x"),
      0u);
}

}  // namespace linnet::passes_test
}  // namespace linnet::passes_test
