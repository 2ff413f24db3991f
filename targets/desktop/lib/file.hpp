// Files as the tools use them: mapped for reading, replaced as a whole when written. Errors are ToolError with
// kFileError.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::tools {

// A whole regular file, mapped read-only at a page boundary. An empty file has size 0.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const unsigned char* data() const { return data_; }
  size_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  unsigned char* data_ = nullptr;
  size_t size_ = 0;
};

// Replaces `path` by the bytes: they go to a temporary file in the same folder which is renamed when complete, so that
// an error (full disk, no permission) or a signal leaves neither half a file nor a damaged older one. A symbolic link
// stays, what it points to is replaced. What is there already and is not a regular file, and the standard output by
// whatever name, is written to directly. By one thread at a time.
void write_file(const std::string& path, const void* data, size_t size);
void write_file(const std::string& path, std::string_view text);

// Fails as write_file would for want of permission or a folder: before hours of work instead of after.
void check_writable(const std::string& path);

// Whether two names are those of one file, that exists or would be made. Not of devices, to which many may write.
bool same_file(const std::string& a, const std::string& b);

// A file as the command line names it, and the option.
struct FileArgument {
  std::string option, path;
};

// check_writable for all outputs; then a ToolError with kUsageError where an output would overwrite an input, another
// output or, where the command `prints`, what that prints.
void check_files(const std::vector<FileArgument>& inputs, const std::vector<FileArgument>& outputs, bool prints);

// The lines of a text file without their line ends; an empty last line does not count.
std::vector<std::string> read_lines(const std::string& path);

}  // namespace linnet::tools
