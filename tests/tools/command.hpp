// Programs run as a user runs them, in a folder of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace linnet::test {

struct Outcome {
  int exit_code = -1;  // -1: ended by a signal
  std::string out, err;
};

// `program` is a list separated by '|' (an emulator in front, perhaps). Standard output goes to `standard_output` where
// that is not empty; "-" closes it.
Outcome run_command(const std::string& program, const std::vector<std::string>& arguments,
                    const std::string& standard_output = "");

// A folder that is removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& bytes) const;  // the file's path
  std::vector<std::string> files() const;                                      // names, sorted

 private:
  std::string path_;
};

std::string read_bytes(const std::string& path);

// A .npy file from its parts: `header` without padding, `shape` as "(2, 3)".
std::string npy_file(const std::string& header, const std::string& data, int version = 1);
std::string npy_header(const std::string& descr, const std::string& shape, bool fortran_order = false);
template <class T>
std::string raw(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// One clear line: the program's name in front, one line end, at the end.
bool is_one_line(const std::string& text);

// Whether the text is one JSON value (RFC 8259).
bool is_json(const std::string& text);

}  // namespace linnet::test
