#include "converter/import/shell.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace linnet::import {

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "_./,=:+@%-";
  const bool plain = std::all_of(word.begin(), word.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlain.find(c) != kPlain.npos;
  });
  if (plain && !word.empty()) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace linnet::import
