#include "targets/desktop/lib/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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

}  // namespace
}  // namespace linnet::tools
