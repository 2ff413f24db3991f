// linnet with quantized TensorFlow Lite files: what their reference kernels gave (tests/models/tflite_int8) is what
// every command must show.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <tuple>

#include "converter/import/tflite/file.hpp"
#include "schema/model_generated.h"
#include "targets/desktop/lib/image.hpp"
#include "targets/desktop/lib/quantized.hpp"
#include "tests/golden/case.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

using tools::NpyArray;

const std::string kModels = LINNET_MODELS, kInt8 = kModels + "/tflite_int8/", kFloat = kModels + "/tflite/";
const std::vector<std::string> kNetworks = {"ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8"};

Outcome linnet(const std::vector<std::string>& arguments) {
  return run_command(LINNET_CLI, arguments);
}

golden::Case case_of(const std::string& name) {
  return golden::read_case(kModels, name);
}

// The scale and zero point that a file declares for an input or output of its first subgraph.
std::pair<float, int> declared(const std::string& file, bool output) {
  const import::TfliteFile source(file);
  const auto* graph = source.model().subgraphs()->Get(0);
  const auto* tensors = output ? graph->outputs() : graph->inputs();
  const auto* parameters = graph->tensors()->Get(static_cast<uint32_t>(tensors->Get(0)))->quantization();
  return {parameters->scale()->Get(0), static_cast<int>(parameters->zero_point()->Get(0))};
}

std::string shape_tuple(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (const int64_t extent : shape) text += std::to_string(extent) + ",";
  return text + ")";
}

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

// The number behind the first `"key": `.
double json_number(const std::string& text, const std::string& key) {
  const size_t at = text.find("\"" + key + "\": ");
  return at == std::string::npos ? std::nan("") : std::strtod(text.c_str() + at + key.size() + 4, nullptr);
}

