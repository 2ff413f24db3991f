#include "targets/desktop/lib/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet::tools {
namespace {

// Characters, not bytes, of UTF-8 text.
size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string Table::text() const {
  const std::vector<std::string>& header = rows_.front();
  std::vector<bool> right(header.size());
  std::vector<size_t> width(header.size(), 0);
  for (size_t c = 0; c < header.size(); ++c) {
    right[c] = header[c].substr(0, 1) == ">";
    for (const auto& row : rows_) width[c] = std::max(width[c], characters(row[c]));
    if (right[c])
      width[c] = std::max(width[c] - (width[c] == characters(header[c]) ? 1 : 0), characters(header[c]) - 1);
  }
  std::string result;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t c = 0; c < header.size(); ++c) {
      const std::string cell = r == 0 && right[c] ? header[c].substr(1) : rows_[r][c];
      const size_t used = characters(cell);
      const std::string padding(width[c] > used ? width[c] - used : 0, ' ');
      line += (c > 0 ? "  " : "") + (right[c] ? padding + cell : cell + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

std::string with_thousands(int64_t value) {
  std::string digits = fmt::format("{}", value);
  const int64_t start = value < 0 ? 1 : 0;
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > start; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!first_) text_ += ',';
  if (depth_ > 0) text_ += "\n" + std::string(static_cast<size_t>(depth_) * 2, ' ');
  first_ = false;
}

void JsonWriter::raw(std::string_view text) {
  separate();
  text_ += text;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  --depth_;
  if (!first_) text_ += "\n" + std::string(static_cast<size_t>(depth_) * 2, ' ');
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_ += ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  text_ += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      text_ += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      text_ += c;
    }
  }
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  raw(std::isfinite(number) ? fmt::format("{:.9g}", number) : "null");
  return *this;
}

JsonWriter& JsonWriter::value(float number) {
  raw(std::isfinite(number) ? fmt::format("{}", number) : "null");
  return *this;
}

JsonWriter& JsonWriter::value(int64_t number) {
  raw(fmt::format("{}", number));
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  raw(truth ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::value(const std::vector<int64_t>& numbers) {
  raw(fmt::format("[{}]", fmt::join(numbers, ", ")));
  return *this;
}

}  // namespace linnet::tools
