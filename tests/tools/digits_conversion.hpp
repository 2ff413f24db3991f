// Conversions of the digits networks, as a user makes them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "targets/desktop/lib/npy.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {

inline const std::string kDigits = std::string(LINNET_DIGITS) + "/digits.onnx";
inline const std::string kPerceptron = std::string(LINNET_DIGITS) + "/normalized/layer_perceptron.onnx";
inline const std::string kTestImages = std::string(LINNET_DIGITS) + "/test_images.npy";
inline const std::string kLabels = std::string(LINNET_DIGITS) + "/test_labels.npy";

class DigitsConversion : public testing::Test {
 protected:
  Outcome convert(const std::vector<std::string>& more, const std::string& source = kDigits) {
    std::vector<std::string> arguments = {"convert", source, "-o", model_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_command(LINNET_CLI, arguments);
  }
  // Its report.
  std::string expect_success(const std::vector<std::string>& more, const std::string& source = kDigits) {
    const Outcome outcome = convert(more, source);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }
  void expect_failure(const std::vector<std::string>& more, int exit_code, const std::string& message,
                      const std::string& source = kDigits) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(more, " ")));
    const std::vector<std::string> before = folder_.files();
    const Outcome outcome = convert(more, source);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err << "wanted: " << message;
    EXPECT_EQ(folder_.files(), before) << "something was left behind";
  }
  // Of the model on the test images, in percent, by `linnet run`.
  double accuracy() {
    const std::string logits = folder_.path("logits.npy");
    run_command(LINNET_CLI, {"run", model_, "--input", kTestImages, "--output", logits});
    const tools::NpyArray outputs = tools::read_npy(logits), labels = tools::read_npy(kLabels);
    int right = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      size_t largest = 0;
      for (size_t c = 1; c < 10; ++c)
        if (outputs.number(i * 10 + c) > outputs.number(i * 10 + largest)) largest = c;
      right += static_cast<int64_t>(largest) == labels.integer(i) ? 1 : 0;
    }
    return right / 4.5;
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.path("m.lnt");
};

}  // namespace linnet::test
