// The parts of compare.sh that need no other engine: the contestants in C++ and the library that hides instruction
// sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "targets/desktop/lib/bench.hpp"
#include "targets/desktop/lib/device.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "tests/api/networks.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

// Runs `program` with the lines on its standard input.
Outcome converse(const std::string& program, const std::string& lines) {
  return run_command("sh", {"-c", "printf '" + lines + "' | " + program});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class LinnetContestant : public testing::Test {
 protected:
  LinnetContestant() {
    const Bytes bytes = small_network();
    model_ = folder_.write("model.lnt", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    for (int i = 0; i < 8 * 8 * 4; ++i) values_.push_back(0.01f * static_cast<float>(i % 37 - 18));
    input_ = folder_.write("x.npy", npy_file(npy_header("<f4", "(1, 8, 8, 4)"), raw(values_)));
  }

  std::string command(const std::string& threads = "1") const {
    return std::string(LINNET_CONTESTANT) + " " + model_ + " " + input_ + " " + threads;
  }

  TemporaryFolder folder_;
  std::vector<float> values_;
  std::string model_, input_;
};

TEST_F(LinnetContestant, WritesTheOutputOfItsInput) {
  tools::Device device(model_, {});
  tools::store_input(device.input(0), reinterpret_cast<const unsigned char*>(values_.data()));
  device.run();
  const linnet_tensor_view view = device.output(0);
  std::vector<unsigned char> wanted(view.bytes);
  tools::load_output(view, wanted.data());

  const Outcome outcome = converse(command("2"), "run 0 3\\noutput " + folder_.path("y.npy") + "\\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const tools::NpyArray written = tools::read_npy(folder_.path("y.npy"));
  EXPECT_EQ(written.shape, std::vector<int64_t>{10});
  EXPECT_EQ(written.data, wanted);
}

TEST(QuantizedContestant, ReadsAndWritesRealNumbers) {
  TemporaryFolder folder;
  const Bytes bytes = operator_model(int8_operator_models().front(), 0);
  const std::string model =
      folder.write("model.lnt", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  tools::Device device(model, {});
  const linnet_tensor_view in = device.input(0), out = device.output(0);
  ASSERT_EQ(in.type, LINNET_INT8);
  ASSERT_EQ(out.type, LINNET_INT8);
  std::vector<float> numbers;
  std::vector<unsigned char> integers(in.bytes), wanted(out.bytes);
  for (size_t i = 0; i < integers.size(); ++i) {
    integers[i] = static_cast<unsigned char>(37 * i);
    numbers.push_back(in.scale * static_cast<float>(static_cast<int8_t>(integers[i]) - in.zero_point));
  }
  tools::store_input(in, integers.data());
  device.run();
  tools::load_output(out, wanted.data());

  std::string shape;
  for (const int64_t extent : tools::source_shape(in)) shape += std::to_string(extent) + ",";
  const std::string input = folder.write("x.npy", npy_file(npy_header("<f4", "(" + shape + ")"), raw(numbers)));
  const Outcome outcome = converse(std::string(LINNET_CONTESTANT) + " " + model + " " + input + " 1",
                                   "output " + folder.path("y.npy") + "\\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const tools::NpyArray written = tools::read_npy(folder.path("y.npy"));
  ASSERT_EQ(written.dtype(), "float32");
  ASSERT_EQ(written.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const int integer = static_cast<int8_t>(wanted[i]) - out.zero_point;
    EXPECT_EQ(written.number(i), out.scale * static_cast<float>(integer)) << i;
  }
}

TEST_F(LinnetContestant, AnswersEveryCommandWithALineOfJson) {
  const Outcome outcome = converse(command(), "run 0 5\\noutput " + folder_.path("y.npy") + "\\n");
  const std::vector<std::string> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 3u) << outcome.out;
  for (const std::string& line : lines) EXPECT_TRUE(is_json(line)) << line;
  EXPECT_EQ(lines[0].find(R"({"ready": true, "version": ")"), 0u) << lines[0];
  EXPECT_EQ(lines[1].find(R"({"nanoseconds": [)"), 0u) << lines[1];
  EXPECT_EQ(std::count(lines[1].begin(), lines[1].end(), ','), 4) << lines[1];
  EXPECT_EQ(lines[2], R"({"ok": true})");
}

TEST_F(LinnetContestant, RunsForAsLongAsItIsTold) {
  const double start = tools::now();
  const std::vector<std::string> lines = lines_of(converse(command(), "run 0.05 1\\n").out);
  EXPECT_GE(tools::now() - start, 0.05);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_GT(std::count(lines[1].begin(), lines[1].end(), ','), 1) << lines[1];
}

TEST_F(LinnetContestant, RefusesWhatItDoesNotUnderstand) {
  const Outcome unknown = converse(command(), "walk 1\\n");
  EXPECT_EQ(unknown.exit_code, 2);
  ASSERT_EQ(lines_of(unknown.out).size(), 2u);
  EXPECT_EQ(lines_of(unknown.out)[1], R"({"error": "unknown command: walk 1"})");

  folder_.write("x.npy", npy_file(npy_header("<f4", "(1, 4, 8, 8)"), raw(values_)));
  const Outcome shape = converse(command(), "");
  EXPECT_EQ(shape.exit_code, 4);
  EXPECT_EQ(shape.out, R"({"error": ")" + input_ + ": got 1x4x8x8, the model takes 1x8x8x4\"}\n");
}

TEST(PeakContestant, TellsTheWorkOfARun) {
  const Outcome outcome = converse(std::string(PEAK_CONTESTANT) + " scalar float32 2", "run 0 2\\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  const std::vector<std::string> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 2u);
  // 50,000 rounds of 12 vectors of 4 floats on each of 2 threads.
  EXPECT_EQ(lines[0], R"({"ready": true, "version": "", "macs": 4800000})");
  EXPECT_EQ(converse(std::string(PEAK_CONTESTANT) + " scalar int8 1", "run 0 1\\n").exit_code, 0);
  EXPECT_EQ(converse(std::string(PEAK_CONTESTANT) + " scalar int4 1", "").out,
            "{\"error\": \"no peak of int4, but of float32 and int8\"}\n");
  const Outcome unknown = converse(std::string(PEAK_CONTESTANT) + " altivec float32 1", "");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.out, "{\"error\": \"no instruction set  altivec  in this build\"}\n");
}

#ifdef CPUID_MASK
constexpr int kNoFaulting = 99, kBadLimit = 98;  // cpuid_mask.c's exit codes

class CpuidMask : public testing::Test {
 protected:
  static Outcome masked(const std::string& limit, const std::string& argument = "") {
    return run_command(
        "sh", {"-c", "LD_PRELOAD=" CPUID_MASK " LINNET_BENCH_ISA=" + limit + " exec " CPUID_FEATURES " " + argument});
  }
  static std::set<std::string> features(const Outcome& outcome) {
    const std::vector<std::string> lines = lines_of(outcome.out);
    return {lines.begin(), lines.end()};
  }
  void SetUp() override {
    if (masked("avx2").exit_code == kNoFaulting) GTEST_SKIP() << "no CPUID faulting on this machine";
  }
};

TEST_F(CpuidMask, HidesWhatTheLimitExcludesAndNothingElse) {
  const std::set<std::string> all = features(run_command(CPUID_FEATURES, {}));
  const auto expected = [&](const std::string& limit) {
    std::set<std::string> left;
    for (const std::string& name : all) {
      const bool avx512 = name.find("avx512") == 0, amx = name.find("amx") == 0, vnni = name == "avxvnni";
      const bool relative = name == "avxifma" || name == "avxneconvert" || name.find("avxvnniint") == 0;
      if (amx || ((avx512 || relative) && limit != "avx512") || (vnni && limit == "avx2")) continue;
      left.insert(name);
    }
    return left;
  };
  for (const char* limit : {"avx2", "avxvnni", "avx512"}) {
    const Outcome outcome = masked(limit);
    EXPECT_EQ(outcome.exit_code, 0) << limit << outcome.err;
    EXPECT_EQ(features(outcome), expected(limit)) << limit;
  }
  EXPECT_EQ(features(masked("native")), all);
}

TEST_F(CpuidMask, RefusesAnUnknownLimit) {
  const Outcome outcome = masked("sse9");
  EXPECT_EQ(outcome.exit_code, kBadLimit);
  EXPECT_EQ(outcome.err, "cpuid_mask: LINNET_BENCH_ISA must be avx2, avxvnni, avx512 or native\n");
}

TEST_F(CpuidMask, LeavesRealFaultsAlone) {
  EXPECT_EQ(masked("avx2", "crash").exit_code, -1);
}

TEST_F(CpuidMask, LimitsTheEngine) {
  TemporaryFolder folder;
  const Bytes bytes = small_network();
  const std::string model =
      folder.write("model.lnt", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const std::string input =
      folder.write("x.npy", npy_file(npy_header("<f4", "(1, 8, 8, 4)"), std::string(8 * 8 * 4 * 4, '\0')));
  if (features(run_command(CPUID_FEATURES, {})).count("avx2") == 0) GTEST_SKIP() << "no AVX2 on this machine";
  const Outcome outcome = converse(
      "LD_PRELOAD=" CPUID_MASK " LINNET_BENCH_ISA=avx2 " LINNET_CONTESTANT " " + model + " " + input + " 1", "");
  EXPECT_NE(outcome.out.find(R"("isa": "avx2")"), std::string::npos) << outcome.out << outcome.err;
}
#endif

}  // namespace
}  // namespace linnet::test
