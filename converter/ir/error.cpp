#include "converter/ir/error.hpp"

namespace linnet::ir {

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

Problems::Problems(std::vector<std::string> list) : Error(joined(list)), list_(std::move(list)) {}

}  // namespace linnet::ir
