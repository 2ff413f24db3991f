// linnet convert with treated weights: what it writes, what it says, and what it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "tests/tools/digits_conversion.hpp"

namespace linnet::test {
namespace {

const std::string kSamples = std::string(LINNET_DIGITS) + "/calibration_images.npy";

class LinnetTreat : public DigitsConversion {
 protected:
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_.path(name)); }
  std::string write(const std::string& text) { return folder_.write("r.json", text); }
};

// Where more than a point is lost, repair wins back at least half.
TEST_F(LinnetTreat, RepairWinsBackHalfOfWhatWasLost) {
  for (const std::string& source : {kDigits, kPerceptron}) {
    expect_success({}, source);
    const double real = accuracy();
    for (const std::vector<std::string>& treatment :
         std::vector<std::vector<std::string>>{{"--sparsify", "50%"},
                                               {"--sparsify", "80%"},
                                               {"--sparsify", "90%"},
                                               {"--weights", "bits=4"},
                                               {"--weights", "bits=3"},
                                               {"--weights", "bits=2"},
                                               {"--cluster", "16"},
                                               {"--cluster", "256"},
                                               {"--sparsify", "60%,block=4", "--weights", "int4"}}) {
      SCOPED_TRACE(fmt::format("{} {}", source, fmt::join(treatment, " ")));
      expect_success(treatment, source);
      const double alone = accuracy();
      std::vector<std::string> repaired = treatment;
      repaired.insert(repaired.end(), {"--repair", kSamples});
      EXPECT_NE(expect_success(repaired, source).find("least squares"), std::string::npos);
      if (real - alone > 1)
        EXPECT_GE(accuracy() - alone, (real - alone) / 2);
      else
        EXPECT_GE(accuracy(), real - 1);
    }
  }
}

TEST_F(LinnetTreat, ReportsEveryLayer) {
  std::string out = expect_success({"--sparsify", "75%"});
  EXPECT_NE(out.find("\ntreated weights\n"), std::string::npos) << out;
  EXPECT_NE(out.find("sparse 75% element"), std::string::npos) << out;
  EXPECT_EQ(out.find("least squares"), std::string::npos) << out;
  out = expect_success({"--sparsify", "75%", "--sparsify", "*Gemm*:none", "--cluster", "*Gemm*:16", "--json"});
  EXPECT_TRUE(is_json(out));
  for (const char* part : {"\"treatments\"", "\"storages\"", "\"storage\": \"4 bits, tables\"",
                           "\"treatment\": \"16 clusters per tensor\"", "\"weights\": 768", "\"nonzero\": 192"})
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
  EXPECT_EQ(out.find("error_before"), std::string::npos);
  out = expect_success({"--sparsify", "75%", "--repair", kSamples, "--json"});
  for (const char* part : {"\"error_before\"", "\"error_after\"", "\"samples\": 200", "\"repair\": \"least squares"})
    EXPECT_NE(out.find(part), std::string::npos) << part << "\n" << out;
}

TEST_F(LinnetTreat, ComposesWithInt8) {
  expect_success({"--weights", "bits=4,scheme=symmetric", "--repair", kSamples, "--int8", "--calibration", kSamples});
  EXPECT_GE(accuracy(), 97.5);
  std::string out = expect_success({"--sparsify", "50%", "--repair", kSamples, "--weights", "*Conv*:int8"});
  EXPECT_NE(out.find("weights of 9 layers between floats"), std::string::npos) << out;
  EXPECT_NE(out.find("--weights leaves it as it is"), std::string::npos) << out;
  EXPECT_GE(accuracy(), 95);
  expect_success({"--cluster", "16", "--int8", "dynamic", "--repair", kSamples}, kPerceptron);
  EXPECT_GE(accuracy(), 94.5);
}

