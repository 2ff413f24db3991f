// linnet-run as a program: run, bench and inspect of sound models, and damaged ones.
#include <gtest/gtest.h>

#include <cstring>

#include "targets/desktop/lib/npy.hpp"
#include "tests/api/model_builder.hpp"
#include "tests/api/networks.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

std::string text_of(const Bytes& bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Outcome linnet_run(const std::vector<std::string>& arguments, const std::string& standard_output = "") {
  return run_command(LINNET_RUN, arguments, standard_output);
}

class LinnetRun : public testing::Test {
 protected:
  LinnetRun() : model_(folder_.write("model.lnt", text_of(small_network()))) {
    values_ = random_floats(8 * 8 * 4, 7);
    input_ = folder_.write("x.npy", npy_file(npy_header("<f4", "(1, 8, 8, 4)"), raw(values_)));
  }

  // What the engine itself makes of one sample.
  std::vector<double> expected(const std::vector<float>& values) const {
    const Bytes model = small_network();
    const Instance instance = make_instance(model);
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    linnet_input(instance.session, 0, &view);
    std::memcpy(view.data, values.data(), view.bytes);
    linnet_run_session(instance.session);
    linnet_output(instance.session, 0, &view);
    const auto* data = static_cast<const float*>(view.data);
    return std::vector<double>(data, data + view.bytes / sizeof(float));
  }
  static void linnet_run_session(linnet_session* session) { ::linnet_run(session); }

  void expect_output(const std::string& file, const std::vector<double>& wanted,
                     const std::vector<int64_t>& shape) const {
    const tools::NpyArray array = tools::read_npy(folder_.path(file));
    EXPECT_EQ(array.shape, shape);
    ASSERT_EQ(array.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(array.number(i), wanted[i]) << i;
  }

  TemporaryFolder folder_;
  std::string model_, input_;
  std::vector<float> values_;
};

TEST_F(LinnetRun, RunsAnArray) {
  const Outcome outcome = linnet_run({"run", model_, "--input", input_, "--output", folder_.path("y.npy")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out + outcome.err, "");
  expect_output("y.npy", expected(values_), {1, 10});
}

TEST_F(LinnetRun, ResultsDoNotDependOnTheThreads) {
  for (const char* threads : {"2", "3"}) {
    const Outcome outcome =
        linnet_run({"run", model_, "--threads", threads, "--input", input_, "--output", folder_.path("y.npy")});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_output("y.npy", expected(values_), {1, 10});
  }
}

TEST_F(LinnetRun, RunsMoreSamplesOneByOne) {
  const std::vector<float> many = random_floats(3 * 256, 8);
  const std::string batch = folder_.write("batch.npy", npy_file(npy_header("<f4", "(3, 8, 8, 4)"), raw(many)));
  std::vector<double> wanted;
  for (const std::vector<float>& sample : {std::vector<float>(many.begin(), many.begin() + 256),
                                           std::vector<float>(many.begin() + 256, many.begin() + 512),
                                           std::vector<float>(many.begin() + 512, many.end()), values_}) {
    const std::vector<double> one = expected(sample);
    wanted.insert(wanted.end(), one.begin(), one.end());
  }
  const Outcome outcome =
      linnet_run({"run", model_, "--input", batch, "--input", input_, "--output", folder_.path("y.npy")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_output("y.npy", wanted, {4, 10});
}

TEST_F(LinnetRun, PrintsTheLargestValuesWithTheirLabels) {
  const std::vector<double> values = expected(values_);
  const auto best = static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
  std::string labels;
  for (int i = 0; i < 10; ++i) labels += "class " + std::to_string(i) + "\n";
  const Outcome plain = linnet_run({"run", model_, "--input", input_, "--top", "1"});
  EXPECT_EQ(plain.out.rfind("sample 0: " + std::to_string(best) + " (", 0), 0u) << plain.out;
  const Outcome named =
      linnet_run({"run", model_, "--input", input_, "--top", "3", "--labels", folder_.write("labels.txt", labels)});
  EXPECT_EQ(named.out.rfind("sample 0: class " + std::to_string(best) + " (", 0), 0u) << named.out;
  const Outcome few =
      linnet_run({"run", model_, "--input", input_, "--top", "3", "--labels", folder_.write("few.txt", "a\nb\n")});
  EXPECT_EQ(few.exit_code, 4);
  EXPECT_TRUE(is_one_line(few.err)) << few.err;
}

TEST_F(LinnetRun, SummarisesWithoutOutput) {
  const Outcome outcome = linnet_run({"run", model_, "--input", input_});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.out.find("float32 1x10"), std::string::npos) << outcome.out;
}

TEST_F(LinnetRun, Inspects) {
  const Outcome outcome = linnet_run({"inspect", model_, "--svg", folder_.path("map.svg"), "--verbose"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* word : {"Conv2D", "DepthwiseConv2D", "FullyConnected", "Softmax", "arena (", "Memory over time",
                           "Largest weights", "3x3"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << "\n" << outcome.out;
  }
  EXPECT_EQ(read_bytes(folder_.path("map.svg")).rfind("<svg", 0), 0u);
  const Outcome json = linnet_run({"inspect", model_, "--json"});
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_NE(json.out.find("\"arena_bytes\""), std::string::npos);
}

TEST_F(LinnetRun, InspectsEveryOperator) {
  for (const OperatorModel& row : operator_models()) {
    const std::string path = folder_.write("one.lnt", text_of(operator_model(row, 3)));
    const Outcome outcome = linnet_run({"inspect", path, "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << row.name << outcome.err;
    EXPECT_TRUE(is_json(outcome.out)) << row.name << outcome.out;
  }
}

TEST_F(LinnetRun, Benches) {
  const Outcome outcome = linnet_run({"bench", model_, "--runs", "3", "--warmup", "1", "--threads", "2", "--profile"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* word : {"minimum", "median", "90th percentile", "GMAC/s", "measured peak", "% of time", "Softmax"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << "\n" << outcome.out;
  }
  const Outcome json =
      linnet_run({"bench", model_, "--runs", "2", "--isa", "scalar", "--input", input_, "--profile", "--json"});
  EXPECT_TRUE(is_json(json.out)) << json.out;
  EXPECT_NE(json.out.find("\"isa\": \"scalar\""), std::string::npos);
}

// A layer of int8 and one of floats behind it.
Bytes mixed_network() {
  ModelBuilder b;
  const fb::Requantize bytes(fb::Rounding::FixedPoint, -128, 127);
  b.quantize(0.01f, 3);
  const uint32_t x = b.input({1, 64}), quantized = b.tensor({1, 64}, fb::DataType::Int8);
  const uint32_t hidden = b.tensor({1, 32}, fb::DataType::Int8), real = b.tensor({1, 32}), y = b.output({1, 10});
  const uint32_t first = b.int8_weights(1, 64, 32, 1, 3, fb::Rounding::FixedPoint, 1),
                 second = b.gemm_weights(32, 10, 2);
  b.step(fb::CreateCast(b.fbb(), &bytes), {x}, {quantized});
  b.step(fb::CreateFullyConnected(b.fbb(), first, nullptr, false, 0, fb::WeightLayout::Panel16Int8, &bytes),
         {quantized}, {hidden}, 64 * 32);
  b.step(fb::CreateCast(b.fbb(), &bytes), {hidden}, {real});
  b.step(fb::CreateFullyConnected(b.fbb(), second), {real}, {y}, 320);
  return b.finish();
}

TEST_F(LinnetRun, BenchStatesBothPeaksOfAMixedModel) {
  const std::string mixed = folder_.write("mixed.lnt", text_of(mixed_network()));
  const Outcome text = linnet_run({"bench", mixed, "--runs", "2", "--profile"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("320 MACs of float32 at "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("2,048 MACs of int8 at "), std::string::npos) << text.out;
  const Outcome json = linnet_run({"bench", mixed, "--runs", "2", "--json"});
  EXPECT_TRUE(is_json(json.out)) << json.out;
  for (const char* field : {"\"float32_macs\": 320,", "\"int8_macs\": 2048,", "\"float32_peak_gmacs_per_second\"",
                            "\"int8_peak_gmacs_per_second\"", "\"fraction_of_peak\""}) {
    EXPECT_NE(json.out.find(field), std::string::npos) << field << json.out;
  }
  const Outcome facts = linnet_run({"inspect", mixed, "--json"});
  for (const char* field : {"\"arithmetic\": \"float32\"", "\"arithmetic\": \"int8\"", "\"scale\": 0.01"}) {
    EXPECT_NE(facts.out.find(field), std::string::npos) << field << facts.out;
  }
}

TEST_F(LinnetRun, HelpExplainsWithExamplesAndExitCodes) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{}, {"run"}, {"bench"}, {"inspect"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Outcome outcome = linnet_run(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    for (const char* word : {"Example:", "Exit codes:", "linnet-run"}) {
      EXPECT_NE(outcome.out.find(word), std::string::npos) << word;
    }
  }
}

TEST_F(LinnetRun, RefusesWrongCommandLines) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"fly"},
      {"run"},
      {"run", model_},
      {"run", model_, "--input", input_, "--labels", "x"},
      {"run", model_, "--input", input_, "--input", "1=" + input_, "--threads", "0"},
      {"run", model_, "--input", input_, "--threads", "many"},
      {"run", model_, "--input", input_, "--isa", "mmx"},
      {"run", model_, "--input", input_, "--output", folder_.path("a"), "--output", folder_.path("b")},
      {"run", model_, "--input", input_, "--std", "0"},
      {"run", model_, "--input", input_, "--resize", "wide"},
      {"bench", model_, "--runs", "0"},
      {"inspect", model_, "--unknown"},
  };
  for (const std::vector<std::string>& arguments : cases) {
    const Outcome outcome = linnet_run(arguments);
    std::string line;
    for (const std::string& argument : arguments) line += " " + argument;
    EXPECT_EQ(outcome.exit_code, 2) << line << "\n" << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << line << "\n" << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(LinnetRun, RefusesDamagedModels) {
  const std::string whole = text_of(small_network());
  std::vector<std::string> models = {"", "hello", std::string(4096, '\0'), std::string(4096, '\xff')};
  for (size_t part = 0; part < 16; ++part) models.push_back(whole.substr(0, whole.size() * part / 16));
  for (const std::string& model : models) {
    const std::string path = folder_.write("bad.lnt", model);
    for (const char* command : {"inspect", "bench"}) {
      const Outcome outcome = linnet_run({command, path});
      EXPECT_EQ(outcome.exit_code, 1) << model.size() << " bytes: " << outcome.err;
      EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
      EXPECT_NE(outcome.err.find(path), std::string::npos) << outcome.err;
    }
  }
}

TEST_F(LinnetRun, RefusesModelsThatAreNoFiles) {
  for (const std::string& path : {folder_.path("none.lnt"), folder_.path("."), std::string("/dev/null")}) {
    const Outcome outcome = linnet_run({"inspect", path});
    EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
}

TEST_F(LinnetRun, ReportsAFullDisk) {
  const Outcome text = linnet_run({"inspect", model_}, "/dev/full");
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_TRUE(is_one_line(text.err)) << text.err;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", model_, "--input", input_, "--output", "/dev/full"},
        {"inspect", model_, "--svg", "/dev/full"}}) {
    const Outcome outcome = linnet_run(arguments);
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
}

}  // namespace
}  // namespace linnet::test
