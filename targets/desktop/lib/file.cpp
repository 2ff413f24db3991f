#include "targets/desktop/lib/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

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

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail(path, "write", EISDIR);
    if (!S_ISREG(status.st_mode)) return write_in_place(path, static_cast<const char*>(data), size);
  }
  std::string temporary = path + ".XXXXXX";
  Descriptor file(::mkstemp(temporary.data()));
  if (file.value() < 0) fail(path, "write", errno);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  int error = write_all(file.value(), static_cast<const char*>(data), size);
  if (error == 0 && ::fchmod(file.value(), 0666 & ~mask) != 0) error = errno;
  if (file.close() != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(path, "write", error);
  }
}

void write_file(const std::string& path, std::string_view text) {
  write_file(path, text.data(), text.size());
}

void check_writable(const std::string& path) {
  struct stat status = {};
  if (path.empty()) throw ToolError(kFileError, "cannot write a file without a name");
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) fail(path, "write", EISDIR);
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return;
  if (::access(folder_of(path).c_str(), W_OK) != 0) fail(path, "write", errno);
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
