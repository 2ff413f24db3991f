// Writes JSON text, two blanks per level.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::report {

class JsonWriter {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);
  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(int64_t number);
  void value(int number) { value(static_cast<int64_t>(number)); }
  void value(double number);  // null where it is not finite, which JSON cannot say
  void value(bool truth);
  template <class T>
  void member(std::string_view name, const T& content) {
    key(name);
    value(content);
  }
  template <class Range>
  void member_array(std::string_view name, const Range& range) {
    key(name);
    begin_array();
    for (const auto& element : range) value(element);
    end_array();
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  int depth_ = 0;
  bool first_ = true;  // nothing yet in this object or array
  bool after_key_ = false;

  void separate();
  void open(char bracket);
  void close(char bracket);
};

}  // namespace linnet::report
