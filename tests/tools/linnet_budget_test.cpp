// linnet convert --budget: the bytes, what is left of the accuracy, the recipe, and what is refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/tools/digits_conversion.hpp"

namespace linnet::test {
namespace {

const std::string kSamples = std::string(LINNET_DIGITS) + "/calibration_images.npy";
const std::string kRecurrent = std::string(LINNET_DIGITS) + "/../digits_gru/digits_gru.onnx";

class LinnetBudget : public DigitsConversion {
 protected:
  int64_t file_bytes() const { return static_cast<int64_t>(std::filesystem::file_size(model_)); }
};

// In the bytes of a network whose layers are all treated alike, no more of the test images are read wrong but for two:
// the least error of the outputs is not the most images.
TEST_F(LinnetBudget, AsAccurateAsTheSameBytesForAllLayersAlike) {
  for (const std::string& source : {kDigits, kPerceptron, kRecurrent}) {
    for (const std::vector<std::string>& treatment :
         std::vector<std::vector<std::string>>{{"--weights", "int8"}, {"--weights", "int4"}, {"--sparsify", "70%"}}) {
      SCOPED_TRACE(fmt::format("{} {}", source, fmt::join(treatment, " ")));
      std::vector<std::string> uniform = treatment;
      uniform.insert(uniform.end(), {"--winograd", "off"});
      if (treatment[1] != "int8") uniform.insert(uniform.end(), {"--repair", kSamples});
      expect_success(uniform, source);
      const int64_t bytes = file_bytes();
      const double alike = accuracy();
      expect_success({"--budget", std::to_string(bytes), "--repair", kSamples}, source);
      EXPECT_LE(file_bytes(), bytes);
      EXPECT_GE(accuracy(), alike - 0.5);
    }
  }
}

// By a part of the bytes, with int8 and without repair, beside layers that have their treatment.
TEST_F(LinnetBudget, KeepsToAPart) {
  for (const auto& [part, options] : std::vector<std::pair<double, std::vector<std::string>>>{
           {0.7, {"--calibration", kSamples}},
           {0.4, {"--calibration", kSamples, "--optimize", "size", "--sparsify", "*Gemm*:50%"}},
           {0.95, {"--calibration", kSamples, "--int8", "--optimize", "size", "--sparsify", "*Gemm*:none"}}}) {
    SCOPED_TRACE(fmt::format("{} {}", part, fmt::join(options, " ")));
    std::vector<std::string> untreated = {"--winograd", "off"},
                             arguments = {"--budget", fmt::format("{}%", 100 * part)};
    if (std::find(options.begin(), options.end(), "--int8") != options.end())
      untreated.insert(untreated.end(), {"--int8", "--calibration", kSamples});
    expect_success(untreated);
    const int64_t limit = static_cast<int64_t>(part * static_cast<double>(file_bytes()));
    arguments.insert(arguments.end(), options.begin(), options.end());
    const std::string out = expect_success(arguments);
    EXPECT_LE(file_bytes(), limit);
    EXPECT_NE(out.find(fmt::format("\nbudget {}%: file ", 100 * part)), std::string::npos) << out;
    EXPECT_GT(accuracy(), 50);
  }
}

TEST_F(LinnetBudget, RecipesRepeatWhatWasChosen) {
  const std::string out =
      expect_success({"--budget", "50%", "--repair", kSamples, "--sparsify", "*Gemm*:none", "--json"});
  EXPECT_TRUE(is_json(out));
  for (const char* part : {"\"budget\"", "\"untreated_bytes\"", "\"treatment\": \"--"})
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
  const std::string recipe = folder_.path("m.recipe.json"), text = read_bytes(recipe), model = read_bytes(model_);
  EXPECT_EQ(text.find("budget"), std::string::npos) << text;
  EXPECT_NE(text.find("*Gemm*:none"), std::string::npos) << text;
  expect_success({"--recipe", recipe});
  EXPECT_EQ(read_bytes(model_), model);
  EXPECT_EQ(read_bytes(recipe), text);
  const Outcome outcome =
      run_command(LINNET_CLI, {"compare", kDigits, model_, "--input", kTestImages, "--samples", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST_F(LinnetBudget, WhereNothingHasToBeTreated) {
  const std::string out = expect_success({"--budget", "100%", "--repair", kSamples});
  EXPECT_NE(out.find("none had to be treated"), std::string::npos) << out;
  const std::string model = read_bytes(model_);
  expect_success({"--winograd", "off"});
  EXPECT_EQ(read_bytes(model_), model);
}

TEST_F(LinnetBudget, RefusesWhatCannotBe) {
  const std::vector<std::string> samples = {"--calibration", kSamples};
  const auto refused = [&](std::vector<std::string> arguments, int exit_code, const std::string& message) {
    arguments.insert(arguments.end(), samples.begin(), samples.end());
    expect_failure(arguments, exit_code, message);
  };
  refused({"--budget", "60 apples"}, 2, "--budget 60 apples: expected bytes, as 61440, 60KB");
  refused({"--budget", "120%"}, 2, "--budget 120%: a percentage is above 0 and at most 100");
  expect_failure({"--budget", "50%"}, 2, "--budget 50% needs samples: --repair FILE or --calibration FILE");
  refused({"--budget", "50%", "--stop-after", "fuse"}, 2, "--stop-after");
  refused({"--budget", "50%", "--sparsify", "80%"}, 1, "--budget 50% and --sparsify 80% contradict each other");
  refused({"--budget", "50%", "--weights", "float"}, 1, "contradict each other");
  refused({"--budget", "50%", "--cluster", "nothing*:16"}, 1, "no layer with float weights has such a name");
  refused({"--budget", "50%", "--weights", "*:float"}, 1, "no layer with float weights is left to it");
  refused({"--budget", "1KB"}, 1, "--budget 1KB: the smallest file that treatments of weights give has ");
}

}  // namespace
}  // namespace linnet::test
