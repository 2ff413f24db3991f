// linnet convert --int8: what it writes, what it says, and what it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <regex>
#include <set>

#include "converter/quantize/mixed.hpp"
#include "converter/quantize/range.hpp"
#include "tests/tools/digits_conversion.hpp"

namespace linnet::test {
namespace {

class LinnetQuantize : public DigitsConversion {
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
  std::string samples(size_t count = 20) { return array("x.npy", images(count), fmt::format("({}, 1, 8, 8)", count)); }
  std::string inspect() { return run_command(LINNET_CLI, {"inspect", model_}).out; }
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

// Ranges that cut a tenth of the numbers off on either side cost accuracy, which float layers give back.
TEST_F(LinnetQuantize, LeavesTheFewestLayersFloatForAnAccuracy) {
  const std::vector<std::string> arguments = {"--int8",   "--calibration", samples(100),   "--range",  "percentile=90",
                                              "--labels", kLabels,         "--validation", kTestImages};
  Outcome outcome = convert(arguments);
  const double plain = accuracy();
  EXPECT_LT(plain, 90.0);
  EXPECT_NE(outcome.out.find(fmt::format("labelled samples: float 98.89%, int8 {:.2f}%\n", plain)), std::string::npos)
      << outcome.out << outcome.err;
  size_t before = 0;
  for (const auto& [text, wanted] : {std::pair{"0.9", 90.0}, {"95%", 95.0}, {"97.9%", 97.9}}) {
    SCOPED_TRACE(text);
    std::vector<std::string> mixed = arguments;
    mixed.insert(mixed.end(), {"--mixed", text});
    outcome = convert(mixed);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_GE(accuracy(), wanted);
    EXPECT_NE(outcome.out.find(fmt::format("with the float layers of --mixed {:.2f}%\n", accuracy())),
              std::string::npos)
        << outcome.out;
    const std::regex reason(fmt::format("--mixed {:g}%: as int8 it leaves ([0-9.]+)%", wanted));
    std::sregex_iterator found(outcome.out.begin(), outcome.out.end(), reason), end;
    const auto layers = static_cast<size_t>(std::distance(found, end));
    EXPECT_GT(layers, 0u) << outcome.out;
    EXPECT_GE(layers, before) << outcome.out;
    before = layers;
    for (; found != end; ++found) EXPECT_LT(std::stod((*found)[1]), wanted) << outcome.out;
  }
}

TEST_F(LinnetQuantize, AccuracyOfTheCalibrationSamples) {
  const Outcome outcome = convert({"--int8", "--calibration", kTestImages, "--labels", kLabels, "--json"});
  EXPECT_NE(outcome.out.find("\"float_correct\": 445"), std::string::npos) << outcome.out << outcome.err;
  EXPECT_NE(outcome.out.find(fmt::format("\"int8_correct\": {:.0f}", accuracy() * 4.5)), std::string::npos)
      << outcome.out;
}

TEST_F(LinnetQuantize, RefusesLabelsAndAccuraciesThatDoNotFit) {
  const std::string x = samples(3);
  const auto labels = [&](const std::string& name, const char* type, const std::string& shape, const auto& values) {
    return folder_.write(name, npy_file(npy_header(type, shape), raw(values)));
  };
  const auto refused = [&](const std::string& file, const std::string& message) {
    expect_failure({"--int8", "--calibration", x, "--labels", file, "--mixed", "0.5"}, 4, message);
  };
  refused(labels("few.npy", "<i4", "(2,)", std::vector<int32_t>{1, 2}), "2 labels for 3 samples");
  refused(labels("ten.npy", "<i4", "(3,)", std::vector<int32_t>{1, 2, 10}),
          "label 10 of sample 2; output 'logits' has the classes 0 to 9");
  refused(labels("minus.npy", "<i4", "(3,)", std::vector<int32_t>{-1, 2, 3}), "label -1 of sample 0");
  refused(labels("real.npy", "<f4", "(3,)", std::vector<float>{1, std::nanf(""), 2}),
          "float32 3; supported is an integer per sample");
  refused(labels("hot.npy", "<i4", "(3, 2)", std::vector<int32_t>(6)), "int32 3x2; supported is an integer per sample");
  refused(folder_.write("damaged.npy", "no array"), "damaged.npy");
  expect_failure({"--int8", "--calibration", x, "--labels", folder_.path("missing.npy")}, 3, "missing.npy");
  expect_failure({"--int8", "--calibration", x, "--mixed", "0.5"}, 2, "--labels");
  expect_failure({"--int8", "--calibration", x, "--labels", "", "--mixed", "0.5"}, 2, "--labels: the name of the file");
  std::vector<float> values = images(3);
  values[2] = std::nanf("");
  const std::string nan = labels("nan.npy", "<f4", "(3, 1, 8, 8)", values);
  const std::string three = labels("three.npy", "<i8", "(3,)", std::vector<int64_t>{1, 2, 3});
  expect_failure({"--int8", "--calibration", x, "--labels", three, "--validation", nan}, 4,
                 "--validation: element 2 of sample 0 of input 'image' is nan");
  const std::string wrong = labels("wrong.npy", "<f4", "(3, 1, 4, 16)", values);
  expect_failure({"--int8", "--calibration", x, "--labels", three, "--validation", wrong}, 4, "wrong.npy");
  expect_failure({"--int8", "--calibration", x, "--labels", three, "--validation", "other=" + x}, 2,
                 "--validation other=");
  expect_failure({"--int8", "--calibration", x, "--validation", kTestImages}, 2, "--labels");
  for (const char* accuracy : {"0", "1.5", "101%", "nan", "much", "98.5%%", ""})
    expect_failure(
        {"--int8", "--calibration", x, "--labels", kLabels, "--validation", kTestImages, "--mixed", accuracy}, 2,
        "expected an accuracy above 0 and at most 1");
  expect_failure({"--int8", "--calibration", x, "--labels", kLabels, "--validation", kTestImages, "--mixed", "1"}, 1,
                 "--mixed 100%: the best accuracy found with int8 layers is 9");
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

TEST_F(LinnetQuantize, EqualizesLayersWhereThatHelps) {
  const std::string x = samples(60);
  Outcome outcome = convert({"--int8", "--calibration", x, "--per-tensor"});
  EXPECT_NE(outcome.out.find("5 pairs of layers equalized by "), std::string::npos) << outcome.out << outcome.err;
  const Outcome same = run_command(LINNET_CLI, {"compare", kDigits, model_, "--input", x, "--samples", "2"});
  EXPECT_EQ(same.exit_code, 0) << same.err << same.out;
  outcome = convert({"--int8", "--calibration", x, "--per-tensor", "--no-equalize"});
  EXPECT_EQ(outcome.out.find("equalized"), std::string::npos) << outcome.out << outcome.err;
  outcome = convert({"--int8", "--calibration", x, "--per-tensor", "--ranges", folder_.path("new.txt")});
  EXPECT_EQ(outcome.out.find("equalized"), std::string::npos) << outcome.out << outcome.err;
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
  expect_failure({"--int8", "--calibration", nan}, 4, "element 6 of sample 1 of input 'image' is nan");
  values[70] = std::numeric_limits<float>::infinity();
  const std::string infinite = array("inf.npy", values, "(2, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", infinite}, 4, "element 6 of sample 1 of input 'image' is inf");
  const std::string constant = array("constant.npy", std::vector<float>(128, 3), "(2, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", constant}, 4, "input 'image' is 3 everywhere");
  const std::string none = array("none.npy", {}, "(0, 1, 8, 8)");
  expect_failure({"--int8", "--calibration", none}, 4, "none.npy");
  const std::string labels = array("labels.npy", {1, 2, 3}, "(3,)");
  expect_failure({"--int8", "--calibration", labels}, 4, "labels.npy");
  expect_failure({"--int8", "--calibration", folder_.path("missing.npy")}, 3, "missing.npy");
}

TEST_F(LinnetQuantize, RefusesOptionsThatDoNotFit) {
  const std::string x = samples();
  expect_failure({"--int8"}, 2, "--int8 needs --calibration");
  expect_failure({"--int8", "--calibration", "other=" + x}, 2, "--calibration other=");
  expect_failure({"--int8", "--calibration", x, "--min-sqnr", "nan"}, 2, "--min-sqnr nan: expected a finite number");
  expect_failure({"--int8", "--calibration", x, "--min-sqnr", "1000"}, 1, "no step of the model can be one of int8");
  expect_failure({"--int8", "--calibration", x, "--ranges", folder_.path("none/r.txt")}, 3, "none/r.txt");
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

// ---- the search for float layers ----

// Layers "a", "b", ... lose so many of 100 samples each; some sets are not int8 at all.
quantize::FloatLayers search(const std::map<std::string, int>& losses, size_t wanted, size_t least_int8 = 1) {
  std::vector<std::string> layers;
  for (const auto& [layer, loss] : losses) layers.push_back(layer);
  return quantize::find_float_layers(layers, wanted, [&](const std::set<std::string>& floats) {
    quantize::Trial trial{100, 0};
    for (const auto& [layer, loss] : losses) {
      if (floats.count(layer) > 0) continue;
      trial.correct -= static_cast<size_t>(loss);
      trial.error += loss;
    }
    return losses.size() - floats.size() < least_int8 ? std::nullopt : std::optional(trial);
  });
}

std::vector<std::string> names(const quantize::FloatLayers& found) {
  std::vector<std::string> result;
  for (const auto& [layer, correct] : found.correct_without) result.push_back(layer);
  return result;
}

TEST(FloatLayers, AreTheFewest) {
  const std::map<std::string, int> losses = {{"a", 1}, {"b", 8}, {"c", 2}, {"d", 5}, {"e", 1}};
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(search(losses, 83)), Names());
  EXPECT_EQ(names(search(losses, 84)), Names({"b"}));
  EXPECT_EQ(names(search(losses, 92)), Names({"b", "d"}));
  EXPECT_EQ(names(search(losses, 97)), Names({"b", "c", "d"}));
  EXPECT_EQ(names(search(losses, 99)).size(), 4u);
  const quantize::FloatLayers found = search(losses, 92);
  EXPECT_EQ(found.correct, 96u);
  EXPECT_EQ(found.correct_without.at("b"), 88u);
  EXPECT_EQ(found.correct_without.at("d"), 91u);
}

TEST(FloatLayers, SayTheBestWhereThereAreNone) {
  const std::map<std::string, int> losses = {{"a", 3}, {"b", 8}, {"c", 4}};
  EXPECT_TRUE(search(losses, 98).correct_without.empty());
  EXPECT_EQ(search(losses, 98).correct, 97u);
  EXPECT_EQ(search(losses, 94, 2).correct, 93u);
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

TEST_F(LinnetQuantize, WeightsAlone) {
  const Outcome outcome = convert({"--weights", "int8"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("weights of 10 layers between floats"), std::string::npos) << outcome.out;
  EXPECT_NE(inspect().find("int8 weights"), std::string::npos) << inspect();
  const Outcome compared = run_command(LINNET_CLI, {"compare", kDigits, model_, "--input", samples(1)});
  EXPECT_EQ(compared.exit_code, 0) << compared.out << compared.err;
  expect_failure({"--weights", "int3"}, 2, "--weights");
}

TEST_F(LinnetQuantize, InputsAtRunTime) {
  const Outcome outcome = convert({"--int8", "dynamic"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("only linear and recurrent layers quantize their inputs at run time"), std::string::npos)
      << outcome.out;
  EXPECT_NE(inspect().find("int8 weights, dynamic"), std::string::npos) << inspect();
  expect_success({"--int8=dynamic", "--weights", "int8", "--quiet"}, kPerceptron);
  expect_failure({"--int8", "dynamic", "--calibration", samples()}, 2, "--calibration is for --int8 without dynamic");
  expect_failure({"--int8", "sometimes"}, 2, "--int8");
}

}  // namespace
}  // namespace linnet::test
