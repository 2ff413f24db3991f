// What every command of linnet does where files, names and the standard output are not as they should be.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

using Arguments = std::vector<std::string>;

std::string text(const Arguments& arguments) {
  std::string line;
  for (const std::string& argument : arguments) line += " " + argument;
  return line;
}

class LinnetFiles : public testing::Test {
 protected:
  LinnetFiles()
      : onnx_(folder_.write("m.onnx", read_bytes(LINNET_DIGITS "/digits.onnx"))),
        input_(folder_.write("x.npy", read_bytes(LINNET_DIGITS "/test_images.npy"))),
        model_(folder_.path("m.lnt")) {
    EXPECT_EQ(linnet({"convert", onnx_, "-o", model_, "--quiet"}).exit_code, 0);
  }

  static Outcome linnet(const Arguments& arguments, const std::string& standard_output = "") {
    return run_command(LINNET_CLI, arguments, standard_output);
  }
  // Fails with one line, changes nothing.
  void expect_refused(const Arguments& arguments, int exit_code, const std::string& message) {
    const std::vector<std::string> before = folder_.files();
    const std::string model = read_bytes(model_), onnx = read_bytes(onnx_), input = read_bytes(input_);
    const Outcome outcome = linnet(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << text(arguments) << "\n" << outcome.err;
    EXPECT_TRUE(is_one_line(outcome.err)) << text(arguments) << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << text(arguments) << "\n" << outcome.err;
    EXPECT_EQ(folder_.files(), before) << text(arguments);
    EXPECT_TRUE(read_bytes(model_) == model && read_bytes(onnx_) == onnx && read_bytes(input_) == input);
  }
  // Every command that reads `file` as its `what`.
  std::vector<Arguments> readers(const std::string& file) const {
    const std::string out = folder_.path("out");
    return {{"convert", file, "-o", out},
            {"convert", onnx_, "-o", out, "--reestimate-bn", file},
            {"inspect", file},
            {"bench", file},
            {"bench", model_, "--input", file},
            {"run", file, "--input", input_},
            {"run", model_, "--input", file},
            {"run", model_, "--input", input_, "--top", "1", "--labels", file},
            {"compare", file, model_, "--input", input_},
            {"compare", onnx_, file, "--input", input_},
            {"compare", onnx_, model_, "--input", file}};
  }
  std::vector<Arguments> printers() const {
    return {{"convert", onnx_, "-o", folder_.path("out")},
            {"convert", onnx_, "-o", folder_.path("out"), "--json"},
            {"convert", onnx_, "--stop-after", "import", "--dump-after", "import"},
            {"inspect", model_},
            {"inspect", model_, "--json"},
            {"inspect", model_, "--verbose"},
            {"bench", model_, "--runs", "1"},
            {"bench", model_, "--runs", "1", "--profile", "--json"},
            {"run", model_, "--input", input_},
            {"run", model_, "--input", input_, "--top", "10"},
            {"compare", onnx_, model_, "--input", input_},
            {"compare", onnx_, model_, "--input", input_, "--json"},
            {"operators"},
            {"--help"},
            {"convert", "--help"},
            {"--version"}};
  }
  // Every option that names a file to write.
  std::vector<Arguments> writers(const std::string& file) const {
    return {{"convert", onnx_, "--quiet", "-o", file},
            {"convert", onnx_, "--quiet", "-o", folder_.path("out"), "--c-array", file},
            {"inspect", model_, "--svg", file},
            {"run", model_, "--input", input_, "--output", file}};
  }

  TemporaryFolder folder_;
  std::string onnx_, input_, model_;
};

TEST_F(LinnetFiles, AnOutputThatFailsIsExitCode3) {
  for (const Arguments& arguments : printers()) {
    for (const char* output : {"/dev/full", "-"}) {
      const Outcome outcome = linnet(arguments, output);
      EXPECT_EQ(outcome.exit_code, 3) << text(arguments) << " > " << output << "\n" << outcome.err;
      EXPECT_TRUE(is_one_line(outcome.err)) << text(arguments) << "\n" << outcome.err;
      EXPECT_NE(outcome.err.find("cannot write to standard output"), std::string::npos) << outcome.err;
    }
  }
}

TEST_F(LinnetFiles, WhatIsNoReadableFileIsExitCode3) {
  const std::string pipe = folder_.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& file : {folder_.path("none"), folder_.path("."), pipe, std::string("/dev/null"),
                                  input_ + "/x", std::string(5000, 'x'), std::string()}) {
    for (const Arguments& arguments : readers(file)) {
      if (file.empty() && (arguments[1] == onnx_ || arguments.back().empty())) continue;  // as without the option
      expect_refused(arguments, 3, "cannot ");
    }
  }
}

