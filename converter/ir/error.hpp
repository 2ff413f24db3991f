// What the converter reports: errors end a conversion (all that can be found in one pass are collected first), warnings
// do not.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace linnet::ir {

// One clear line: the place (node, tensor or file), what was got and what is supported.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Every problem of a model in one list.
class Problems : public Error {
 public:
  explicit Problems(std::vector<std::string> list);
  const std::vector<std::string>& list() const { return list_; }

 private:
  std::vector<std::string> list_;
};

}  // namespace linnet::ir
