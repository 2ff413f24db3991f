// linnet convert --int8: what it writes, what it says, and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/quantize/range.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

const std::string kDigits = std::string(LINNET_DIGITS) + "/digits.onnx";
const std::string kPerceptron = std::string(LINNET_DIGITS) + "/normalized/layer_perceptron.onnx";

class LinnetQuantize : public testing::Test {
 protected:
  // The first calibration images, as float32.
  std::vector<float> images(size_t count) const {
    const tools::NpyArray all = tools::read_npy(std::string(LINNET_DIGITS) + "/calibration_images.npy");
    std::vector<float> values(count * 64);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(all.number(i));
    return values;
  }
  std::string array(const std::string& name, const std::vector<float>& values, const std::string& shape) {
    return folder_.write(name, npy_file(npy_header("<f4", shape), raw(values)));
  }
  std::string samples(size_t count = 20) {
    return array("x.npy", images(count), "(" + std::to_string(count) + ", 1, 8, 8)");
  }
  Outcome convert(const std::vector<std::string>& more, const std::string& source = kDigits) {
    std::vector<std::string> arguments = {"convert", source, "-o", model_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_command(LINNET_CLI, arguments);
  }
  void expect_success(const std::vector<std::string>& more, const std::string& source = kDigits) {
    const Outcome outcome = convert(more, source);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  void expect_failure(const std::vector<std::string>& more, int exit_code, const std::string& message,
                      const std::string& source = kDigits) {
    const std::vector<std::string> before = folder_.files();
    const Outcome outcome = convert(more, source);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err << "wanted: " << message;
    EXPECT_EQ(folder_.files(), before) << "something was left behind";
  }
  std::string inspect() { return run_command(LINNET_CLI, {"inspect", model_}).out; }

  TemporaryFolder folder_;
  std::string model_ = folder_.path("m.lnt");
};

TEST_F(LinnetQuantize, ReportsSqnrAndWhatStaysFloat) {
  const std::string x = samples();
  Outcome outcome = convert({"--int8", "--calibration", x});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("int8 beside float on 20 samples, ranges by minmax"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("steps that stay float32"), std::string::npos) << outcome.out;
  outcome = convert({"--int8", "--calibration", x}, kPerceptron);
  EXPECT_NE(outcome.out.find("RowNorm has no int8 step"), std::string::npos) << outcome.out;
  outcome = convert({"--int8", "--calibration", x, "--json"});
  EXPECT_TRUE(is_json(outcome.out));
  EXPECT_NE(outcome.out.find("\"sqnr_db\""), std::string::npos);
}

TEST_F(LinnetQuantize, KeepsNamedAndInexactLayersFloat) {
  const std::string x = samples();
  Outcome outcome = convert({"--int8", "--calibration", x, "--keep-float", "*Gemm*"});
  EXPECT_NE(outcome.out.find("--keep-float *Gemm*"), std::string::npos) << outcome.out << outcome.err;
  outcome = convert({"--int8", "--calibration", x, "--min-sqnr", "37"});
  EXPECT_NE(outcome.out.find("--min-sqnr 37: its SQNR is"), std::string::npos) << outcome.out << outcome.err;
}

TEST_F(LinnetQuantize, SavesRangesAndUsesThemAgain) {
  const std::string x = samples(), ranges = folder_.path("ranges.txt");
  expect_success({"--int8", "--calibration", x, "--range", "mse", "--ranges", ranges, "--quiet"});
  const std::string first = read_bytes(model_);
  EXPECT_TRUE(read_bytes(ranges).starts_with("linnet ranges 1\n"));
  expect_success({"--int8", "--calibration", x, "--range", "mse", "--ranges", ranges, "--quiet"});
  EXPECT_EQ(read_bytes(model_), first);
  expect_success({"--int8", "--ranges", ranges, "--quiet"});
}

TEST_F(LinnetQuantize, ComparesExactly) {
  const std::string x = samples();
  expect_success({"--int8", "--calibration", x, "--quiet", "--range", "percentile=99.9", "--weight-scale", "mse"});
  const Outcome outcome = run_command(LINNET_CLI, {"compare", kDigits, model_, "--input", x, "--samples", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err << outcome.out;
}

TEST_F(LinnetQuantize, InputsAndOutputsMayBeInt8) {
  const std::string x = samples();
  expect_success({"--int8", "--calibration", x, "--io", "int8", "--per-tensor", "--quiet"});
  EXPECT_NE(inspect().find("image: int8"), std::string::npos) << inspect();
  const Outcome outcome =
      run_command(LINNET_CLI, {"run", model_, "--input", x, "--output", folder_.path("y.npy"), "--raw"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(tools::read_npy(folder_.path("y.npy")).dtype(), "int8");
}

TEST_F(LinnetQuantize, AFolderIsItsFiles) {
  const TemporaryFolder samples;
  for (const char* name : {"a.npy", "b.npy"})
    samples.write(name, npy_file(npy_header("<f4", "(1, 8, 8)"), raw(images(1))));
  const Outcome outcome = convert({"--int8", "--calibration", samples.path("")});
  EXPECT_NE(outcome.out.find("on 2 samples"), std::string::npos) << outcome.out << outcome.err;
  const TemporaryFolder empty;
  expect_failure({"--int8", "--calibration", empty.path("")}, 4, "the folder holds no .png, .jpg, .jpeg or .npy file");
}

TEST_F(LinnetQuantize, RefusesSamplesThatDoNotFit) {
  const std::string x = samples();
  const std::string wrong = array("wrong.npy", images(1), "(1, 1, 4, 16)");
  expect_failure({"--int8", "--calibration", wrong}, 4, "wrong.npy");
  std::vector<float> values = images(2);
  values[70] = std::nanf("");
  const std::string nan = array("nan.npy", values, "(2, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", nan}, 1, "element 6 of sample 1 of input 'image' is nan");
  values[70] = std::numeric_limits<float>::infinity();
  const std::string infinite = array("inf.npy", values, "(2, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", infinite}, 1, "element 6 of sample 1 of input 'image' is inf");
  const std::string constant = array("constant.npy", std::vector<float>(128, 3), "(2, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", constant}, 1, "input 'image' is 3 everywhere");
  const std::string none = array("none.npy", {}, "(0, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", none}, 4, "none.npy");
  const std::string labels = array("labels.npy", {1, 2, 3}, "(3,)");
  expect_failure({"--int8", "--calibration", labels}, 4, "labels.npy");
  expect_failure({"--int8", "--calibration", folder_.path("missing.npy")}, 3, "missing.npy");
}

TEST_F(LinnetQuantize, RefusesOptionsThatDoNotFit) {
  const std::string x = samples();
  expect_failure({"--int8"}, 2, "--int8 needs --calibration");
  expect_failure({"--calibration", x}, 2, "--int8");
  expect_failure({"--int8", "--calibration", x, "--range", "percentile=20"}, 2,
                 "--range percentile=20: expected minmax");
  expect_failure({"--int8", "--calibration", x, "--keep-float", "nothing*"}, 1, "--keep-float nothing*: no node has");
  expect_failure({"--int8", "--calibration", x, "--keep-float", "*"}, 1, "no step of the model can be one of int8");
  const std::string damaged = folder_.write("damaged.txt", "linnet ranges 1\n2 1 image\n");
  expect_failure({"--int8", "--ranges", damaged}, 4, "damaged.txt: line 2 is '2 1 image'");
  const std::string other = folder_.write("other.txt", "linnet ranges 1\n0 1 image\n");
  expect_failure({"--int8", "--ranges", other}, 1, "has no range");
  const std::string quantized = std::string(LINNET_MODELS) + "/tflite_int8/ad01_int8.tflite";
  const std::string row = array("row.npy", std::vector<float>(640, 1), "(1, 640)");
  expect_failure({"--int8", "--calibration", row}, 1, "the model is quantized already", quantized);
}

TEST_F(LinnetQuantize, AFloatTensorFlowLiteFileTakesTheSameRoad) {
  std::vector<float> values(10 * 490);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i)));
  const std::string x = array("sound.npy", values, "(10, 49, 10, 1)");
  expect_success({"--int8", "--calibration", x}, std::string(LINNET_MODELS) + "/tflite/kws_ref_model_float32.tflite");
}

