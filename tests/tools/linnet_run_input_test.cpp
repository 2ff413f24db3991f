// Inputs of linnet-run: every element type and order that is understood gives the same result, everything else one
// clear line.
#include <gtest/gtest.h>

#include "targets/desktop/lib/image.hpp"
#include "targets/desktop/lib/npy.hpp"
#include "tests/api/networks.hpp"
#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

constexpr size_t kElements = 8 * 8 * 4;
constexpr const char* kShape = "(1, 8, 8, 4)";

class LinnetRunInput : public testing::Test {
 protected:
  LinnetRunInput() {
    const Bytes model = small_network();
    model_ = folder_.write("model.lnt", std::string(reinterpret_cast<const char*>(model.data()), model.size()));
    for (size_t i = 0; i < kElements; ++i) values_.push_back(static_cast<float>(i * 37 % 101));
  }

  template <class T>
  std::string elements() const {
    return raw(std::vector<T>(values_.begin(), values_.end()));
  }
  std::string reference() { return npy_file(npy_header("<f4", kShape), elements<float>()); }

  Outcome run(const std::string& input, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"run", model_, "--input", input, "--output", folder_.path("y.npy")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_command(LINNET_RUN, arguments);
  }
  // The output's bytes for an input file's bytes.
  std::string output_of(const std::string& bytes, const std::vector<std::string>& more = {}) {
    const Outcome outcome = run(folder_.write("x", bytes), more);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return read_bytes(folder_.path("y.npy"));
  }
  void expect_refused(const std::string& input, int exit_code, const std::string& message,
                      const std::vector<std::string>& more = {}) {
    const std::vector<std::string> before = folder_.files();
    const Outcome outcome = run(input, more);
    EXPECT_EQ(outcome.exit_code, exit_code) << input << ": " << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err << "wanted: " << message;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(folder_.files(), before) << "something was left behind";
  }

  TemporaryFolder folder_;
  std::string model_;
  std::vector<float> values_;
};

TEST_F(LinnetRunInput, MayHaveAnyElementType) {
  const std::string wanted = output_of(reference());
  EXPECT_EQ(output_of(npy_file(npy_header("<f8", kShape), elements<double>())), wanted);
  EXPECT_EQ(output_of(npy_file(npy_header("|u1", kShape), elements<uint8_t>())), wanted);
  EXPECT_EQ(output_of(npy_file(npy_header("|i1", kShape), elements<int8_t>())), wanted);
  EXPECT_EQ(output_of(npy_file(npy_header("<i2", kShape), elements<int16_t>())), wanted);
  EXPECT_EQ(output_of(npy_file(npy_header("<i8", kShape), elements<int64_t>())), wanted);
}

TEST_F(LinnetRunInput, MayHaveAnyVersionAndOrder) {
  const std::string wanted = output_of(reference());
  EXPECT_EQ(output_of(npy_file(npy_header("<f4", kShape), elements<float>(), 2)), wanted);
  EXPECT_EQ(output_of(npy_file(npy_header("<f4", kShape), elements<float>(), 3)), wanted);
  std::vector<float> fortran;
  for (size_t c = 0; c < 4; ++c) {
    for (size_t x = 0; x < 8; ++x) {
      for (size_t y = 0; y < 8; ++y) fortran.push_back(values_[(y * 8 + x) * 4 + c]);
    }
  }
  EXPECT_EQ(output_of(npy_file(npy_header("<f4", kShape, true), raw(fortran))), wanted);
  EXPECT_EQ(output_of(npy_file(npy_header("<f4", "(8, 8, 4)"), elements<float>())), wanted) << "without the batch";
}

TEST_F(LinnetRunInput, MayBeAnImage) {
  tools::Image image{8, 8, 4, {}};
  for (const float value : values_) image.pixels.push_back(static_cast<unsigned char>(value));
  tools::write_png(folder_.path("image.png"), image);
  const std::string wanted = output_of(reference());
  EXPECT_EQ(output_of(read_bytes(folder_.path("image.png")), {"--scale", "1"}), wanted);
  expect_refused(folder_.write("half.png", read_bytes(folder_.path("image.png")).substr(0, 60)), 4, "cannot decode",
                 {});
  image = {4, 4, 4, std::vector<unsigned char>(64, 9)};
  tools::write_png(folder_.path("small.png"), image);
  expect_refused(folder_.path("small.png"), 4, "the image is 4x4");
  expect_refused(folder_.path("image.png"), 4, "--mean has 2 values", {"--mean", "1,2"});
  EXPECT_EQ(run(folder_.path("small.png"), {"--resize", "stretch"}).exit_code, 0);
}

TEST_F(LinnetRunInput, MustBeAnImageThatDecodes) {
  const std::string folder = LINNET_FUZZ_REGRESSIONS "/image/";
  expect_refused(folder + "jpeg_huffman_index257.jpg", 4, "cannot decode the image: Bogus Huffman table definition");
  expect_refused(folder + "png_header_checksum.png", 4, "cannot decode the image: IHDR: CRC error");
}

TEST_F(LinnetRunInput, MustBeAReadableFile) {
  expect_refused(folder_.path("none.npy"), 3, "No such file");
  expect_refused(folder_.path("."), 3, "Is a directory");
  expect_refused("/dev/null", 3, "not a regular file");
}

TEST_F(LinnetRunInput, MustBeAnArrayOrAnImage) {
  expect_refused(folder_.write("text.npy", "1 2 3 4\n"), 4, "neither a .npy file nor a PNG or JPEG");
  expect_refused(folder_.write("empty.npy", ""), 4, "neither a .npy file nor a PNG or JPEG");
  expect_refused(folder_.write("jpeg.jpg", "\xff\xd8\xff\xe0 not really"), 4, "cannot decode");
  expect_refused(folder_.write("short.npy", reference().substr(0, 200)), 4, "takes 1024 bytes");
  expect_refused(folder_.write("header.npy", reference().substr(0, 20)), 4, "truncated");
  expect_refused(folder_.write("version.npy", npy_file(npy_header("<f4", kShape), elements<float>(), 9)), 4,
                 "version 9");
  expect_refused(folder_.write("complex.npy", npy_file(npy_header("<c8", kShape), elements<double>())), 4,
                 "supported are");
}

TEST_F(LinnetRunInput, MustHaveTheInputsShape) {
  for (const char* shape : {"(1, 4, 8, 8)", "(256,)", "(1, 8, 8, 4, 1)", "(4, 8, 8)"}) {
    expect_refused(folder_.write("x.npy", npy_file(npy_header("<f4", shape), elements<float>())), 4,
                   "does not fit input");
  }
  expect_refused(folder_.write("x.npy", npy_file(npy_header("<f4", "(0, 8, 8, 4)"), "")), 4, "does not fit input");
}

TEST_F(LinnetRunInput, NeedsAPlaceForTheOutput) {
  const std::string input = folder_.write("x.npy", reference());
  const std::vector<std::string> before = folder_.files();
  for (const std::string& output : {folder_.path("none/y.npy"), folder_.path("."), folder_.path("x.npy/y.npy")}) {
    const Outcome outcome = run_command(LINNET_RUN, {"run", model_, "--input", input, "--output", output});
    EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << outcome.err;
  }
  EXPECT_EQ(folder_.files(), before);
}

}  // namespace
}  // namespace linnet::test
