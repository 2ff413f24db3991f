// Normalizations and data that cannot be: each gives one line that names the place, what was got and what is supported.
#include <cmath>
#include <limits>
#include <ostream>

#include "converter/pipeline.hpp"
#include "tests/passes/onnx_model.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using passes_test::OnnxModelFile;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void attribute(onnx::NodeProto& node, const char* name, float value) {
  onnx::AttributeProto& added = *node.add_attribute();
  added.set_name(name);
  added.set_type(onnx::AttributeProto::FLOAT);
  added.set_f(value);
}

// x [1, 6, 4] normalized by one node named "norm", with parameters of six channels.
onnx::NodeProto& norm(OnnxModelFile& file, const char* op_type) {
  file.input("x", {1, 6, 4}).output("y");
  file.floats("six", {6}, {1, 2, 3, 4, 5, 6});
  file.floats("four", {4}, {1, 2, 3, 4});
  return file.node(op_type, {"x", "six", "six"}, {"y"}, "norm");
}

onnx::NodeProto& batch_norm(OnnxModelFile& file, const std::vector<float>& variance = {1, 1, 1, 1, 1, 1}) {
  onnx::NodeProto& node = norm(file, "BatchNormalization");
  file.floats("variance", {6}, variance);
  node.add_input("six");
  node.add_input("variance");
  return node;
}

onnx::NodeProto& layer_norm(OnnxModelFile& file) {
  onnx::NodeProto& node = norm(file, "LayerNormalization");
  node.set_input(1, "four");
  node.set_input(2, "four");
  return node;
}

onnx::NodeProto& group_norm(OnnxModelFile& file, int64_t groups) {
  onnx::NodeProto& node = norm(file, "GroupNormalization");
  OnnxModelFile::attribute(node, "num_groups", groups);
  return node;
}

// Conv [6, 6, 1] and its bias, then a batch norm.
void layers(OnnxModelFile& file) {
  batch_norm(file).set_input(0, "a");
  file.floats("w", {6, 1, 1}, {1, 2, 3, 4, 5, 6});
  OnnxModelFile::attribute(file.node("Conv", {"x", "w", "six"}, {"a"}), "group", 6);
}

ConvertOptions reparametrized(const char* text) {
  ConvertOptions options;
  options.reparametrizations = {weights::parse_reparametrization(text)};
  return options;
}

ConvertOptions with_samples(const Shape& shape, double last) {
  std::vector<double> values(static_cast<size_t>(element_count(shape)), 1.0);
  if (!values.empty()) values.back() = last;
  ConvertOptions options;
  options.data_set = "calib.npy";
  options.samples = Array::of_doubles(shape, values, DType::f32);
  return options;
}

struct Wrong {
  const char* name;
  void (*build)(OnnxModelFile& file);
  std::vector<std::string> parts;  // of the line
  ConvertOptions (*options)() = [] { return ConvertOptions(); };

  friend void PrintTo(const Wrong& wrong, std::ostream* stream) { *stream << wrong.name; }
};