// ---- the rules of ranges ----

quantize::Range range_of(const std::vector<float>& numbers, const char* method) {
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  quantize::Histogram histogram({*low, *high});
  for (const float number : numbers) histogram.add(number);
  return histogram.range(quantize::parse_range_method(method));
}

double squared_error(const std::vector<float>& numbers, const quantize::Range& range) {
  const ir::Quantization quantization = quantize::int8_quantization(range);
  const auto scale = static_cast<double>(quantization.scale()), zero = static_cast<double>(quantization.zero_point());
  double sum = 0;
  for (const float number : numbers) {
    const double integer = std::clamp(std::nearbyint(number / scale) + zero, -128.0, 127.0);
    sum += std::pow(number - scale * (integer - zero), 2);
  }
  return sum;
}

TEST(QuantizationRanges, CutOutliersByTheirRules) {
  std::vector<float> numbers;
  for (int i = 0; i < 100000; ++i) numbers.push_back(static_cast<float>(std::sin(0.61 * i) * std::cos(0.0173 * i)));
  const quantize::Range inner = range_of(numbers, "minmax");
  numbers.push_back(40.0f);
  const quantize::Range all = range_of(numbers, "minmax");
  EXPECT_EQ(all.low, inner.low);
  EXPECT_EQ(all.high, 40.0);
  const quantize::Range percentile = range_of(numbers, "percentile=99.9");
  EXPECT_LT(percentile.high, 1.1);
  EXPECT_GT(percentile.high, 0.8);
  EXPECT_LT(percentile.low, -0.8);
  EXPECT_LT(range_of(numbers, "kl").high, 20.0);
  const quantize::Range mse = range_of(numbers, "mse");
  EXPECT_LT(squared_error(numbers, mse), squared_error(numbers, all));
  EXPECT_LE(squared_error(numbers, mse), 1.05 * squared_error(numbers, percentile));
}

TEST(QuantizationRanges, HoldZeroExactly) {
  for (const quantize::Range range : {quantize::Range{2, 6}, {-5, -1}, {-0.3, 7}, {0, 0}, {0, 1e-42}}) {
    const ir::Quantization quantization = quantize::int8_quantization(range);
    EXPECT_GT(quantization.scale(), 0.0f);
    EXPECT_GE(quantization.zero_point(), -128);
    EXPECT_LE(quantization.zero_point(), 127);
  }
  EXPECT_EQ(quantize::int8_quantization({0, 255}), (ir::Quantization{{1.0f}, {-128}}));
  EXPECT_EQ(quantize::int8_quantization({-255, 0}), (ir::Quantization{{1.0f}, {127}}));
}

}  // namespace
}  // namespace linnet::test