class LinnetInt8 : public testing::Test {
 protected:
  std::string convert(const std::string& name, const std::vector<std::string>& options = {}) {
    const std::string model = folder_.path(name + ".lnt");
    std::vector<std::string> arguments = {"convert", kInt8 + name + ".tflite", "-o", model, "--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = linnet(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << name << outcome.err;
    return model;
  }
  std::string array(const std::string& name, const NpyArray& values) {
    const std::string type = fmt::format("<{}{}", values.kind, values.element_bytes);
    return folder_.write(name, npy_file(npy_header(type, shape_tuple(values.shape)),
                                        std::string(values.data.begin(), values.data.end())));
  }
  std::string floats(const std::string& name, const std::vector<float>& values, const std::vector<int64_t>& shape) {
    return folder_.write(name, npy_file(npy_header("<f4", shape_tuple(shape)), raw(values)));
  }
  NpyArray output_of(const std::string& model, const std::string& input, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"run", model, "--input", input, "--output", folder_.path("y.npy")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = linnet(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return tools::read_npy(folder_.path("y.npy"));
  }
  static void expect_bytes(const NpyArray& got, const NpyArray& wanted) {
    EXPECT_EQ(got.dtype(), wanted.dtype());
    EXPECT_EQ(got.shape, wanted.shape);
    EXPECT_EQ(got.data, wanted.data);
  }
  void expect_failure(const std::vector<std::string>& arguments, int exit_code, const std::string& message) {
    const std::vector<std::string> before = folder_.files();
    const Outcome outcome = linnet(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err << "wanted: " << message;
    EXPECT_EQ(folder_.files(), before) << "something was left behind";
  }

  TemporaryFolder folder_;
};

TEST_F(LinnetInt8, RunsTakeIntegersAndGiveThemOrRealNumbers) {
  for (const std::string& name : kNetworks) {
    const golden::Case golden = case_of("tflite_int8/" + name);
    const std::string model = convert(name), input = array("x.npy", golden.inputs[0]);
    expect_bytes(output_of(model, input, {"--raw"}), golden.outputs[0]);
    const NpyArray real = output_of(model, input);
    EXPECT_EQ(real.dtype(), "float32");
    const auto [scale, zero_point] = declared(kInt8 + name + ".tflite", true);
    for (size_t i = 0; i < real.size(); ++i) {
      EXPECT_EQ(real.number(i), scale * static_cast<float>(golden.outputs[0].number(i) - zero_point)) << name << i;
    }
  }
}

TEST_F(LinnetInt8, RunsQuantizeRealNumbers) {
  for (const std::string& name : kNetworks) {
    const golden::Case golden = case_of("tflite_int8/" + name);
    const NpyArray& integers = golden.inputs[0];
    const auto [scale, zero_point] = declared(kInt8 + name + ".tflite", false);
    std::vector<float> values;
    for (size_t i = 0; i < integers.size(); ++i) {
      // Anywhere between the halves, and beyond the range at its ends.
      const double q = integers.number(i), end = q == 127 ? 50 : q == -128 ? -50 : 0;
      values.push_back(
          static_cast<float>(scale * (q - zero_point + end + 0.9 * (static_cast<double>(i % 11) / 11 - 0.45))));
    }
    expect_bytes(output_of(convert(name), floats("x.npy", values, integers.shape), {"--raw"}), golden.outputs[0]);
  }
}

// TensorFlow Lite's own QUANTIZE and DEQUANTIZE.
TEST_F(LinnetInt8, RoundingIsThatOfTheReferenceKernels) {
  for (const auto& [type, device_type] :
       {std::pair("int8", LINNET_INT8), std::pair("uint8", LINNET_UINT8), std::pair("int16", LINNET_INT16)}) {
    const std::string to = std::string("quantize_") + type, from = std::string("dequantize_") + type;
    const golden::Case quantize = case_of("tflite_int8/" + to), dequantize = case_of("tflite_int8/" + from);
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    view.type = device_type;
    std::tie(view.scale, view.zero_point) = declared(kInt8 + to + ".tflite", true);
    std::vector<float> values;
    for (size_t i = 0; i < quantize.inputs[0].size(); ++i) {
      values.push_back(static_cast<float>(quantize.inputs[0].number(i)));
    }
    EXPECT_EQ(tools::quantized(values, view, "x"), quantize.outputs[0].data) << type;
    const auto [scale, zero_point] = declared(kInt8 + from + ".tflite", false);
    EXPECT_EQ(tools::dequantized(dequantize.inputs[0].data, device_type, scale, zero_point), dequantize.outputs[0].data)
        << type;
  }
}

TEST_F(LinnetInt8, RunsRefuseOtherElements) {
  const NpyArray x = case_of("tflite_int8/kws_ref_model").inputs[0];
  const std::string model = convert("kws_ref_model"), y = folder_.path("y.npy"), shape = shape_tuple(x.shape);
  const std::string bytes = folder_.write("u.npy", npy_file(npy_header("|u1", shape), std::string(x.size(), 'a')));
  expect_failure({"run", model, "--input", bytes, "--output", y}, 4, "u.npy: elements are uint8; input 'input_1'");
  const std::string words = folder_.write("w.npy", npy_file(npy_header("<i4", shape), std::string(x.size() * 4, 'a')));
  expect_failure({"run", model, "--input", words, "--output", y}, 4, "elements are int32");
  std::vector<float> values(x.size());
  values[5] = std::nanf("");
  expect_failure({"run", model, "--input", floats("n.npy", values, x.shape), "--output", y}, 4, "element 5 is NaN");
}

TEST_F(LinnetInt8, RunsPrintRealNumbers) {
  const golden::Case golden = case_of("tflite_int8/kws_ref_model");
  const std::string model = convert("kws_ref_model"), input = array("x.npy", golden.inputs[0]);
  const NpyArray& y = golden.outputs[0];  // of a softmax: scale 1/256, zero point -128
  size_t best = 0;
  for (size_t i = 0; i < y.size(); ++i) best = y.number(i) > y.number(best) ? i : best;
  const double value = (y.number(best) + 128) / 256;
  const Outcome top = linnet({"run", model, "--input", input, "--top", "1"});
  double shown = 0;
  size_t index = 0;
  ASSERT_EQ(std::sscanf(top.out.c_str(), "sample 0: %zu (%lf)", &index, &shown), 2) << top.out;
  EXPECT_EQ(index, best);
  EXPECT_NEAR(shown, value, 1e-6);

  const Outcome json = linnet({"run", model, "--input", input, "--top", "2", "--json"});
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_EQ(json_number(json.out, "index"), best);
  EXPECT_EQ(json_number(json.out, "value"), value);
  EXPECT_EQ(json_number(json.out, "scale"), 1.0 / 256);
  EXPECT_EQ(json_number(json.out, "zero_point"), -128);
  const Outcome integers = linnet({"run", model, "--input", input, "--top", "1", "--json", "--raw"});
  EXPECT_EQ(json_number(integers.out, "value"), y.number(best));

  const Outcome all = linnet({"run", model, "--input", input, "--json"});
  EXPECT_TRUE(is_json(all.out)) << all.out;
  for (size_t i = 0; i < y.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof(number), "%.9g", (y.number(i) + 128) / 256);
    EXPECT_NE(all.out.find(number), std::string::npos) << number << all.out;
  }
  EXPECT_NE(all.out.find("\"values\": ["), std::string::npos) << all.out;
}

TEST_F(LinnetInt8, RunsQuantizeImages) {
  const std::string model = convert("vww_96_int8");
  tools::Image image{96, 96, 3, {}};
  for (size_t i = 0; i < 96 * 96 * 3; ++i) image.pixels.push_back(static_cast<unsigned char>(i * 89 % 251));
  tools::write_png(folder_.path("image.png"), image);
  std::vector<float> values;
  for (const unsigned char pixel : image.pixels) values.push_back(static_cast<float>(pixel) / 255);
  const std::vector<int64_t> shape = {1, 96, 96, 3};
  const std::string png = folder_.path("image.png");
  const NpyArray wanted = output_of(model, floats("x.npy", values, shape), {"--raw"});
  expect_bytes(output_of(model, png, {"--raw"}), wanted);
  for (float& value : values) value = (value - 0.25f) / 0.5f;
  const NpyArray normalized = output_of(model, floats("x.npy", values, shape), {"--raw"});
  expect_bytes(output_of(model, png, {"--raw", "--mean", "0.25", "--std", "0.5"}), normalized);
  EXPECT_NE(normalized.data, wanted.data);
}

// More than half of its multiply-accumulates make channels that are the same in every image.
TEST_F(LinnetInt8, ConvertsWithoutDeadChannels) {
  const std::string source = kInt8 + "vww_96_int8.tflite", model = folder_.path("vww.lnt");
  const Outcome json = linnet({"convert", source, "-o", model, "--check", "--json"});
  ASSERT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_EQ(json_number(json.out, "macs_before"), 7489664);
  EXPECT_LE(json_number(json.out, "macs"), 4.2e6);
  EXPECT_EQ(json_number(json.out, "macs_after"), json_number(json.out, "macs"));
  const Outcome text = linnet({"convert", source, "-o", model});
  EXPECT_NE(text.out.find("nothing reads: 7,489,664 MACs before"), std::string::npos) << text.out;
  const golden::Case golden = case_of("tflite_int8/vww_96_int8");
  expect_bytes(output_of(model, array("x.npy", golden.inputs[0]), {"--raw"}), golden.outputs[0]);
}

TEST_F(LinnetInt8, ComparesExactly) {
  for (const std::string& name : kNetworks) {
    const std::string model = convert(name), source = kInt8 + name + ".tflite";
    const std::string input = array("x.npy", case_of("tflite_int8/" + name).inputs[0]);
    for (const char* isa : {"scalar", ""}) {
      std::vector<std::string> arguments = {"compare", source, model, "--input", input, "--tolerance", "0", "--json"};
      if (*isa != 0) arguments.insert(arguments.end(), {"--isa", isa});
      const Outcome outcome = linnet(arguments);
      EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_TRUE(is_json(outcome.out)) << outcome.out;
      EXPECT_GT(count(outcome.out, "\"different\": 0,"), 9u) << name;
      EXPECT_EQ(count(outcome.out, "\"different\": 0,"), count(outcome.out, "\"tensor\"")) << outcome.out;
    }
  }
}

TEST_F(LinnetInt8, ComparingFindsTheStepThatIsNotExact) {
  const std::string model = convert("kws_ref_model"), source = kInt8 + "kws_ref_model.tflite";
  const std::string input = array("x.npy", case_of("tflite_int8/kws_ref_model").inputs[0]);
  std::string bytes = read_bytes(model);
  const fb::Model& root = *fb::GetModel(bytes.data());
  const fb::Step& third = *root.steps()->Get(2);
  const auto* weights = root.buffers()->Get(third.op_as_Conv2D()->weights())->data();
  const auto start = static_cast<size_t>(weights->data() - reinterpret_cast<const uint8_t*>(bytes.data()));
  for (size_t i = 0; i < 16; ++i) bytes[start + i * 4 + 1] ^= 0x40;  // biases
  const std::string damaged = folder_.write("damaged.lnt", bytes);
  const Outcome text = linnet({"compare", source, damaged, "--input", input});
  EXPECT_EQ(text.exit_code, 5) << text.err;
  EXPECT_TRUE(is_one_line(text.err)) << text.err;
  EXPECT_NE(text.err.find("Conv2D '" + third.name()->str() + "' is not exact"), std::string::npos) << text.err;
  const Outcome json = linnet({"compare", source, damaged, "--input", input, "--json"});
  EXPECT_EQ(json.exit_code, 5);
  EXPECT_TRUE(is_json(json.out)) << json.out;
  // Of the steps the third alone; what follows computes from its output. The model's output differs as well.
  EXPECT_EQ(count(json.out, "\"exact\": false"), 2u) << json.out;
}

TEST_F(LinnetInt8, ComparingDoesNotBlameIntegersForTheFloatsBeforeThem) {
  const std::string model = convert("mixed"), source = kInt8 + "mixed.tflite";
  const std::string input = array("x.npy", case_of("tflite_int8/mixed").inputs[0]);
  const Outcome sound = linnet({"compare", source, model, "--input", input, "--tolerance", "1e-6", "--json"});
  EXPECT_EQ(sound.exit_code, 0) << sound.err;
  EXPECT_EQ(count(sound.out, "\"different\": 0,"), 4u) << sound.out;  // of five steps and an output, two give floats
  std::string bytes = read_bytes(model);
  const fb::Model& root = *fb::GetModel(bytes.data());
  auto* tanh = reinterpret_cast<const uint8_t*>(root.steps()->Get(2)->op_as_Unary()->activation());
  bytes[static_cast<size_t>(tanh - reinterpret_cast<const uint8_t*>(bytes.data()))] =
      static_cast<char>(fb::Function::Erf);
  const std::string other = folder_.write("other.lnt", bytes);
  const Outcome json = linnet({"compare", source, other, "--input", input, "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_EQ(count(json.out, "\"exact\": true"), 4u) << json.out;
  EXPECT_EQ(count(json.out, "\"different\": 0,"), 1u) << json.out;
  const Outcome strict = linnet({"compare", source, other, "--input", input, "--tolerance", "1e-6"});
  EXPECT_EQ(strict.exit_code, 5);
  EXPECT_NE(strict.err.find("above the tolerance"), std::string::npos) << strict.err;
}

TEST_F(LinnetInt8, ComparesWithTheFloatOriginal) {
  const golden::Case real = case_of("tflite/kws_ref_model_float32"), integers = case_of("tflite_int8/kws_ref_model");
  const std::string model = convert("kws_ref_model"), source = kInt8 + "kws_ref_model.tflite";
  const std::string original = kFloat + "kws_ref_model_float32.tflite", input = array("f.npy", real.inputs[0]);
  const Outcome json = linnet({"compare", source, model, "--input", input, "--float", original, "--json"});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_EQ(count(json.out, "\"float_sqnr_db\""), count(json.out, "\"tensor\"")) << json.out;
  // The output's, from what TensorFlow Lite gave for the float model and gives for the integers of its input.
  const NpyArray y = output_of(model, input, {"--raw"});
  double noise = 0, signal = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double wanted = real.outputs[0].number(i), error = (y.number(i) + 128) / 256 - wanted;
    noise += error * error;
    signal += wanted * wanted;
  }
  const size_t last = json.out.rfind("\"float_sqnr_db\"");
  EXPECT_NEAR(json_number(json.out.substr(last), "float_sqnr_db"), 10 * std::log10(signal / noise), 0.01);
  const Outcome text = linnet({"compare", source, model, "--input", input, "--float", original});
  EXPECT_NE(text.out.find("12 of 12 layers and 1 of 1 outputs"), std::string::npos) << text.out;

  expect_failure({"compare", source, model, "--input", input, "--float", kFloat + "pretrainedResnet.tflite"}, 1,
                 "input 'input_1' has shape 1x32x32x3");
  expect_failure({"compare", source, model, "--input", input, "--float", folder_.path("none.onnx")}, 3, "none.onnx");
}

// The residual additions of the float network are fused on the device, not in the comparison.
TEST_F(LinnetInt8, ComparesLayersBeforeTheyAreFused) {
  const std::string model = convert("pretrainedResnet_quant");
  const std::string input = array("f.npy", case_of("tflite/pretrainedResnet").inputs[0]);
  const Outcome text = linnet({"compare", kInt8 + "pretrainedResnet_quant.tflite", model, "--input", input, "--float",
                               kFloat + "pretrainedResnet.tflite"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  // The output has another name.
  EXPECT_NE(text.out.find("11 of 12 layers and 1 of 1 outputs"), std::string::npos) << text.out;
}

TEST_F(LinnetInt8, InspectShowsTypesAndScales) {
  for (const std::string& name : kNetworks) {
    const std::string model = convert(name);
    const Outcome json = linnet({"inspect", model, "--json", "--svg", folder_.path("memory.svg")});
    EXPECT_EQ(json.exit_code, 0) << json.err;
    EXPECT_TRUE(is_json(json.out)) << json.out;
    EXPECT_EQ(count(json.out, "\"scale\""), count(json.out, "\"in_arena\""));
    EXPECT_EQ(count(json.out, "\"type\": \"int8\""), count(json.out, "\"in_arena\""));
    EXPECT_EQ(count(json.out, "\"rounding\": \"tflite\""), count(json.out, "\"arithmetic\": \"int8\""));
    const auto [scale, zero_point] = declared(kInt8 + name + ".tflite", false);
    EXPECT_FLOAT_EQ(static_cast<float>(json_number(json.out, "scale")), scale);
    EXPECT_EQ(json_number(json.out, "zero_point"), zero_point);
    EXPECT_EQ(count(read_bytes(folder_.path("memory.svg")), "<g>"), count(json.out, "\"in_arena\": true"));
    const Outcome text = linnet({"inspect", model, "--verbose"});
    EXPECT_NE(text.out.find("zero point " + std::to_string(zero_point)), std::string::npos) << text.out;
    EXPECT_NE(text.out.find("rounding"), std::string::npos) << text.out;
  }
}

TEST_F(LinnetInt8, BenchStatesTheInt8Peak) {
  const std::string model = convert("kws_ref_model");
  for (const char* isa : {"scalar", ""}) {
    std::vector<std::string> arguments = {"bench", model, "--runs", "2", "--profile"};
    if (*isa != 0) arguments.insert(arguments.end(), {"--isa", isa});
    const Outcome text = linnet(arguments);
    EXPECT_NE(text.out.find("GMAC/s with int8"), std::string::npos) << text.out;
    arguments.emplace_back("--json");
    const Outcome json = linnet(arguments);
    EXPECT_TRUE(is_json(json.out)) << json.out;
    EXPECT_GT(json_number(json.out, "int8_peak_gmacs_per_second"), 0);
    EXPECT_EQ(json_number(json.out, "int8_macs"), json_number(json.out, "macs"));
    EXPECT_NEAR(json_number(json.out, "fraction_of_peak") * json_number(json.out, "int8_peak_gmacs_per_second"),
                json_number(json.out, "gmacs_per_second"), 1e-3 * json_number(json.out, "gmacs_per_second"));
    EXPECT_EQ(json.out.find("float32_peak"), std::string::npos) << json.out;
  }
}

TEST_F(LinnetInt8, ConvertReportsTheArithmetic) {
  const std::string output = folder_.path("x.lnt");
  const Outcome text = linnet({"convert", kInt8 + "kws_ref_model.tflite", "-o", output});
  EXPECT_NE(text.out.find("of these 12 int8\n"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("of integer steps"), std::string::npos) << text.out;
  const Outcome json = linnet({"convert", kInt8 + "kws_ref_model.tflite", "-o", output, "--json"});
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_EQ(count(json.out, "\"arithmetic\": \"int8\""), 12u);
  EXPECT_EQ(json_number(json.out, "integer_weight_bytes"), json_number(json.out, "weight_bytes"));
  EXPECT_NE(json.out.find("\"float_steps\": []"), std::string::npos) << json.out;
  const Outcome mixed = linnet({"convert", kInt8 + "mixed.tflite", "-o", output});
  EXPECT_NE(mixed.out.find("of these 4 int8, 1 float32\n"), std::string::npos) << mixed.out;
  EXPECT_TRUE(std::regex_search(mixed.out, std::regex("2 Unary +t +mixed.tflite computes it with real numbers")))
      << mixed.out;
  const Outcome mixed_json = linnet({"convert", kInt8 + "mixed.tflite", "-o", output, "--json"});
  EXPECT_TRUE(is_json(mixed_json.out)) << mixed_json.out;
  EXPECT_EQ(count(mixed_json.out, "\"reason\""), 1u) << mixed_json.out;
  const Outcome real = linnet({"convert", kFloat + "kws_ref_model_float32.tflite", "-o", output, "--json"});
  EXPECT_EQ(json_number(real.out, "integer_weight_bytes"), 0);
  EXPECT_NE(real.out.find("\"float_steps\": []"), std::string::npos) << real.out;
}

TEST_F(LinnetInt8, TheCHeaderHasScales) {
  convert("kws_ref_model", {"--c-array", folder_.path("kws.c")});
  const std::string header = read_bytes(folder_.path("kws.h"));
  for (const bool output : {false, true}) {
    const auto [scale, zero_point] = declared(kInt8 + "kws_ref_model.tflite", output);
    const std::string stem = std::string("#define KWS_") + (output ? "OUTPUT0" : "INPUT0");
    const size_t at = header.find(stem + "_SCALE ");
    ASSERT_NE(at, std::string::npos) << header;
    EXPECT_EQ(std::strtof(header.c_str() + at + stem.size() + 7, nullptr), scale) << header;
    EXPECT_NE(header.find(stem + "_ZERO_POINT (" + std::to_string(zero_point) + ")\n"), std::string::npos) << header;
  }
}

// The engine's kernels, which their own tests hold to the rule, against the reference's.
TEST_F(LinnetInt8, RoundsAsFloatDoesOnRequest) {
  std::vector<std::string> names = kNetworks;
  names.insert(names.end(), {"add",
                             "add_relu",
                             "mixed",
                             "sub_broadcast",
                             "mul",
                             "mul_relu",
                             "prelu",
                             "maximum",
                             "average_pool_2x2",
                             "average_pool_3x3",
                             "average_pool_5x5",
                             "mean_12",
                             "mean_3",
                             "batch_matmul_0",
                             "transpose_conv",
                             "conv_3x3",
                             "conv_groups",
                             "depthwise_3x3",
                             "fully_connected",
                             "quantize_int8",
                             "requantize_int8",
                             "dequantize_int8",
                             "unary_logistic_0",
                             "unary_leaky_relu_0",
                             "unary_hard_swish_0"});
  size_t changed = 0;
  for (const std::string& name : names) {
    const std::string model = convert(name, {"--rounding", "float"});
    std::vector<std::string> arguments = {"compare", kInt8 + name + ".tflite", model, "--tolerance", "1e-6"};
    for (const NpyArray& one : case_of("tflite_int8/" + name).inputs) {
      arguments.insert(arguments.end(), {"--input", array(fmt::format("x{}.npy", arguments.size()), one)});
    }
    for (const char* isa : {"scalar", ""}) {
      std::vector<std::string> line = arguments;
      if (*isa != 0) line.insert(line.end(), {"--isa", isa});
      const Outcome outcome = linnet(line);
      EXPECT_EQ(outcome.exit_code, 0) << name << outcome.err << outcome.out;
    }
    if (linnet({"inspect", model, "--json"}).out.find("\"rounding\": \"float\"") != std::string::npos) ++changed;
  }
  EXPECT_GT(changed, kNetworks.size() + 12);
}

TEST_F(LinnetInt8, SaysWhereThereIsNoOtherRounding) {
  const std::string output = folder_.path("x.lnt");
  expect_failure({"convert", kInt8 + "kws_ref_model.tflite", "-o", output, "--rounding", "up"}, 2,
                 "--rounding up: expected tflite or float");
  expect_failure({"convert", kFloat + "kws_ref_model_float32.tflite", "-o", output, "--rounding", "float"}, 1,
                 "the model computes with real numbers alone");
  expect_failure({"convert", kInt8 + "resize_bilinear_1x1.tflite", "-o", output, "--rounding", "float"}, 1,
                 "has no integer form that rounds as float does");
  const Outcome softmax = linnet({"convert", kInt8 + "softmax.tflite", "-o", output, "--rounding", "float", "--quiet"});
  EXPECT_EQ(softmax.exit_code, 0);
  EXPECT_NE(softmax.err.find("fixed point"), std::string::npos) << softmax.err;
}

TEST_F(LinnetInt8, ASourceMustBeConvertedFirst) {
  expect_failure({"run", kInt8 + "kws_ref_model.tflite", "--input", "x.npy"}, 1, "convert it first: linnet convert");
  expect_failure({"bench", kInt8 + "kws_ref_model.tflite"}, 1, "convert it first");
  expect_failure({"inspect", kInt8 + "kws_ref_model.tflite"}, 1, "convert it first");
}

}  // namespace
}  // namespace linnet::test
