// Inputs and outputs of `linnet run` by name, number and order, and how many samples each has.
#include <gtest/gtest.h>

#include "targets/desktop/lib/npy.hpp"
#include "tests/passes/onnx_model.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

using passes_test::OnnxModelFile;

class LinnetSamples : public testing::Test {
 protected:
  void convert(OnnxModelFile& file) {
    file.write(file.model.SerializeAsString());
    const Outcome outcome = run_command(LINNET_CLI, {"convert", file.path(), "-o", model_, "--quiet"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  Outcome run(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"run", model_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_command(LINNET_CLI, all);
  }
  std::string array(const std::string& name, const std::vector<float>& values, const std::string& shape) {
    return folder_.write(name, npy_file(npy_header("<f4", shape), raw(values)));
  }
  void expect_array(const std::string& name, const std::vector<float>& values, const std::vector<int64_t>& shape) {
    const tools::NpyArray got = tools::read_npy(folder_.path(name));
    EXPECT_EQ(got.shape, shape) << name;
    ASSERT_EQ(got.size(), values.size()) << name;
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(got.number(i), values[i]) << name << ", element " << i;
  }
  std::string output(const std::string& name) { return name + "=" + folder_.path(name + ".npy"); }

  TemporaryFolder folder_;
  std::string model_ = folder_.path("m.lnt");
};

// a = x + z, b = -z, c = constant, d = [a, b], e = constant and b.
void several_outputs(OnnxModelFile& file) {
  file.floats("k", {1, 2}, {5, -6});
  file.input("x", {1, 2}).input("z", {1, 2});
  file.node("Add", {"x", "z"}, {"a"});
  file.node("Neg", {"z"}, {"b"});
  file.node("Relu", {"k"}, {"c"});
  OnnxModelFile::attribute(file.node("Concat", {"a", "b"}, {"d"}), "axis", 1);
  OnnxModelFile::attribute(file.node("Concat", {"k", "b"}, {"e"}), "axis", 1);
  for (const char* name : {"a", "b", "c"}) file.output(name);
  for (const char* name : {"d", "e"}) file.output(name);
}

// sum' = sum + x, y = -sum'.
void sums(OnnxModelFile& file) {
  file.input("x", {1, 2}).input("sum", {1, 2});
  file.node("Add", {"sum", "x"}, {"next"});
  file.node("Neg", {"next"}, {"y"});
  file.output("y").output("next");
}

TEST_F(LinnetSamples, StatesGoFromOneToTheNext) {
  OnnxModelFile file;
  sums(file);
  file.write(file.model.SerializeAsString());
  Outcome outcome = run_command(LINNET_CLI, {"convert", file.path(), "-o", model_, "--state", "sum=next"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("states   1 in 16 bytes"), std::string::npos) << outcome.out;
  const std::string x = array("x", {1, 2, 10, 20, 100, 200}, "(3, 2)"), y = folder_.path("y.npy");
  outcome = run({"--input", x, "--output", y});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_array("y.npy", {-1, -2, -11, -22, -111, -222}, {3, 2});
  outcome = run({"--input", x, "--output", y, "--independent"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_array("y.npy", {-1, -2, -10, -20, -100, -200}, {3, 2});
  outcome =
      run_command(LINNET_CLI, {"compare", file.path(), model_, "--input", x, "--samples", "3", "--tolerance", "0"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out;
  outcome = run_command(LINNET_CLI, {"inspect", model_});
  EXPECT_NE(outcome.out.find("state sum: float32 1x2, 8 bytes"), std::string::npos) << outcome.out;
  outcome = run_command(LINNET_CLI, {"inspect", model_, "--json"});
  EXPECT_TRUE(is_json(outcome.out));
  EXPECT_NE(outcome.out.find("\"state_bytes\""), std::string::npos);
}

TEST_F(LinnetSamples, PairsThatAreNoState) {
  OnnxModelFile file;
  sums(file);
  file.write(file.model.SerializeAsString());
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"--state", "sum"}, "--state sum: expected INPUT=OUTPUT"},
      {{"--state", "=next"}, "--state =next: expected INPUT=OUTPUT"},
      {{"--state", "sum=next", "--state", "sum=y"}, "--state sum=y: given twice for the same input"},
      {{"--state", "s=next"}, "the model has no input 's'; there are: x, sum"},
      {{"--state", "sum=n"}, "the model has no output 'n'; there are: y, next"},
      {{"--state", "sum=y", "--state", "x=next"}, "every output of the model is a state"},
      {{"--state", "sum=y", "--state", "x=y"}, "output 'y' belongs to another state"}};
  for (const auto& [arguments, message] : rows) {
    std::vector<std::string> all = {"convert", file.path(), "-o", model_};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run_command(LINNET_CLI, all);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(folder_.files().empty());
}

TEST_F(LinnetSamples, OneServesForAll) {
  OnnxModelFile file;
  several_outputs(file);
  convert(file);
  const std::string x = array("x", {1, 2, 3, 4, 5, 6}, "(3, 2)"), z = array("z", {10, 20}, "(1, 2)");
  for (const std::vector<std::string>& inputs : std::vector<std::vector<std::string>>{
           {x, z}, {"z=" + z, "x=" + x}, {"z=" + z, x}, {"1=" + z, "0=" + x}, {x, "1=" + z}}) {
    const Outcome outcome =
        run({"--input", inputs[0], "--input", inputs[1], "--output", output("a"), "--output", output("b"), "--output",
             output("c"), "--output", output("d"), "--output", output("e")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_array("a.npy", {11, 22, 13, 24, 15, 26}, {3, 2});
    expect_array("b.npy", {-10, -20}, {1, 2});
    expect_array("c.npy", {5, 0}, {1, 2});
    expect_array("d.npy", {11, 22, -10, -20, 13, 24, -10, -20, 15, 26, -10, -20}, {3, 4});
    expect_array("e.npy", {5, -6, -10, -20}, {1, 4});
  }
  const std::string two = array("two", {1, 2, 3, 4}, "(2, 2)");
  const Outcome outcome = run({"--input", x, "--input", two});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_NE(outcome.err.find("input 'x' has 3 samples, input 'z' 2"), std::string::npos) << outcome.err;
}

TEST_F(LinnetSamples, AModelWithoutInputsRunsOnce) {
  OnnxModelFile file;
  file.floats("k", {2, 2}, {1, -2, 3, -4});
  file.node("Relu", {"k"}, {"y"});
  file.output("y");
  convert(file);
  const Outcome outcome = run({"--output", output("y")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_array("y.npy", {1, 0, 3, 0}, {2, 2});
  const Outcome surplus = run({"--input", array("x", {1}, "(1,)")});
  EXPECT_EQ(surplus.exit_code, 2);
  EXPECT_NE(surplus.err.find("the model has no inputs"), std::string::npos) << surplus.err;
}

TEST_F(LinnetSamples, ANameWinsOverANumber) {
  OnnxModelFile file;
  file.input("1", {1, 2}).input("0", {1, 2});
  file.node("Neg", {"1"}, {"2"});
  file.node("Relu", {"0"}, {"1=3"});
  file.node("Add", {"1", "0"}, {"first"});
  for (const char* name : {"first", "2", "1=3"}) file.output(name);
  convert(file);
  const std::string one = array("one", {1, 2}, "(1, 2)"), zero = array("zero", {-3, 4}, "(1, 2)");
  const std::string y = folder_.path("y.npy"), z = folder_.path("z.npy"), w = folder_.path("w.npy");
  const Outcome outcome = run({"--input", "0=" + zero, "--input", "1=" + one, "--output", "2=" + y, "--output",
                               "1=3=" + z, "--output", "0=" + w});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_array("y.npy", {-1, -2}, {1, 2});
  expect_array("z.npy", {0, 4}, {1, 2});
  expect_array("w.npy", {-2, 6}, {1, 2});
}

TEST_F(LinnetSamples, AMisspeltNameIsAnErrorThatListsTheNames) {
  OnnxModelFile file;
  several_outputs(file);
  convert(file);
  const std::string x = array("x", {1, 2}, "(1, 2)"), z = array("z", {10, 20}, "(1, 2)");
  const std::vector<std::string> before = folder_.files();
  for (const std::string& argument :
       {"y=" + folder_.path("y.npy"), std::string("A=y.npy"), std::string("9=y.npy"), std::string("=y.npy")}) {
    const Outcome outcome = run({"--input", x, "--input", z, "--output", argument});
    EXPECT_EQ(outcome.exit_code, 2) << argument << outcome.err;
    EXPECT_NE(outcome.err.find("the model has 5 outputs, 'a', 'b', 'c', 'd', 'e'"), std::string::npos) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
  const Outcome input = run({"--input", "w=" + x, "--input", z});
  EXPECT_EQ(input.exit_code, 2);
  EXPECT_NE(input.err.find("there is no 'w'; the model has 2 inputs, 'x', 'z'"), std::string::npos) << input.err;
  EXPECT_EQ(folder_.files(), before);
  // A file that is there may have such a name.
  EXPECT_EQ(run({"--input", array("w=x", {1, 2}, "(1, 2)"), "--input", z}).exit_code, 0);
}

}  // namespace
}  // namespace linnet::test