TEST_F(LinnetFiles, WhatIsInAFileThatIsNotUnderstoodIsExitCode1Or4) {
  for (const std::string& bytes : {std::string(), std::string("hello"), std::string(5000, '\xff')}) {
    const std::string file = folder_.write("bad", bytes);
    for (const Arguments& arguments : readers(file)) {
      const bool labels = arguments.back() == file && arguments[arguments.size() - 2] == "--labels";
      const bool data = arguments.back() == file && arguments[arguments.size() - 2][0] == '-';
      expect_refused(arguments, labels || data ? 4 : 1, "bad");
    }
  }
}

TEST_F(LinnetFiles, NamesAPathOnce) {
  const std::string bad = folder_.write("bad", "hello");
  for (const std::string& file : {folder_.path("none"), bad}) {
    for (const Arguments& arguments : readers(file)) {
      const std::string error = linnet(arguments).err;
      const size_t first = error.find(file);
      ASSERT_NE(first, std::string::npos) << error;
      EXPECT_EQ(error.find(file, first + 1), std::string::npos) << error;
    }
  }
}

TEST_F(LinnetFiles, WhatCannotBeWrittenIsExitCode3) {
  for (const std::string& file : {folder_.path("none/x.c"), input_ + "/x.c", folder_.path("x.c/")}) {
    for (const Arguments& arguments : writers(file))
      expect_refused(arguments, file.back() == '/' && arguments.size() > 6 ? 2 : 3, "");
  }
  std::filesystem::create_directory(folder_.path("folder.c"));
  for (const Arguments& arguments : writers(folder_.path("folder.c"))) expect_refused(arguments, 3, "Is a directory");
}

