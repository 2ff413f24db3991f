// Quantizes the float digits networks by 200 training images, or their weights alone, and runs them over all test
// images, on every instruction set: they must read as many digits as PyTorch's float networks do, less half a point at
// most; integers must be equal everywhere. Quantizes MLPerf Tiny's float networks, and compares with the suite's own
// int8 files. Recurrent layers that quantize their inputs at run time and transposed convolutions with int8 weights are
// compared with the graph's reference evaluation.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "converter/pipeline.hpp"
#include "engine/linnet.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "tests/golden/case.hpp"
#include "tests/golden/isas.hpp"

namespace linnet::golden {
namespace {

constexpr size_t kClasses = 10;
const std::filesystem::path kModels = LINNET_MODELS;

struct Network {
  const char* name;  // of the test
  const char* file;  // without .onnx
  const char* logits;
  bool integers;  // no step stays float
};
void PrintTo(const Network& network, std::ostream* stream) {
  *stream << network.name;
}

constexpr Network kNetworks[] = {
    {"batch_norm_mobile", "digits/digits", "digits/test_logits", true},
    {"recurrent", "digits_gru/digits_gru", "digits_gru/test_logits", false},
    {"group_resnet", "digits/normalized/group_resnet", "digits/normalized/group_resnet_logits", false},
    {"group_resnet_dynamo", "digits/normalized/group_resnet_dynamo", "digits/normalized/group_resnet_dynamo_logits",
     false},
    {"instance_resnet", "digits/normalized/instance_resnet", "digits/normalized/instance_resnet_logits", false},
    {"batch_channel_resnet", "digits/normalized/batch_channel_resnet", "digits/normalized/batch_channel_resnet_logits",
     false},
    {"layer_perceptron", "digits/normalized/layer_perceptron", "digits/normalized/layer_perceptron_logits", false},
    {"rms_perceptron", "digits/normalized/rms_perceptron", "digits/normalized/rms_perceptron_logits", false},
    {"weight_norm_perceptron", "digits/normalized/weight_norm_perceptron",
     "digits/normalized/weight_norm_perceptron_logits", true},
    {"spectral_norm_perceptron", "digits/normalized/spectral_norm_perceptron",
     "digits/normalized/spectral_norm_perceptron_logits", true},
    {"squeeze_excite_mobile", "digits/normalized/squeeze_excite_mobile",
     "digits/normalized/squeeze_excite_mobile_logits", true},
    {"squeeze_excite_mobile_dynamo", "digits/normalized/squeeze_excite_mobile_dynamo",
     "digits/normalized/squeeze_excite_mobile_dynamo_logits", true},
    {"lstm_gru", "digits/normalized/lstm_gru", "digits/normalized/lstm_gru_logits", false},
    {"convnext", "digits/normalized/convnext", "digits/normalized/convnext_logits", false},
    {"vision_transformer", "digits/normalized/vision_transformer", "digits/normalized/vision_transformer_logits",
     false},
    {"vision_transformer_dynamo", "digits/normalized/vision_transformer_dynamo",
     "digits/normalized/vision_transformer_dynamo_logits", false},
};

std::vector<float> numbers(const std::filesystem::path& file) {
  const tools::NpyArray array = tools::read_npy((kModels / file).string() + ".npy");
  std::vector<float> result(array.size());
  for (size_t i = 0; i < result.size(); ++i) result[i] = static_cast<float>(array.number(i));
  return result;
}

size_t prediction(const float* logits) {
  return static_cast<size_t>(std::max_element(logits, logits + kClasses) - logits);
}

int correct(const std::vector<float>& logits) {
  static const std::vector<float> labels = numbers("digits/test_labels");
  int count = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    count += prediction(&logits[i * kClasses]) == static_cast<size_t>(labels[i]) ? 1 : 0;
  return count;
}

Conversion quantized(const Network& network, const quantize::RangeMethod& range) {
  constexpr std::ptrdiff_t kPixels = 64;
  const std::vector<float> images = numbers("digits/calibration_images");
  quantize::Options quantization;
  quantization.range = range;
  for (auto first = images.begin(); first != images.end(); first += kPixels)
    quantization.samples.push_back({ir::Array::of_floats({1, 1, 8, 8}, {first, first + kPixels})});
  ConvertOptions options;
  options.quantization = std::move(quantization);
  return convert(kModels / (std::string(network.file) + ".onnx"), options);
}

std::vector<float> run(const Conversion& conversion, const char* isa, const std::vector<float>& images) {
  linnet_options options = Session::default_options();
  options.isa = isa;
  Session session(conversion.model.data(), conversion.model.size(), options);
  const Span<float> image = session.input<float>(0);
  const Span<const float> output = session.output<float>(0);
  std::vector<float> logits;
  for (size_t begin = 0; begin + image.size() <= images.size(); begin += image.size()) {
    std::copy_n(images.begin() + static_cast<std::ptrdiff_t>(begin), image.size(), image.begin());
    EXPECT_EQ(session.run(), LINNET_OK);
    logits.insert(logits.end(), output.begin(), output.end());
  }
  return logits;
}

bool available(const char* isa, const Conversion& conversion) {
  linnet_options options = LINNET_OPTIONS_INIT;
  options.isa = isa;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  return linnet_get_model_info(&options, conversion.model.data(), conversion.model.size(), &info) != LINNET_ERROR_ISA;
}

class QuantizedDigits : public testing::TestWithParam<Network> {
 protected:
  static void expect_accuracy(const quantize::RangeMethod& range) {
    const std::vector<float> images = numbers("digits/test_images");
    const Conversion conversion = quantized(GetParam(), range);
    const bool all = std::none_of(conversion.report.steps.begin(), conversion.report.steps.end(),
                                  [](const auto& step) { return step.arithmetic == "float32"; });
    EXPECT_EQ(all, GetParam().integers) << report::to_text(conversion.report, true);
    const int wanted = correct(numbers(GetParam().logits));
    const int lost = static_cast<int>(images.size() / 64) / 200;  // half a point
    std::vector<float> first;
    for (const auto* isas : {&kIsas[0], &kIntegerIsas[0]}) {
      const size_t count = isas == &kIsas[0] ? std::size(kIsas) : std::size(kIntegerIsas);
      for (size_t i = 0; i < count; ++i) {
        if (!available(isas[i], conversion)) continue;
        SCOPED_TRACE(isas[i]);
        const std::vector<float> logits = run(conversion, isas[i], images);
        EXPECT_GE(correct(logits), wanted - lost);
        if (first.empty()) first = logits;
        if (GetParam().integers) {
          EXPECT_EQ(logits, first);
        }
      }
    }
    EXPECT_FALSE(first.empty());
  }
};

TEST_P(QuantizedDigits, ReadWhatTheFloatNetworkReads) {
  expect_accuracy({});
}

TEST_P(QuantizedDigits, AlsoByOtherRanges) {
  for (const char* range : {"percentile=99.99", "mse"}) {
    SCOPED_TRACE(range);
    expect_accuracy(quantize::parse_range_method(range));
  }
}

// The engine computes what the graph with the rounded weights says.
TEST_P(QuantizedDigits, ReadWithInt8Weights) {
  constexpr double kTolerance = 2e-5;  // of a logit, relative to the largest of the image
  const std::vector<float> images = numbers("digits/test_images");
  ConvertOptions options;
  options.treatments.weights = {treat::parse_weights("int8")};
  const Conversion conversion = convert(kModels / (std::string(GetParam().file) + ".onnx"), options);
  const report::Int8Weights& weights = conversion.report.int8_weights;
  EXPECT_GT(weights.layers, 0);
  EXPECT_LT(weights.bytes, 0.5 * static_cast<double>(weights.float_bytes));
  const int lost = static_cast<int>(images.size() / 64) / 200;
  const std::vector<double> wanted =
      evaluate(*conversion.graph,
               {ir::Array::of_floats(conversion.graph->inputs[0]->shape(), {images.begin(), images.begin() + 64})})[0]
          .doubles();
  double largest = 0;
  for (const double logit : wanted) largest = std::max(largest, std::abs(logit));
  int ran = 0;
  for (const char* isa : kIsas) {
    if (!available(isa, conversion)) continue;
    SCOPED_TRACE(isa);
    const std::vector<float> logits = run(conversion, isa, images);
    EXPECT_GE(correct(logits), correct(numbers(GetParam().logits)) - lost);
    for (size_t i = 0; i < kClasses; ++i)
      EXPECT_NEAR(static_cast<double>(logits[i]), wanted[i], kTolerance * largest) << "logit " << i;
    ++ran;
  }
  EXPECT_GE(ran, 1);
}

// Runs what `options` make of a case on every instruction set, beside the graph's reference evaluation.
void expect_evaluation(const std::string& name, const ConvertOptions& options) {
  constexpr double kTolerance = 1e-5;
  const Conversion conversion = convert(source_file(kModels, name), options);
  EXPECT_TRUE(conversion.report.int8_weights.float_reasons.empty());
  EXPECT_GT(conversion.report.int8_weights.layers, 0);
  const Case golden = read_case(kModels, name);
  std::vector<ir::Array> inputs;
  for (size_t i = 0; i < golden.inputs.size(); ++i) {
    std::vector<float> numbers;
    for (size_t k = 0; k < golden.inputs[i].size(); ++k)
      numbers.push_back(static_cast<float>(golden.inputs[i].number(k)));
    inputs.push_back(ir::Array::of_floats(conversion.graph->inputs[i]->shape(), std::move(numbers)));
  }
  const std::vector<ir::Array> wanted = evaluate(*conversion.graph, inputs);
  for (const char* isa : kIsas) {
    if (!available(isa, conversion)) continue;
    SCOPED_TRACE(isa);
    linnet_options session_options = Session::default_options();
    session_options.isa = isa;
    Session session(conversion.model.data(), conversion.model.size(), session_options);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<float> numbers = inputs[i].floats();
      std::copy(numbers.begin(), numbers.end(), session.input<float>(static_cast<int>(i)).begin());
    }
    EXPECT_EQ(session.run(), LINNET_OK);
    for (size_t i = 0; i < wanted.size(); ++i) {
      const Span<const float> output = session.output<float>(static_cast<int>(i));
      ASSERT_EQ(output.size(), wanted[i].size());
      double largest = 0, error = 0;
      for (size_t k = 0; k < output.size(); ++k) {
        largest = std::max(largest, std::abs(wanted[i].number(k)));
        error = std::max(error, std::abs(static_cast<double>(output.begin()[k]) - wanted[i].number(k)));
      }
      EXPECT_LE(error, kTolerance * largest) << "output " << i;
    }
  }
}

std::vector<std::string> cases_of(const std::string& prefix) {
  std::vector<std::string> names;
  for (const std::string& name : case_names(kModels))
    if (name.rfind(prefix, 0) == 0) names.push_back(name.substr(prefix.size()));
  return names;
}

constexpr const char* kRecurrent = "ops/recurrent_spec_";
constexpr const char* kTransposed = "ops/conv_transpose_";

// Every attribute of recurrent layers. Functions of the engine are not exact: where that took a number of a state over
// a half, it would be another integer, and what follows would differ by a part of a step.
class DynamicRecurrent : public testing::TestWithParam<std::string> {};

TEST_P(DynamicRecurrent, ComputesWhatTheGraphSays) {
  ConvertOptions options;
  options.dynamic_int8 = true;
  expect_evaluation(kRecurrent + GetParam(), options);
}

INSTANTIATE_TEST_SUITE_P(Spec, DynamicRecurrent, testing::ValuesIn(cases_of(kRecurrent)),
                         [](const auto& info) { return info.param; });

class Int8Transposed : public testing::TestWithParam<std::string> {};

TEST_P(Int8Transposed, ComputesWhatTheGraphSays) {
  ConvertOptions options;
  options.treatments.weights = {treat::parse_weights("int8")};
  expect_evaluation(kTransposed + GetParam(), options);
}

INSTANTIATE_TEST_SUITE_P(Ops, Int8Transposed, testing::ValuesIn(cases_of(kTransposed)),
                         [](const auto& info) { return info.param; });

struct TinyNetwork {
  const char* name;   // of the test
  const char* model;  // a .tflite file
  ir::Shape shape;    // of an input
  float factor;       // what the stored inputs are multiplied by
};
void PrintTo(const TinyNetwork& network, std::ostream* stream) {
  *stream << network.name;
}

const TinyNetwork kTinyNetworks[] = {
    {"anomaly_detection", "mlperf_tiny/ad01_fp32", {1, 640}, 1},
    {"keyword_spotting", "tflite/kws_ref_model_float32_dequantized", {1, 49, 10, 1}, 1},
    {"image_classification", "tflite/pretrainedResnet", {1, 32, 32, 3}, 1},
    {"visual_wake_words", "mlperf_tiny/vww_96_float", {1, 96, 96, 3}, 1.0f / 255},
};

class QuantizedTiny : public testing::TestWithParam<TinyNetwork> {};

double squared_error(const std::vector<float>& numbers, const std::vector<float>& wanted) {
  EXPECT_EQ(numbers.size(), wanted.size());
  double sum = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double difference = static_cast<double>(numbers[i]) - static_cast<double>(wanted[i]);
    sum += difference * difference;
  }
  return sum;
}

