// linnet as a program: the digits network from ONNX to results, and what goes wrong on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "targets/desktop/lib/npy.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

const std::string kDigits = LINNET_DIGITS;

Outcome linnet(const std::vector<std::string>& arguments, const std::string& standard_output = "") {
  return run_command(LINNET_CLI, arguments, standard_output);
}

class LinnetCli : public testing::Test {
 protected:
  std::string convert(const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {"convert", kDigits + "/digits.onnx", "-o", folder_.path("digits.lnt"),
                                          "--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = linnet(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return folder_.path("digits.lnt");
  }
  void expect_failure(const std::vector<std::string>& arguments, int exit_code, const std::string& message) {
    const std::vector<std::string> before = folder_.files();
    const Outcome outcome = linnet(arguments);
    std::string line;
    for (const std::string& argument : arguments) line += " " + argument;
    EXPECT_EQ(outcome.exit_code, exit_code) << line << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << line << "\n" << outcome.err << "wanted: " << message;
    EXPECT_EQ(outcome.err.rfind("linnet: ", 0), 0u) << outcome.err;
    EXPECT_EQ(folder_.files(), before) << line << ": something was left behind";
  }

  // Runs all test images and compares with PyTorch.
  void expect_pytorch(const std::string& model, const std::string& logits = kDigits + "/test_logits.npy",
                      const std::string& isa = "") {
    std::vector<std::string> arguments = {
        "run", model, "--input", kDigits + "/test_images.npy", "--output", folder_.path("y.npy")};
    if (!isa.empty()) arguments.insert(arguments.end(), {"--isa", isa});
    const Outcome outcome = linnet(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const tools::NpyArray got = tools::read_npy(folder_.path("y.npy")), wanted = tools::read_npy(logits);
    ASSERT_EQ(got.shape, wanted.shape);
    for (size_t row = 0; row < got.size(); row += 10) {
      size_t best = 0, best_wanted = 0;
      for (size_t c = 0; c < 10; ++c) {
        EXPECT_NEAR(got.number(row + c), wanted.number(row + c), 2e-5) << "image " << row / 10;
        if (got.number(row + c) > got.number(row + best)) best = c;
        if (wanted.number(row + c) > wanted.number(row + best_wanted)) best_wanted = c;
      }
      EXPECT_EQ(best, best_wanted) << "image " << row / 10;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(LinnetCli, ChangesWeightsOnRequest) {
  const std::string images = kDigits + "/test_images.npy";
  const std::string plain = read_bytes(convert());
  EXPECT_NE(read_bytes(convert({"--init", "he", "--seed", "3"})), plain);
  EXPECT_NE(read_bytes(convert({"--reparam", "*=standardize(unbiased)"})), plain);
  EXPECT_NE(read_bytes(convert({"--reestimate-bn", images})), plain);
  const std::string model = folder_.path("digits.lnt");
  const Outcome compared = linnet({"compare", kDigits + "/digits.onnx", model, "--input", images, "--samples", "2"});
  EXPECT_EQ(compared.exit_code, 0) << compared.err << compared.out;
}

TEST_F(LinnetCli, SaysWhyWeightsCannotBeChanged) {
  const std::string onnx = kDigits + "/digits.onnx", out = folder_.path("x.lnt");
  expect_failure({"convert", onnx, "-o", out, "--init", "zero"}, 2, "--init zero: supported are he, xavier");
  expect_failure({"convert", onnx, "-o", out, "--reparam", "*=norm"}, 2, "--reparam *=norm: expected one of");
  expect_failure({"convert", onnx, "-o", out, "--reparam", "none*=weight_norm"}, 1, "no weights have such a name");
  expect_failure({"convert", onnx, "-o", out, "--reestimate-bn", kDigits + "/test_logits.npy"}, 1,
                 "test_logits.npy: has shape");
  expect_failure({"convert", onnx, "-o", out, "--reestimate-bn", folder_.path("no.npy")}, 3, "no.npy");
}

TEST_F(LinnetCli, AnInputGivenAsAConstantSelectsABranch) {
  const std::string select = kDigits + "/../control/select", model = folder_.path("select.lnt");
  for (const std::string rate : {"8000", "16000"}) {
    const Outcome outcome = linnet({"convert", select + ".onnx", "-o", model, "--constant", "rate=" + rate, "--quiet"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const Outcome ran = linnet({"run", model, "--input", select + "_x.npy", "--output", folder_.path("y.npy")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const tools::NpyArray got = tools::read_npy(folder_.path("y.npy")),
                          wanted = tools::read_npy(select + "_" + rate + ".npy");
    ASSERT_EQ(got.shape, wanted.shape);
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got.number(i), wanted.number(i), 1e-6);
    const Outcome compared = linnet({"compare", select + ".onnx", model, "--input", select + "_x.npy"});
    EXPECT_EQ(compared.exit_code, 0) << compared.err;
  }
  const std::string onnx = select + ".onnx", out = folder_.path("x.lnt");
  expect_failure({"convert", onnx, "-o", out}, 1, "--constant rate=VALUE");
  expect_failure({"convert", onnx, "-o", out, "--constant", "rate=1.5"}, 1, "'1.5' is no i64 number");
  expect_failure({"convert", onnx, "-o", out, "--constant", "speed=1"}, 1, "the model's inputs are: rate, x");
  expect_failure({"convert", onnx, "-o", out, "--constant", "rate"}, 2, "--constant rate: expected NAME=VALUE");
  expect_failure({"convert", onnx, "-o", out, "--constant", "rate=1", "--constant", "rate=2"}, 2, "given twice");
  expect_failure({"convert", onnx, "-o", out, "--constant", "rate=none.npy"}, 3, "none.npy");
}

TEST_F(LinnetCli, ConvertedDigitsGivePyTorchsResults) {
  expect_pytorch(convert());
}
TEST_F(LinnetCli, StrippedDigitsGivePyTorchsResults) {
  expect_pytorch(convert({"--strip"}));
}
TEST_F(LinnetCli, DigitsInTheSourcesLayoutGivePyTorchsResults) {
  expect_pytorch(convert({"--keep-layout"}));
}
TEST_F(LinnetCli, DigitsInBatchesOfNineGivePyTorchsResults) {
  expect_pytorch(convert({"--shape", "image=9,1,8,8"}));
}

TEST_F(LinnetCli, RecurrentDigitsGivePyTorchsResults) {
  const std::string source = kDigits + "_gru", model = folder_.path("digits_gru.lnt");
  for (const std::string batch : {"1", "9"}) {
    const Outcome outcome = linnet(
        {"convert", source + "/digits_gru.onnx", "-o", model, "--shape", "image=" + batch + ",1,8,8", "--quiet"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const std::string isa : {"scalar", ""}) expect_pytorch(model, source + "/test_logits.npy", isa);
  }
}

TEST_F(LinnetCli, ConvertReports) {
  const std::string output = folder_.path("digits.lnt");
  const Outcome text = linnet({"convert", kDigits + "/digits.onnx", "-o", output, "--check"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* word : {"MAC", "weight", "arena", "cortex-m", "x86 avx2"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word << "\n" << text.out;
  }
  const Outcome json = linnet({"convert", kDigits + "/digits.onnx", "-o", output, "--json"});
  EXPECT_TRUE(is_json(json.out)) << json.out;
}

TEST_F(LinnetCli, StrippingMakesTheFileSmaller) {
  const size_t with_names = read_bytes(convert()).size();
  EXPECT_LT(read_bytes(convert({"--strip"})).size(), with_names);
}

TEST_F(LinnetCli, DumpsAndStopsAfterEveryPass) {
  const Outcome help = linnet({"convert", kDigits + "/digits.onnx", "--stop-after", "?"});
  ASSERT_EQ(help.exit_code, 2);
  const std::string marker = "there are ";
  std::string list = help.err.substr(help.err.find(marker) + marker.size());
  size_t passes = 0;
  while (!list.empty() && list != "\n") {
    const size_t end = list.find_first_of(",\n");
    const std::string pass = list.substr(0, end);
    list.erase(0, std::min(list.size(), end + 2));
    const Outcome outcome = linnet({"convert", kDigits + "/digits.onnx", "--dump-after", pass, "--stop-after", pass});
    EXPECT_EQ(outcome.exit_code, 0) << pass << outcome.err;
    EXPECT_NE(outcome.out.find("Conv"), std::string::npos) << pass << "\n" << outcome.out;
    ++passes;
  }
  EXPECT_GE(passes, 5u);
  EXPECT_TRUE(folder_.files().empty());
}

TEST_F(LinnetCli, WritesCSource) {
  convert({"--c-array", folder_.path("digits_model.c")});
  EXPECT_NE(read_bytes(folder_.path("digits_model.h")).find("DIGITS_MODEL_ARENA_BYTES"), std::string::npos);
  EXPECT_NE(read_bytes(folder_.path("digits_model.c")).find("digits_model"), std::string::npos);
  EXPECT_EQ(read_bytes(folder_.path("digits_model.h")).find("Winograd2D"), std::string::npos);
  EXPECT_NE(read_bytes(folder_.path("digits_model.h"))
                .find("DIGITS_MODEL_FEATURES \"Float32;Float32Weights;ReduceMean;Relu;cascades\"\n"),
            std::string::npos);
  convert({"--c-array", folder_.path("digits_model.c"), "--cascade", "off"});
  EXPECT_NE(read_bytes(folder_.path("digits_model.h"))
                .find("DIGITS_MODEL_FEATURES \"Float32;Float32Weights;ReduceMean;Relu\"\n"),
            std::string::npos);
  convert({"--c-array", folder_.path("digits_model.c"), "--winograd", "2"});
  EXPECT_NE(read_bytes(folder_.path("digits_model.h")).find("Winograd2D"), std::string::npos);
}

TEST_F(LinnetCli, InspectsAndBenches) {
  const std::string model = convert();
  const Outcome inspect = linnet({"inspect", model});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_NE(inspect.out.find("float32 1x1x8x8"), std::string::npos) << inspect.out;
  EXPECT_TRUE(is_json(linnet({"inspect", model, "--json"}).out));
  EXPECT_TRUE(is_json(linnet({"bench", model, "--runs", "3", "--profile", "--json"}).out));
}

TEST_F(LinnetCli, ComparesEveryStep) {
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {}, {"--strip"}, {"--keep-layout"}, {"--winograd", "4"}, {"--shape", "image=2,1,8,8"}}) {
    const std::string model = convert(options);
    const std::vector<std::string> base = {
        "compare",    kDigits + "/digits.onnx", model, "--input", kDigits + "/test_images.npy", "--samples", "2",
        "--tolerance"};
    std::vector<std::string> arguments = base;
    arguments.push_back("1e-5");
    const Outcome text = linnet(arguments);
    EXPECT_EQ(text.exit_code, 0) << text.err;
    for (const char* word : {"Conv2D", "DepthwiseConv2D", "FullyConnected", "SQNR", "logits"}) {
      EXPECT_NE(text.out.find(word), std::string::npos) << word << "\n" << text.out;
    }
    arguments.push_back("--json");
    EXPECT_TRUE(is_json(linnet(arguments).out));
    arguments = base;
    arguments.push_back("0");
    const Outcome strict = linnet(arguments);
    EXPECT_EQ(strict.exit_code, 5);
    EXPECT_TRUE(is_one_line(strict.err)) << strict.err;
  }
}

TEST_F(LinnetCli, ComparingWithAnotherModelIsRefused) {
  const std::string model = convert();
  expect_failure({"compare", model, model, "--input", kDigits + "/test_images.npy"}, 1, "digits.lnt");
}

TEST_F(LinnetCli, RefusesWrongCommandLines) {
  const std::string onnx = kDigits + "/digits.onnx", output = folder_.path("out.lnt");
  expect_failure({}, 2, "a command is missing");
  expect_failure({"convert", onnx}, 2, "-o");
  expect_failure({"convert", onnx, "-o", onnx}, 2, "input file");
  for (const char* shape :
       {"image", "=1", "image=", "image=1,", "image=1,x", "image=0,1,8,8", "image=-1", "image=1,,2"}) {
    // An empty list of sizes is the shape of a scalar, which this input does not have.
    const bool scalar = std::string(shape) == "image=";
    expect_failure({"convert", onnx, "-o", output, "--shape", shape}, scalar ? 1 : 2, scalar ? "image" : "--shape");
  }
  expect_failure({"convert", onnx, "-o", output, "--dump-after", "nothing"}, 2, "no such pass");
  expect_failure({"convert", onnx, "-o", output, "--winograd", "3"}, 2, "--winograd 3");
  expect_failure({"convert", onnx, "-o", output, "--winograd", "4", "--strict"}, 2, "--strict");
  expect_failure({"convert", onnx, "-o", output, "--optimize", "bytes"}, 2, "--optimize bytes");
  expect_failure({"convert", onnx, "-o", output, "--json", "--quiet"}, 2, "--quiet");
  expect_failure({"convert", onnx, "-o", output, "--c-array", folder_.path("x.txt")}, 2, "must end in .c");
}

TEST_F(LinnetCli, RefusesWhatIsNoModel) {
  const std::string output = folder_.path("out.lnt"), whole = read_bytes(kDigits + "/digits.onnx");
  expect_failure({"convert", folder_.path("none.onnx"), "-o", output}, 3, "No such file");
  expect_failure({"convert", folder_.path("."), "-o", output}, 3, "directory");
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(1000, '\xff')}) {
    expect_failure({"convert", folder_.write("bad.onnx", bytes), "-o", output}, 1, "bad.onnx");
  }
  for (size_t part = 1; part < 12; ++part) {
    expect_failure({"convert", folder_.write("bad.onnx", whole.substr(0, whole.size() * part / 12)), "-o", output}, 1,
                   "bad.onnx");
  }
  expect_failure({"convert", kDigits + "/digits.onnx", "-o", output, "--shape", "picture=1,1,8,8"}, 1, "picture");
  expect_failure({"convert", kDigits + "/digits.onnx", "-o", output, "--shape", "image=1,3,8,8"}, 1, "3 channels");
}

TEST_F(LinnetCli, AFailureLeavesAnOlderFileAsItIs) {
  const std::string output = folder_.write("out.lnt", "precious");
  expect_failure({"convert", folder_.write("bad.onnx", "hello"), "-o", output}, 1, "bad.onnx");
  EXPECT_EQ(read_bytes(output), "precious");
}

TEST_F(LinnetCli, ReportsAFullDiskAndUnwritablePlaces) {
  const std::string onnx = kDigits + "/digits.onnx";
  expect_failure({"convert", onnx, "-o", "/dev/full", "--quiet"}, 3, "No space left");
  expect_failure({"convert", onnx, "-o", folder_.path("none/out.lnt")}, 3, "No such file");
  expect_failure({"convert", onnx, "-o", folder_.path(".")}, 3, "directory");
  const Outcome outcome = linnet({"convert", onnx, "-o", folder_.path("out.lnt")}, "/dev/full");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
}

TEST_F(LinnetCli, HelpExplainsWithExamplesAndExitCodes) {
  for (const char* command : {"convert", "inspect", "run", "bench", "compare"}) {
    const Outcome outcome = linnet({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    for (const std::string& word :
         {std::string("Example:"), std::string("Exit codes:"), "linnet " + std::string(command)}) {
      EXPECT_NE(outcome.out.find(word), std::string::npos) << command << ": " << word;
    }
  }
}

}  // namespace
}  // namespace linnet::test