// The model's options say all that made it: steps are exact beside the network made again.
TEST_F(LinnetTreat, ModelsAreMadeAgainForCompare) {
  expect_success({"--clip", "percentile=99.9", "--sparsify", "/blocks*:50%,block=4", "--cluster", "*Gemm*:16,per=16",
                  "--repair", kSamples, "--weight-decay", "0.001", "--steps", "7", "--lr", "0.25"});
  const Outcome outcome =
      run_command(LINNET_CLI, {"compare", kDigits, model_, "--input", kTestImages, "--samples", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  const std::regex decibels(R"(\d[xe]\S* +\S+ +\S+ +(\d+\.\d)\n)");
  const std::string steps = outcome.out.substr(0, outcome.out.find("Outputs against"));
  std::sregex_iterator found(steps.begin(), steps.end(), decibels), end;
  EXPECT_EQ(std::distance(found, end), 11) << steps;
  for (; found != end; ++found) EXPECT_GT(std::stod((*found)[1]), 100) << steps;
}

TEST_F(LinnetTreat, StorageByGlob) {
  const auto sparse = [](const std::string& out) { return out.find("\"storage\": \"sparse") != std::string::npos; };
  const std::string kept = expect_success({"--sparsify", "80%", "--storage", "sparse", "--json"});
  EXPECT_TRUE(sparse(kept));
  EXPECT_NE(kept.find("--storage sparse, "), std::string::npos) << kept;
  const double accuracy_sparse = accuracy();
  EXPECT_FALSE(sparse(expect_success({"--sparsify", "80%", "--storage", "dense", "--json"})));
  EXPECT_EQ(accuracy(), accuracy_sparse);
  EXPECT_TRUE(sparse(expect_success({"--storage", "*Gemm*:sparse", "--json"})));
  const std::string codes = expect_success({"--weights", "bits=4", "--storage", "*Gemm*:dense", "--json"});
  EXPECT_NE(codes.find("\"reason\": \"--storage *Gemm*:dense\""), std::string::npos) << codes;
  EXPECT_NE(codes.find("\"storage\": \"4 bits"), std::string::npos) << codes;
  expect_success({"--sparsify", "80%", "--storage", "sparse", "--storage", "*Gemm*:dense", "--storage", "*stem*:none"});
  const std::string recipe = folder_.path("m.recipe.json"), model = read_bytes(model_);
  expect_success({"--recipe", recipe});
  EXPECT_EQ(read_bytes(model_), model);
}

TEST_F(LinnetTreat, RefusesStorages) {
  expect_failure({"--storage", "small"}, 2, "--storage small: expected [GLOB:]dense");
  expect_failure({"--storage", "nothing*:sparse"}, 1, "no layer with weights has such a name; there are: /stem");
  expect_failure({"--storage", "dense", "--storage", "sparse"}, 1, "contradict each other for layer");
  expect_failure({"--storage", "*Gemm*:codes"}, 1,
                 "--storage *Gemm*:codes: layer /classifier/Gemm cannot be stored so: its weights are no levels");
  expect_failure({"--weights", "bits=5", "--storage", "*Gemm*:codes"}, 1, "different codes need more than 4 bits");
  expect_failure({"--weights", "int4", "--int8", "--calibration", kSamples, "--storage", "*Gemm*:codes"}, 1,
                 "codes would be no smaller");
  expect_failure({"--storage", "*GRU*:sparse"}, 1, "only convolutions and linear layers can",
                 std::string(LINNET_MODELS) + "/digits_gru/digits_gru.onnx");
}

TEST_F(LinnetTreat, RecipesRepeatAResult) {
  expect_success({});
  EXPECT_FALSE(exists("m.recipe.json"));
  expect_success({"--weights", "int8"});
  EXPECT_FALSE(exists("m.recipe.json"));
  expect_success({"--sparsify", "70%", "--sparsify", "*Gemm*:none", "--weights", "bits=5", "--repair", kSamples,
                  "--weight-decay", "1e-3", "--int8", "--calibration", kSamples, "--per-tensor"});
  ASSERT_TRUE(exists("m.recipe.json"));
  const std::string recipe = folder_.path("m.recipe.json"), text = read_bytes(recipe), model = read_bytes(model_);
  EXPECT_TRUE(is_json(text));
  expect_success({"--recipe", recipe});
  EXPECT_EQ(read_bytes(model_), model);
  EXPECT_EQ(read_bytes(recipe), text);
  expect_success({"--recipe", recipe, "--weight-decay", "0.001"});
  EXPECT_EQ(read_bytes(model_), model);
  const std::string other = folder_.path("other.lnt");
  const Outcome outcome = run_command(LINNET_CLI, {"convert", kDigits, "-o", other, "--recipe", recipe, "--quiet"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_bytes(other), model);
  EXPECT_EQ(read_bytes(folder_.path("other.recipe.json")), text);
  expect_failure({"--recipe", recipe, "--no-equalize"}, 2, "m.recipe.json");
}

TEST_F(LinnetTreat, RefusesRecipes) {
  const auto refused = [&](const std::string& text, const std::string& message,
                           const std::vector<std::string>& more = {}, int exit_code = 4) {
    std::vector<std::string> arguments = {"--recipe", write(text)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_failure(arguments, exit_code, message);
  };
  refused("{", "parse error at line 1");
  refused("[]", "expected an object");
  refused("", "parse error");
  refused("{\"sparsity\": \"80%\"}", "there is no option \"sparsity\"; there are clip, sparsify");
  refused("{\"output\": \"x\"}", "there is no option \"output\"");
  refused("{\"sparsify\": {}}", "supported are texts, numbers");
  refused("{\"sparsify\": []}", "empty list");
  refused("{\"sparsify\": [[1]]}", "supported are texts, numbers");
  refused("{\"allow-empty\": false}", "supported are texts, numbers, true");
  refused("{\"sparsify\": \"180%\"}", "a percentage is from 0 to 100", {}, 2);
  refused("{\"steps\": \"many\"}", "steps", {}, 2);
  refused("{\"steps\": 5}", "--steps requires --repair", {}, 2);
  refused("{\"sparsify\": \"80%\"}", "says --sparsify 80%, the command line --sparsify 50%", {"--sparsify", "50%"}, 2);
  refused("{\"int8\": \"dynamic\"}", "says --int8 dynamic, the command line --int8 static",
          {"--int8", "--calibration", kSamples}, 2);
  expect_failure({"--recipe", folder_.path("none.json")}, 3, "none.json");
}

TEST_F(LinnetTreat, RefusesWhatCannotBe) {
  expect_failure({"--sparsify", "tau=50"}, 1,
                 "--sparsify tau=50: layer /stem/stem.0/Conv would be left without weights");
  expect_failure({"--sparsify", "*Gemm*:100%"}, 1, "--sparsify *Gemm*:100%: layer /classifier/Gemm would be left");
  expect_success({"--sparsify", "*Gemm*:100%", "--allow-empty"});
  for (const char* option : {"--clip", "--sparsify", "--weights", "--cluster"})
    expect_failure({option, std::string(option) == "--clip"       ? "nothing*:mse"
                            : std::string(option) == "--sparsify" ? "nothing*:80%"
                            : std::string(option) == "--weights"  ? "nothing*:int8"
                                                                  : "nothing*:16"},
                   1, "no layer with float weights has such a name; there are: /stem/stem.0/Conv, ");
  expect_failure({"--sparsify", "120%"}, 2, "--sparsify 120%: a percentage is from 0 to 100");
  expect_failure({"--clip", "percentile=120"}, 2, "at most 100");
  expect_failure({"--sparsify", "80%", "--sparsify", "50%"}, 1, "'80%' and '50%' contradict each other for layer");
  expect_failure({"--sparsify", "*stem*:80%", "--sparsify", "*Conv:none"}, 1, "contradict each other");
  expect_failure({"--cluster", "16", "--weights", "int4"}, 1, "--cluster 16 and --weights int4 contradict each other");
  expect_failure({"--cluster", "16", "--weights", "int8"}, 1, "contradict each other for layer");
  expect_failure({"--cluster", "*Gemm*:16", "--cluster", "*class*:256"}, 1, "for layer /classifier/Gemm");
  expect_failure({"--sparsify", "80%", "--sparsify", "*:none"}, 1, "leave every layer as it is");
  expect_failure({"--repair", kSamples}, 1, "there is nothing to repair");
  expect_failure({"--weight-decay", "1"}, 2, "--repair");
  const std::vector<std::string> repair = {"--sparsify", "50%", "--repair", kSamples};
  for (const auto& [option, value] : {std::pair{"--weight-decay", "-1"},
                                      {"--weight-decay", "nan"},
                                      {"--steps", "0"},
                                      {"--lr", "0"},
                                      {"--lr", "inf"}}) {
    std::vector<std::string> arguments = repair;
    arguments.insert(arguments.end(), {option, value});
    expect_failure(arguments, 2, option);
  }
  expect_failure({"--sparsify", "50%"}, 1, "no layer of the model has float weights",
                 std::string(LINNET_MODELS) + "/tflite_int8/vww_96_int8.tflite");
}

TEST_F(LinnetTreat, RefusesSamplesThatDoNotFit) {
  const auto refused = [&](const std::string& file, const std::string& message, int exit_code = 4) {
    expect_failure({"--sparsify", "50%", "--repair", file}, exit_code, message);
  };
  const auto array = [&](const std::string& name, const std::vector<float>& values, const std::string& shape) {
    return folder_.write(name, npy_file(npy_header("<f4", shape), raw(values)));
  };
  refused(array("narrow.npy", std::vector<float>(56), "(1, 1, 8, 7)"), "narrow.npy");
  std::vector<float> values(128, 0.5f);
  refused(array("same.npy", values, "(2, 1, 8, 8)"), "--repair: input 'image' is 0.5 everywhere");
  values[70] = NAN;
  refused(array("nan.npy", values, "(2, 1, 8, 8)"), "--repair: element 6 of sample 1 of input 'image' is nan");
  refused(folder_.write("damaged.npy", "no array"), "damaged.npy");
  refused(folder_.path("missing.npy"), "missing.npy", 3);
  refused(kLabels, "test_labels.npy");
}

// Fewer positions than weights an output: 3 samples of one position.
TEST_F(LinnetTreat, SaysWhereSamplesAreTooFew) {
  std::vector<float> values(192);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 37 % 17);
  const std::string x = folder_.write("few.npy", npy_file(npy_header("<f4", "(3, 1, 8, 8)"), raw(values)));
  const std::string out = expect_success({"--sparsify", "50%", "--repair", x, "--steps", "20"}, kPerceptron);
  EXPECT_NE(out.find("20 gradient steps: 3 positions for "), std::string::npos) << out;
}

}  // namespace
}  // namespace linnet::test
