#include "targets/desktop/lib/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

[[noreturn]] void fail(const std::string& path, const char* action, int error) {
  throw ToolError(kFileError, path + ": cannot " + action + ": " + std::strerror(error));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  int close() {
    const int value = value_;
    value_ = -1;
    return ::close(value);
  }

 private:
  int value_;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// 0, or the errno of the write that failed.
int write_all(int descriptor, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    data += written;
    size -= static_cast<size_t>(written);
  }
  return 0;
}

void write_in_place(const std::string& path, const char* data, size_t size) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.value() < 0) fail(path, "open for writing", errno);
  if (const int error = write_all(file.value(), data, size)) fail(path, "write", error);
  if (file.close() != 0) fail(path, "write", errno);
}

// What a name that may be a symbolic link stands for; whether that exists or not.
std::string followed(std::string path) {
  constexpr int kLinks = 40;
  std::error_code error;
  for (int i = 0; i < kLinks && std::filesystem::is_symlink(path, error); ++i) {
    path = (std::filesystem::path(folder_of(path)) / std::filesystem::read_symlink(path, error)).string();
  }
  return path;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_standard_output(const std::string& path) {
  struct stat status = {}, output = {};
  return ::stat(path.c_str(), &status) == 0 && ::fstat(STDOUT_FILENO, &output) == 0 && same_file(status, output);
}

bool is_directory_name(const std::string& path) {
  struct stat status = {};
  return path.back() == '/' || (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode));
}

bool may_be_replaced(const std::string& path) {
  return ::access(path.c_str(), F_OK) != 0 || ::access(path.c_str(), W_OK) == 0;
}

// A new file beside the one that it will replace. Until then a signal that ends the program removes it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& folder) {
    const std::string name = folder + "/.linnet.XXXXXX";
    if (name.size() >= name_.size()) {
      errno = ENAMETOOLONG;
      return;
    }
    std::copy_n(name.c_str(), name.size() + 1, name_.begin());
    struct sigaction action = {};
    action.sa_handler = remove_and_end;
    for (size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_DFL) ::sigaction(kSignals[i], &action, nullptr);
    }
    descriptor_ = ::mkstemp(name_.data());
  }
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (descriptor_ != -1) ::unlink(name_.data());
    name_[0] = '\0';
    for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool made() const { return descriptor_ >= 0; }
  // 0, or the errno of what failed.
  int replace(const std::string& path, const char* data, size_t size) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (const int error = write_all(descriptor_, data, size)) return error;
    if (::fchmod(descriptor_, 0666 & ~mask) != 0) return errno;
    const int descriptor = descriptor_;
    descriptor_ = kClosed;
    if (::close(descriptor) != 0) return errno;
    if (::rename(name_.data(), path.c_str()) != 0) return errno;
    descriptor_ = -1;
    return 0;
  }

 private:
  static constexpr std::array<int, 4> kSignals = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  static constexpr int kClosed = -2;

  static void remove_and_end(int signal) {
    ::unlink(name_.data());
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }

  static std::array<char, PATH_MAX> name_;  // for the signal handler, hence one at a time
  std::array<struct sigaction, 4> before_ = {};
  int descriptor_ = -1;  // -1: there is no file
};
std::array<char, PATH_MAX> TemporaryFile::name_;

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  if (path.empty()) throw ToolError(kFileError, "cannot read a file without a name");
  // O_NONBLOCK: opening a pipe would wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value() < 0) fail(path, "open", errno);
  struct stat status = {};
  if (::fstat(file.value(), &status) != 0) fail(path, "read", errno);
  if (S_ISDIR(status.st_mode)) fail(path, "read", EISDIR);
  if (!S_ISREG(status.st_mode)) throw ToolError(kFileError, path + ": cannot read: not a regular file");
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.value(), 0);
  if (mapping == MAP_FAILED) fail(path, "read", errno);
  data_ = static_cast<unsigned char*>(mapping);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void write_file(const std::string& path, const void* data, size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  check_writable(path);
  if (is_standard_output(path)) {
    const int error = std::fflush(stdout) != 0 ? errno : write_all(STDOUT_FILENO, bytes, size);
    if (error != 0) fail(path, "write", error);
    return;
  }
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return write_in_place(path, bytes, size);
  const std::string target = followed(path);
  TemporaryFile file(folder_of(target));
  const int error = file.made() ? file.replace(target, bytes, size) : errno;
  if (error != 0) fail(path, "write", error);
}

void write_file(const std::string& path, std::string_view text) {
  write_file(path, text.data(), text.size());
}

void check_writable(const std::string& path) {
  if (path.empty()) throw ToolError(kFileError, "cannot write a file without a name");
  if (is_directory_name(path)) fail(path, "write", EISDIR);
  if (!may_be_replaced(path)) fail(path, "write", errno);
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return;
  if (::access((folder_of(followed(path)) + "/").c_str(), W_OK) != 0) fail(path, "write", errno);
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat a_status = {}, b_status = {};
  if (::stat(a.c_str(), &a_status) == 0 && ::stat(b.c_str(), &b_status) == 0) {
    return same_file(a_status, b_status) && !S_ISCHR(a_status.st_mode);
  }
  const auto canonical = [](const std::string& path) {
    std::error_code error;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(followed(path), error), error);
  };
  const std::filesystem::path first = canonical(a);
  return !first.empty() && first == canonical(b);
}

void check_files(const std::vector<FileArgument>& inputs, const std::vector<FileArgument>& outputs, bool prints) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const FileArgument& output = outputs[i];
    const auto refuse = [&](const std::string& why) {
      throw ToolError(kUsageError, output.option + " " + output.path + ": " + why);
    };
    check_writable(output.path);
    for (const FileArgument& input : inputs) {
      if (same_file(output.path, input.path)) refuse("is an input file (" + input.option + ")");
    }
    for (size_t j = 0; j < i; ++j) {
      if (same_file(output.path, outputs[j].path)) refuse("is the file of " + outputs[j].option + " as well");
    }
    struct stat status = {};
    if (prints && is_standard_output(output.path) && ::fstat(STDOUT_FILENO, &status) == 0 && !S_ISCHR(status.st_mode)) {
      refuse("is the standard output, to which the command prints");
    }
  }
}

std::vector<std::string> read_lines(const std::string& path) {
  const MappedFile file(path);
  std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.emplace_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace linnet::tools