TEST_P(QuantizedTiny, IsNoLessExactThanTheSuitesInt8File) {
  const TinyNetwork& network = GetParam();
  const std::filesystem::path stored = kModels / "mlperf_tiny" / std::filesystem::path(network.model).filename();
  std::vector<float> inputs = numbers(stored.string() + "_inputs");
  for (float& number : inputs) number *= network.factor;
  const auto size = static_cast<std::ptrdiff_t>(ir::element_count(network.shape));
  quantize::Options quantization;
  for (auto first = inputs.begin(); first != inputs.end(); first += size)
    quantization.samples.push_back({ir::Array::of_floats(network.shape, {first, first + size})});
  ConvertOptions options;
  options.quantization = std::move(quantization);
  const Conversion conversion = convert((kModels / network.model).string() + ".tflite", options);
  for (const auto& step : conversion.report.steps) EXPECT_NE(step.arithmetic, "float32") << step.name;
  const std::vector<float> wanted = numbers(stored.string() + "_float");
  const double suite = squared_error(numbers(stored.string() + "_int8"), wanted);
  EXPECT_GT(suite, 0.0);
  EXPECT_LE(squared_error(run(conversion, nullptr, inputs), wanted), suite);
}

INSTANTIATE_TEST_SUITE_P(Networks, QuantizedTiny, testing::ValuesIn(kTinyNetworks),
                         [](const auto& info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(Networks, QuantizedDigits, testing::ValuesIn(kNetworks),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace linnet::golden
