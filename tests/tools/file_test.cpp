#include "targets/desktop/lib/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

class File : public testing::Test {
 protected:
  File() {
    std::string name = (std::filesystem::temp_directory_path() / "linnet_file.XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~File() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }
  static std::string content(const std::string& path) {
    const MappedFile file(path);
    return std::string(reinterpret_cast<const char*>(file.data()), file.size());
  }

  std::string folder_;
};

void expect_file_error(const std::function<void()>& action, const std::string& message) {
  try {
    action();
    ADD_FAILURE() << "no error, wanted: " << message;
  } catch (const ToolError& error) {
    EXPECT_EQ(error.exit_code(), kFileError);
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST_F(File, IsReplacedAsAWhole) {
  write_file(path("a"), "first");
  write_file(path("a"), "second, longer");
  EXPECT_EQ(content(path("a")), "second, longer");
  EXPECT_EQ(files(), 1u);
  const mode_t mask = umask(0);
  umask(mask);
  struct stat status = {};
  ASSERT_EQ(stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666 & ~mask);
}

TEST_F(File, AFullDiskIsAnError) {
  expect_file_error([] { write_file("/dev/full", "x"); }, "No space left on device");
}

TEST_F(File, AFailedWriteLeavesTheOldFileAndNothingElse) {
  expect_file_error([&] { write_file(path("none/a"), "x"); }, "No such file or directory");
  expect_file_error([&] { write_file(folder_, "x"); }, "Is a directory");
  EXPECT_EQ(files(), 0u);
}

TEST_F(File, WhetherItCanBeWrittenIsKnownBefore) {
  EXPECT_NO_THROW(check_writable(path("a")));
  EXPECT_NO_THROW(check_writable("/dev/null"));
  expect_file_error([&] { check_writable(path("none/a")); }, "No such file or directory");
  expect_file_error([&] { check_writable(folder_); }, "Is a directory");
  EXPECT_EQ(files(), 0u);
}

TEST_F(File, ReadingNeedsARegularFile) {
  expect_file_error([&] { MappedFile file(path("none")); }, "No such file or directory");
  expect_file_error([&] { MappedFile file(folder_); }, "Is a directory");
  expect_file_error([&] { MappedFile file("/dev/null"); }, "not a regular file");
  write_file(path("empty"), "");
  EXPECT_EQ(MappedFile(path("empty")).size(), 0u);
}

TEST_F(File, LinesHaveNoLineEnds) {
  write_file(path("a"), "one\r\ntwo words\n\nlast");
  EXPECT_EQ(read_lines(path("a")), (std::vector<std::string>{"one", "two words", "", "last"}));
  write_file(path("b"), "one\n");
  EXPECT_EQ(read_lines(path("b")), std::vector<std::string>{"one"});
}

// A child that writes a large file gets the signal as soon as a file appears. How its life ended.
int signalled_while_writing(const std::string& folder, int signal) {
  const pid_t child = fork();
  if (child == 0) {
    const std::vector<char> bytes(size_t{64} << 20, 'x');
    write_file(folder + "/large", bytes.data(), bytes.size());
    _exit(0);
  }
  int status = 0;
  while (std::filesystem::is_empty(folder) && waitpid(child, &status, WNOHANG) == 0) {
  }
  kill(child, signal);
  waitpid(child, &status, 0);
  return status;
}

TEST_F(File, ASignalLeavesNothingBehind) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    bool caught = false;
    for (int attempt = 0; attempt < 100 && !caught; ++attempt) {
      const int status = signalled_while_writing(folder_, signal);
      caught = WIFSIGNALED(status) && WTERMSIG(status) == signal;
      const bool written = std::filesystem::exists(path("large"));
      EXPECT_TRUE(caught || written);
      EXPECT_TRUE(!written || std::filesystem::file_size(path("large")) == uintmax_t{64} << 20);
      std::filesystem::remove(path("large"));
      EXPECT_EQ(files(), 0u);
    }
    EXPECT_TRUE(caught) << "the signal never came in time";
  }
}

TEST_F(File, ALimitOfItsSizeIsAnError) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(path("a"), std::string(10000, 'x'));
    } catch (const ToolError& error) {
      _exit(error.exit_code());
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kFileError);
  EXPECT_EQ(files(), 0u);
}

TEST_F(File, ASymbolicLinkStaysAndItsTargetIsReplaced) {
  std::filesystem::create_directory(path("folder"));
  for (const char* target : {"folder/there", "folder/new"}) {
    if (std::string(target) == "folder/there") write_file(path(target), "old");
    std::filesystem::create_symlink(target, path("link"));
    write_file(path("link"), "new");
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
    EXPECT_EQ(content(path(target)), "new");
    std::filesystem::remove(path("link"));
  }
}

TEST_F(File, AsLongANameAsTheFileSystemHasIsWritten) {
  const std::string name(255, 'n');
  write_file(path(name), "x");
  EXPECT_EQ(content(path(name)), "x");
  expect_file_error([&] { write_file(path(name + "n"), "x"); }, "File name too long");
  EXPECT_EQ(files(), 1u);
}

TEST_F(File, IsKnownByEveryName) {
  write_file(path("a"), "x");
  std::filesystem::create_symlink("a", path("link"));
  std::filesystem::create_symlink("new", path("dangling"));
  std::filesystem::create_hard_link(path("a"), path("hard"));
  std::filesystem::create_directory(path("folder"));
  for (const char* name : {"a", "link", "hard", "folder/../a", "./a", "folder//..//link"}) {
    EXPECT_TRUE(same_file(path("a"), path(name))) << name;
    EXPECT_FALSE(same_file(path("new"), path(name))) << name;
  }
  for (const char* name : {"new", "./new", "dangling", "folder/../new"}) {
    EXPECT_TRUE(same_file(path("new"), path(name))) << name;
    EXPECT_FALSE(same_file(path("a"), path(name))) << name;
  }
  EXPECT_FALSE(same_file("/dev/null", "/dev/null")) << "two may write to a device";
}

TEST_F(File, OutputsMustNotOverwrite) {
  write_file(path("in"), "x");
  std::filesystem::create_symlink("in", path("link"));
  const auto error = [&](const std::vector<FileArgument>& outputs) -> std::string {
    try {
      check_files({{"MODEL", path("in")}}, outputs, false);
      return "";
    } catch (const ToolError& refused) {
      EXPECT_EQ(refused.exit_code(), kUsageError);
      return refused.what();
    }
  };
  EXPECT_EQ(error({{"-o", path("a")}, {"--svg", path("b")}}), "");
  EXPECT_EQ(error({{"-o", "/dev/null"}, {"--svg", "/dev/null"}}), "");
  EXPECT_EQ(error({{"-o", path("link")}}), "-o " + path("link") + ": is an input file (MODEL)");
  EXPECT_EQ(error({{"-o", path("a")}, {"--svg", path("./a")}}), "--svg " + path("./a") + ": is the file of -o as well");
  EXPECT_EQ(files(), 2u);
}

}  // namespace
}  // namespace linnet::tools
