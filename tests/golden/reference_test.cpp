// Converts every golden case, checking each pass against the one before, and checks the importer and the reference
// evaluator against the golden outputs, and the steps of norms/... against norms/steps.txt. Leaves NAME.lnt files for
// engine_test, which also runs on targets that have no converter. Usage: golden_reference_test MODELS-FOLDER
// OUTPUT-FOLDER [GoogleTest options]

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "converter/ir/states.hpp"
#include "converter/pipeline.hpp"
#include "schema/model_generated.h"
#include "tests/golden/case.hpp"
#include "tests/golden/steps.hpp"

namespace linnet::golden {
namespace {

ir::Array to_array(const tools::NpyArray& npy, const ir::TensorType& type) {
  if (npy.kind == 'f') {
    std::vector<double> values(npy.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = npy.number(i);
    return ir::Array::of_doubles(npy.shape, std::move(values), type.dtype);
  }
  std::vector<int64_t> values(npy.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(npy.number(i));
  return ir::Array::of_integers(npy.shape, std::move(values), type.dtype).with_quantization(type.quantization);
}

const std::string kNorms = "norms/";
using StepTable = std::map<std::string, StepCounts>;

class ReferenceTest : public testing::Test {
 public:
  ReferenceTest(std::filesystem::path models, std::filesystem::path output, std::string name, const StepTable& steps)
      : models_(std::move(models)), output_(std::move(output)), name_(std::move(name)), steps_(steps) {}

  void TestBody() override {
    const Case golden = read_case(models_, name_);
    ConvertOptions options;
    options.check_passes = true;
    options.winograd = kVariants[0].winograd;
    Conversion conversion;
    ASSERT_NO_THROW(conversion = convert(source_file(models_, name_), options)) << name_;
    const std::vector<ir::Value*> ports = program_inputs(*conversion.source);
    ASSERT_EQ(ports.size(), golden.inputs.size());
    std::vector<ir::Array> inputs;
    for (size_t i = 0; i < golden.inputs.size(); ++i) {
      inputs.push_back(to_array(golden.inputs[i], ports[i]->type));
    }
    const std::vector<ir::Array> outputs = ir::Runs(*conversion.source).run(inputs);
    ASSERT_EQ(outputs.size(), golden.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Difference difference = compare(outputs[i].doubles(), outputs[i].shape(), golden.outputs[i]);
      EXPECT_LE(difference.relative, tolerance(name_)) << "output " << i << ": " << difference.message;
    }
    if (name_.compare(0, kNorms.size(), kNorms) == 0) check_steps(conversion);
    write(conversion, kVariants[0]);
    for (const Variant& variant : kVariants) {
      if (variant.suffix[0] == '\0') continue;
      options = {};
      options.strict = variant.strict;
      if (variant.winograd >= 0) options.winograd = variant.winograd;
      if (variant.cascades) options.cascades = plan::CascadeMode::memory;
      Conversion other = convert(source_file(models_, name_), options);
      if (variant.cascades && has_cascades(other)) {
        options.check_passes = true;  // and the plan
        other = convert(source_file(models_, name_), options);
      }
      if (variant.cascades ? has_cascades(other) : has_winograd(other))
        write(other, variant);
      else
        std::filesystem::remove(output_ / model_file(name_, variant));
    }
  }

 private:
  static bool has_winograd(const Conversion& conversion) {
    const auto& steps = conversion.report.steps;
    return std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.op == "Winograd2D"; });
  }
  static bool has_cascades(const Conversion& conversion) {
    return fb::GetModel(conversion.model.data())->cascades() != nullptr;
  }

  void write(const Conversion& conversion, const Variant& variant) const {
    const std::filesystem::path file = output_ / model_file(name_, variant);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(conversion.model.data()),
               static_cast<std::streamsize>(conversion.model.size()));
  }

  std::filesystem::path models_, output_;
  std::string name_;
  const StepTable& steps_;

  void check_steps(const Conversion& conversion) const {
    const auto row = steps_.find(data_name(name_).substr(kNorms.size()));
    ASSERT_NE(row, steps_.end()) << "steps.txt has no line for " << name_;
    EXPECT_EQ(to_text(counts(conversion.report)), to_text(row->second)) << report::to_text(conversion.report, true);
  }
};

// A line of steps.txt that no model has would hold nothing.
class StepTableTest : public testing::Test {
 public:
  StepTableTest(const std::vector<std::string>& names, const StepTable& steps) : steps_(steps) {
    for (const std::string& name : names) models_.insert(data_name(name));
  }
  void TestBody() override {
    for (const auto& row : steps_) EXPECT_EQ(models_.count(kNorms + row.first), 1u) << row.first;
  }

 private:
  std::set<std::string> models_;
  const StepTable& steps_;
};

}  // namespace
}  // namespace linnet::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODELS-FOLDER OUTPUT-FOLDER\n", argv[0]), 2;
  using namespace linnet::golden;
  const std::filesystem::path models = argv[1], output = argv[2];
  const std::vector<std::string> names = case_names(models);
  const StepTable steps = read_step_table(models / "norms" / "steps.txt");
  for (const std::string& name : names) {
    testing::RegisterTest("GoldenReference", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [&steps, models, output, name] { return new ReferenceTest(models, output, name, steps); });
  }
  testing::RegisterTest("GoldenSteps", "EveryLineHasAModel", nullptr, nullptr, __FILE__, __LINE__,
                        [&] { return new StepTableTest(names, steps); });
  return RUN_ALL_TESTS();
}