TEST_F(LinnetFiles, NothingIsOverwrittenThatACommandReadsOrWrites) {
  std::filesystem::create_symlink("m.onnx", folder_.path("link.onnx"));
  std::filesystem::create_symlink("m.lnt", folder_.path("link.lnt"));
  const std::string out = folder_.path("out"), c = folder_.path("a.c"), h = folder_.path("a.h");
  const std::string labels = folder_.write("labels", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  for (const Arguments& arguments : std::vector<Arguments>{
           {"convert", onnx_, "-o", onnx_},
           {"convert", onnx_, "-o", folder_.path("./m.onnx")},
           {"convert", onnx_, "-o", folder_.path("link.onnx")},
           {"convert", folder_.path("link.onnx"), "-o", onnx_},
           {"convert", onnx_, "-o", input_, "--reestimate-bn", input_},
           {"convert", onnx_, "-o", c, "--c-array", c},
           {"convert", onnx_, "-o", h, "--c-array", c},
           {"inspect", model_, "--svg", model_},
           {"inspect", model_, "--svg", folder_.path("link.lnt")},
           {"run", model_, "--input", input_, "--output", input_},
           {"run", model_, "--input", input_, "--output", model_},
           {"run", model_, "--input", input_, "--output", folder_.path("link.lnt")},
           {"run", model_, "--input", input_, "--top", "1", "--labels", labels, "--output", labels}}) {
    expect_refused(arguments, 2, arguments.back() == c ? "as well" : "is an input file");
  }
  for (const Arguments& arguments :
       std::vector<Arguments>{{"convert", onnx_, "-o", "/dev/stdout"},
                              {"inspect", model_, "--json", "--svg", "/dev/stdout"},
                              {"run", model_, "--input", input_, "--top", "1", "--output", "/dev/stdout"}}) {
    expect_refused(arguments, 2, "is the standard output");
  }
  const Outcome piped = linnet({"convert", onnx_, "-o", "/dev/stdout", "--quiet"});
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(piped.out, read_bytes(model_));
}

TEST_F(LinnetFiles, SuggestsWhatWasMeant) {
  expect_refused({"convrt", onnx_}, 2, "there is no command 'convrt', did you mean 'convert'?");
  expect_refused({"isnpect", model_}, 2, "did you mean 'inspect'?");
  expect_refused({"xyzzy"}, 2, "there is no command 'xyzzy' (there are convert, inspect");
  expect_refused({}, 2, "a command is missing (there are convert");
  expect_refused({"run", model_, "--ouput", "y.npy"}, 2, "there is no option --ouput, did you mean '--output'?");
  expect_refused({"bench", model_, "--runz=3"}, 2, "there is no option --runz, did you mean '--runs'?");
  expect_refused({"run"}, 2, "MODEL is missing");
  expect_refused({"convert", "-o", "x"}, 2, "MODEL is missing");
  for (const char* command : {"run", "bench", "inspect"}) {
    expect_refused({command, onnx_}, 1, "convert it first: linnet convert");
    expect_refused({command, folder_.write("t.tflite", std::string("\0\0\0\0TFL3    ", 12))}, 1, "convert it first");
  }
  expect_refused({"compare", model_, onnx_, "--input", input_}, 1, "convert it first");
}

TEST_F(LinnetFiles, OddNamesAreNames) {
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path("."));
  for (const std::string& name : {std::string("with space.lnt"), std::string("-dash.lnt"), std::string("a=b.lnt"),
                                  std::string("\xc3\xa9t\xc3\xa9.lnt"), std::string(251, 'n') + ".lnt"}) {
    const Outcome made = linnet({"convert", "m.onnx", "-o", name, "--quiet"});
    EXPECT_EQ(made.exit_code, 0) << name << made.err;
    EXPECT_EQ(read_bytes(name), read_bytes("m.lnt")) << name;
    const Outcome run = linnet({"run", "--input", "x.npy", "--output", "./out.npy", "--", name});
    EXPECT_EQ(run.exit_code, 0) << name << run.err;
  }
  std::filesystem::current_path(before);
}

// What the C and C++ compilers make of it.
TEST_F(LinnetFiles, CSourceOfAnyNameCompiles) {
  int number = 0;
  for (const std::string& stem : {std::string("model"), std::string("9lives"), std::string("my-model.v2"),
                                  std::string("with space"), std::string("\xc3\xa9t\xc3\xa9"), std::string("int"),
                                  std::string("class"), std::string("main"), std::string("linux"), std::string("_Bool"),
                                  std::string("__x"), std::string("-"), std::string("..."), std::string("linnet")}) {
    const TemporaryFolder folder;
    const Outcome outcome =
        linnet({"convert", onnx_, "--quiet", "-o", folder.path("m.lnt"), "--c-array", folder.path(stem + ".c")});
    ASSERT_EQ(outcome.exit_code, 0) << stem << outcome.err;
    const std::string source = read_bytes(folder.path(stem + ".c"));
    ASSERT_EQ(source.rfind("#include \"" + stem + ".h\"\n", 0), 0u) << source.substr(0, 80);
    for (const char* compiler : {"cc -std=gnu99", "c++ -std=c++17 -x c++"}) {
      const std::string object = folder.path(std::to_string(number++) + ".o");
      const std::string command =
          std::string(compiler) + " -Wall -Wextra -Werror -c '" + folder.path(stem + ".c") + "' -o " + object;
      EXPECT_EQ(std::system(command.c_str()), 0) << command;
    }
  }
  expect_refused({"convert", onnx_, "-o", folder_.path("y"), "--c-array", folder_.path("a\"b.c")}, 2, "such a name");
}

}  // namespace
}  // namespace linnet::test
