// Errors of the command-line tools: one clear line for the user and the exit code that says what kind of error it was.
#pragma once

#include <stdexcept>
#include <string>

namespace linnet::tools {

enum ExitCode : int {
  kOk = 0,
  kModelError = 1,      // the model cannot be converted, loaded or run
  kUsageError = 2,      // wrong command line
  kFileError = 3,       // a file cannot be opened, read or written
  kDataError = 4,       // an input (.npy, image, labels) is damaged or does not fit the model
  kAboveTolerance = 5,  // compare: an error exceeds --tolerance
};

// The same list for --help.
constexpr const char* kExitCodesText =
    "Exit codes: 0 success; 1 the model cannot be converted, loaded or run; 2 wrong command line; 3 a file cannot be "
    "opened, read or written; 4 an input (.npy, image, labels) is damaged or does not fit the model; 5 compare only: "
    "an "
    "error exceeds --tolerance, or integers are not exact.";

class ToolError : public std::runtime_error {
 public:
  ToolError(ExitCode exit_code, const std::string& message) : std::runtime_error(message), exit_code_(exit_code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

}  // namespace linnet::tools
