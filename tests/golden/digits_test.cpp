// Converts every network of models/digits/normalized, checks its steps against steps.txt there, and runs it over all
// test images on every instruction set: the logits must be PyTorch's, and so every prediction. Usage:
// golden_digits_test MODELS-FOLDER OUTPUT-FOLDER [GoogleTest options]

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "converter/pipeline.hpp"
#include "engine/linnet.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "tests/golden/isas.hpp"
#include "tests/golden/steps.hpp"

namespace linnet::golden {
namespace {

constexpr double kTolerance = 1e-5;  // of a logit, relative to the largest
constexpr size_t kClasses = 10;

// The digits' images, and the networks beside them.
struct Digits {
  std::filesystem::path folder, output;
  tools::NpyArray images;
  std::map<std::string, StepCounts> steps;

  Digits(const std::filesystem::path& models, const std::filesystem::path& to)
      : folder(models / "digits" / "normalized"),
        output(to),
        images(tools::read_npy((models / "digits" / "test_images.npy").string())),
        steps(read_step_table(folder / "steps.txt")) {
    std::filesystem::create_directories(output);
  }
};

size_t prediction(const std::vector<double>& logits, size_t image) {
  const auto first = logits.begin() + static_cast<std::ptrdiff_t>(image * kClasses);
  return static_cast<size_t>(std::max_element(first, first + kClasses) - first);
}

class DigitsTest : public testing::Test {
 public:
  DigitsTest(const Digits& digits, std::string name) : digits_(digits), name_(std::move(name)) {}

  void TestBody() override {
    ConvertOptions options;
    options.winograd = 0;  // the steps are listed without that choice
    const Conversion conversion = convert(digits_.folder / (name_ + ".onnx"), options);
    EXPECT_EQ(to_text(counts(conversion.report)), to_text(digits_.steps.at(name_)))
        << report::to_text(conversion.report, true);
    const std::filesystem::path file = digits_.output / (name_ + ".lnt");
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(conversion.model.data()),
               static_cast<std::streamsize>(conversion.model.size()));
    const tools::MappedFile model(file.string());
    const std::vector<double> wanted = numbers(tools::read_npy((digits_.folder / (name_ + "_logits.npy")).string()));
    int ran = 0;
    for (const char* isa : kIsas) {
      if (!available(isa, model)) continue;
      SCOPED_TRACE(isa);
      compare(logits(model, isa), wanted);
      ++ran;
    }
    EXPECT_GE(ran, 1);
  }

 private:
  const Digits& digits_;
  std::string name_;

  static std::vector<double> numbers(const tools::NpyArray& array) {
    std::vector<double> result(array.size());
    for (size_t i = 0; i < result.size(); ++i) result[i] = array.number(i);
    return result;
  }

  // Images have one channel, so that their order is that of the device.
  std::vector<double> logits(const tools::MappedFile& model, const char* isa) const {
    linnet_options options = Session::default_options();
    options.isa = isa;
    Session session(model.data(), model.size(), options);
    const Span<float> image = session.input<float>(0);
    const Span<const float> output = session.output<float>(0);
    EXPECT_EQ(output.size(), kClasses);
    std::vector<double> result;
    for (size_t begin = 0; begin + image.size() <= digits_.images.size(); begin += image.size()) {
      for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(digits_.images.number(begin + i));
      EXPECT_EQ(session.run(), LINNET_OK);
      result.insert(result.end(), output.begin(), output.end());
    }
    return result;
  }

  static void compare(const std::vector<double>& got, const std::vector<double>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    double largest = 0.0, worst = 0.0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      largest = std::max(largest, std::abs(wanted[i]));
      worst = std::max(worst, std::abs(got[i] - wanted[i]));
    }
    EXPECT_LE(worst, kTolerance * largest);
    for (size_t image = 0; image < wanted.size() / kClasses; ++image)
      EXPECT_EQ(prediction(got, image), prediction(wanted, image)) << "image " << image;
  }
};

}  // namespace
}  // namespace linnet::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODELS-FOLDER OUTPUT-FOLDER\n", argv[0]), 2;
  using namespace linnet::golden;
  const Digits digits(argv[1], argv[2]);
  for (const auto& row : digits.steps) {
    testing::RegisterTest("GoldenDigits", row.first.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [&digits, name = row.first] { return new DigitsTest(digits, name); });
  }
  return RUN_ALL_TESTS();
}
