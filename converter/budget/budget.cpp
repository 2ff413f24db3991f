#include "converter/budget/budget.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "converter/ir/error.hpp"

namespace linnet::budget {

namespace {

struct Unit {
  std::string_view name;
  double bytes;
};
constexpr Unit kUnits[] = {{"", 1}, {"B", 1}, {"KB", 1e3}, {"KiB", 1024}, {"MB", 1e6}, {"MiB", 1024 * 1024}};
constexpr double kMost = 2147483648.0;  // bytes of a FlatBuffer

}  // namespace

int64_t Budget::limit(int64_t untreated_bytes) const {
  return bytes ? *bytes : static_cast<int64_t>(std::floor(part * static_cast<double>(untreated_bytes)));
}

Budget parse_budget(std::string_view text) {
  Budget budget;
  budget.text = text;
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, number);
  const std::string_view unit(next, static_cast<size_t>(end - next));
  if (error == std::errc() && std::isfinite(number) && number > 0) {
    if (unit == "%") {
      if (number > 100) throw ir::Error(fmt::format("--budget {}: a percentage is above 0 and at most 100", text));
      budget.part = number / 100;
      return budget;
    }
    for (const Unit& known : kUnits) {
      if (unit != known.name) continue;
      const double bytes = std::floor(number * known.bytes);
      if (bytes > kMost) throw ir::Error(fmt::format("--budget {}: files have at most 2 GiB", text));
      budget.bytes = static_cast<int64_t>(bytes);
      return budget;
    }
  }
  throw ir::Error(
      fmt::format("--budget {}: expected bytes, as 61440, 60KB, 60KiB, 1.5MB or 1MiB, or a percentage, as 50%", text));
}

}  // namespace linnet::budget
