// Converts every golden case, checking each pass against the one before, and checks the importer and the reference
// evaluator against the golden outputs. Leaves NAME.lnt files for engine_test, which also runs on targets that have no
// converter. Usage: golden_reference_test MODELS-FOLDER OUTPUT-FOLDER [GoogleTest options]

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "converter/pipeline.hpp"
#include "tests/golden/case.hpp"

namespace linnet::golden {
namespace {

ir::Array to_array(const tools::NpyArray& npy, ir::DType dtype) {
  if (npy.kind == 'f') {
    std::vector<double> values(npy.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = npy.number(i);
    return ir::Array::of_doubles(npy.shape, std::move(values), dtype);
  }
  std::vector<int64_t> values(npy.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(npy.number(i));
  return ir::Array::of_integers(npy.shape, std::move(values), dtype);
}

class ReferenceTest : public testing::Test {
 public:
  ReferenceTest(std::filesystem::path models, std::filesystem::path output, std::string name)
      : models_(std::move(models)), output_(std::move(output)), name_(std::move(name)) {}

  void TestBody() override {
    const Case golden = read_case(models_, name_);
    ConvertOptions options;
    options.check_passes = true;
    options.strict = kVariants[0].strict;
    Conversion conversion;
    ASSERT_NO_THROW(conversion = convert(models_ / (name_ + ".onnx"), options)) << name_;
    ASSERT_EQ(conversion.source->inputs.size(), golden.inputs.size());
    std::vector<ir::Array> inputs;
    for (size_t i = 0; i < golden.inputs.size(); ++i) {
      inputs.push_back(to_array(golden.inputs[i], conversion.source->inputs[i]->type.dtype));
    }
    const std::vector<ir::Array> outputs = ir::evaluate(*conversion.source, inputs);
    ASSERT_EQ(outputs.size(), golden.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Difference difference = compare(outputs[i].doubles(), outputs[i].shape(), golden.outputs[i]);
      EXPECT_LE(difference.relative, tolerance(name_)) << "output " << i << ": " << difference.message;
    }
    write(conversion, kVariants[0]);
    for (const Variant& variant : kVariants) {
      if (variant.suffix[0] == '\0') continue;
      options = {};
      options.strict = variant.strict;
      if (variant.winograd >= 0) options.winograd = variant.winograd;
      const Conversion other = convert(models_ / (name_ + ".onnx"), options);
      const auto& steps = other.report.steps;
      if (std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.op == "Winograd2D"; }))
        write(other, variant);
      else
        std::filesystem::remove(output_ / model_file(name_, variant));
    }
  }

 private:
  void write(const Conversion& conversion, const Variant& variant) const {
    const std::filesystem::path file = output_ / model_file(name_, variant);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(conversion.model.data()),
               static_cast<std::streamsize>(conversion.model.size()));
  }

  std::filesystem::path models_, output_;
  std::string name_;
};

}  // namespace
}  // namespace linnet::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODELS-FOLDER OUTPUT-FOLDER\n", argv[0]), 2;
  const std::filesystem::path models = argv[1], output = argv[2];
  for (const std::string& name : linnet::golden::case_names(models)) {
    testing::RegisterTest("GoldenReference", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [=] { return new linnet::golden::ReferenceTest(models, output, name); });
  }
  return RUN_ALL_TESTS();
}
