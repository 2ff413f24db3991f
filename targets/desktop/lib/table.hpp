// Text output of the tools: aligned tables, sizes, JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::tools {

// A header and rows of cells; columns are as wide as their widest cell. Columns whose header starts with '>' are
// right-aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// A tensor's name in a table: of names that TensorFlow Lite joined ("a;b;c") the first, "a;...".
inline std::string shown_name(const std::string& name) {
  const size_t end = name.find(';');
  return end == std::string::npos ? name : name.substr(0, end) + ";...";
}

std::string with_thousands(int64_t value);  // "1,234,567"

// Writes JSON with two-space indentation. Numbers that JSON cannot express (NaN, infinities) become null.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(double number);
  JsonWriter& value(float number);  // as few digits as tell it from all others
  JsonWriter& value(int64_t number);
  JsonWriter& value(int number) { return value(int64_t{number}); }
  JsonWriter& value(bool truth);
  JsonWriter& value(const std::vector<int64_t>& numbers);
  template <class T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  // With a line end behind it.
  std::string text() const { return text_ + "\n"; }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void raw(std::string_view text);

  std::string text_;
  int depth_ = 0;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace linnet::tools
