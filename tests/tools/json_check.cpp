#include <cctype>
#include <cstdlib>
#include <cstring>

#include "tests/tools/command.hpp"

namespace linnet::test {
namespace {

class JsonCheck {
 public:
  explicit JsonCheck(const std::string& text) : position_(text.c_str()), end_(position_ + text.size()) {}
  bool whole() { return value() && (skip(), position_ == end_); }

 private:
  void skip() {
    while (position_ != end_ && std::strchr(" \n\r\t", *position_) != nullptr) ++position_;
  }
  bool accept(char wanted) {
    skip();
    if (position_ == end_ || *position_ != wanted) return false;
    ++position_;
    return true;
  }
  bool word(const char* text) {
    const size_t length = std::strlen(text);
    if (std::strncmp(position_, text, length) != 0) return false;
    position_ += length;
    return true;
  }
  bool string() {
    if (!accept('"')) return false;
    for (; position_ != end_ && *position_ != '"'; ++position_) {
      if (static_cast<unsigned char>(*position_) < 0x20) return false;
      if (*position_ == '\\' && (++position_, std::strchr("\"\\/bfnrtu", *position_) == nullptr)) return false;
    }
    return accept('"');
  }
  bool number() {
    char* after = nullptr;
    std::strtod(position_, &after);
    if (after == position_ || (*position_ != '-' && std::isdigit(static_cast<unsigned char>(*position_)) == 0))
      return false;
    position_ = after;
    return true;
  }
  bool list(char close, bool with_keys) {
    if (accept(close)) return true;
    do {
      if (with_keys && !(string() && accept(':'))) return false;
      if (!value()) return false;
    } while (accept(','));
    return accept(close);
  }
  bool value() {
    if (accept('{')) return list('}', true);
    if (accept('[')) return list(']', false);
    if (position_ != end_ && *position_ == '"') return string();
    return word("true") || word("false") || word("null") || number();
  }

  const char* position_;
  const char* end_;
};

}  // namespace

bool is_json(const std::string& text) {
  return JsonCheck(text).whole();
}

}  // namespace linnet::test