const Wrong kWrong[] = {
    {"BatchNormWithoutStatistics",
     [](OnnxModelFile& file) { norm(file, "BatchNormalization"); },
     {"'norm' (BatchNormalization)", "has no running mean and variance", "--reestimate-bn"}},
    {"BatchNormInTraining",
     [](OnnxModelFile& file) { OnnxModelFile::attribute(batch_norm(file), "training_mode", 1); },
     {"'norm' (BatchNormalization)", "has no running mean and variance", "--reestimate-bn"}},
    {"BatchNormOfANegativeEpsilon",
     [](OnnxModelFile& file) { attribute(batch_norm(file), "epsilon", -0.5f); },
     {"norm", "epsilon is -0.5", "not negative"}},
    {"BatchNormOfANegativeVariance",
     [](OnnxModelFile& file) {
       batch_norm(file, {1, 1, -2, 1, 1, 1});
     },
     {"'norm' (BatchNormalization)", "channel 2", "-2"}},
    {"BatchNormOfANanVariance",
     [](OnnxModelFile& file) {
       batch_norm(file, {1, 1, 1, 1, 1, kNan});
     },
     {"'norm' (BatchNormalization)", "channel 5", "nan"}},
    {"LayerNormOfANegativeEpsilon",
     [](OnnxModelFile& file) { attribute(layer_norm(file), "epsilon", -1.0f); },
     {"norm", "epsilon is -1", "not negative"}},
    {"LayerNormOfANanEpsilon",
     [](OnnxModelFile& file) { attribute(layer_norm(file), "epsilon", kNan); },
     {"norm", "epsilon is nan"}},
    {"LayerNormOfAWrongScale",
     [](OnnxModelFile& file) { layer_norm(file).set_input(1, "six"); },
     {"norm", "Scale has shape 6", "broadcast to 4"}},
    {"LayerNormOfAnAxisThatIsNotThere",
     [](OnnxModelFile& file) { OnnxModelFile::attribute(layer_norm(file), "axis", 3); },
     {"norm", "axis 3"}},
    {"LayerNormWhoseMeanIsUsed",
     [](OnnxModelFile& file) {
       layer_norm(file).add_output("mean");
       file.output("mean");
     },
     {"norm", "output 1 (Mean) is used", "output 0 only"}},
    {"LayerNormWhoseDeviationIsUsed",
     [](OnnxModelFile& file) {
       onnx::NodeProto& node = layer_norm(file);
       node.add_output("");
       node.add_output("deviation");
       file.output("deviation");
     },
     {"norm", "output 2 (InvStdDev) is used", "output 0 only"}},
    {"InstanceNormOfANegativeEpsilon",
     [](OnnxModelFile& file) { attribute(norm(file, "InstanceNormalization"), "epsilon", -1.0f); },
     {"norm", "epsilon is -1", "not negative"}},
    {"InstanceNormOfAWrongScale",
     [](OnnxModelFile& file) { norm(file, "InstanceNormalization").set_input(1, "four"); },
     {"norm", "scale has shape 4", "expected 6"}},
    {"GroupNormOfANegativeEpsilon",
     [](OnnxModelFile& file) { attribute(group_norm(file, 3), "epsilon", -1.0f); },
     {"norm", "epsilon is -1", "not negative"}},
    {"GroupNormOfGroupsThatDoNotDivide",
     [](OnnxModelFile& file) { group_norm(file, 4); },
     {"norm", "num_groups is 4", "divisors of the 6 channels"}},
    {"GroupNormOfNoGroups",
     [](OnnxModelFile& file) { group_norm(file, 0); },
     {"norm", "num_groups is 0", "divisors of the 6 channels"}},
    {"GroupNormWithoutItsGroups",
     [](OnnxModelFile& file) { norm(file, "GroupNormalization"); },
     {"norm", "num_groups is missing"}},
    {"ReparametrizationOfABias",
     layers,
     {"--reparam six=", "'six' has shape 6", "rank 2"},
     [] { return reparametrized("six=standardize"); }},
    {"ReparametrizationAlongADimensionThatIsNotThere",
     layers,
     {"'w' has rank 3", "no dimension 3"},
     [] { return reparametrized("w=weight_norm(dim=3)"); }},
    {"StandardizationOfSingleWeights",
     layers,
     {"'w' has 1 weight per output channel", "needs 2"},
     [] { return reparametrized("w=standardize(unbiased)"); }},
    {"ReparametrizationOfNothing",
     layers,
     {"none*", "no weights have such a name"},
     [] { return reparametrized("none*=spectral_norm"); }},
    {"DataSetOfTheWrongShape",
     layers,
     {"calib.npy", "has shape 2x4x6", "1x6x4"},
     [] {
       return with_samples({2, 4, 6}, 1.0);
     }},
    {"DataSetOfTheWrongRank", layers, {"calib.npy", "has shape 24", "1x6x4"}, [] { return with_samples({24}, 1.0); }},
    {"DataSetWithoutSamples",
     layers,
     {"calib.npy", "has shape 0x6x4"},
     [] {
       return with_samples({0, 6, 4}, 1.0);
     }},
    {"DataSetWithNan",
     layers,
     {"calib.npy", "element 23 of sample 1 is nan"},
     [] {
       return with_samples({2, 6, 4}, kNan);
     }},
    {"DataSetWithInfinity",
     layers,
     {"calib.npy", "element 23 of sample 0 is inf"},
     [] {
       return with_samples({1, 6, 4}, INFINITY);
     }},
};

class NormError : public testing::TestWithParam<Wrong> {};

TEST_P(NormError, IsOneLine) {
  OnnxModelFile file(21);
  GetParam().build(file);
  file.write(file.model.SerializeAsString());
  std::vector<std::string> lines;
  try {
    convert(file.path(), GetParam().options());
  } catch (const Problems& problems) {
    lines = problems.list();
  } catch (const Error& error) {
    lines = {error.what()};
  }
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find('\n'), std::string::npos) << lines[0];
  for (const std::string& part : GetParam().parts) EXPECT_NE(lines[0].find(part), std::string::npos) << lines[0];
}

INSTANTIATE_TEST_SUITE_P(All, NormError, testing::ValuesIn(kWrong),
                         [](const auto& wrong) { return std::string(wrong.param.name); });

}  // namespace
}  // namespace linnet::test
