#include "tests/golden/steps.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace linnet::golden {
namespace {

// "Conv2D" or "2 GroupNorm"; false for anything else.
bool add_steps(const std::string& item, StepCounts* steps) {
  std::istringstream words(item);
  int count = 1;
  std::string op, rest;
  if (!(words >> count)) {
    words.clear();
    words.str(item);
    count = 1;
  }
  return words >> op && !(words >> rest) && count > 0 && steps->emplace(op, count).second;
}

}  // namespace

std::map<std::string, StepCounts> read_step_table(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::map<std::string, StepCounts> table;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(' ') == std::string::npos) continue;
    const size_t colon = line.find(':');
    StepCounts steps;
    bool good = colon != std::string::npos;
    std::istringstream items(good ? line.substr(colon + 1) : "");
    for (std::string item; good && std::getline(items, item, ',');) good = add_steps(item, &steps);
    if (!good || steps.empty() || !table.emplace(line.substr(0, colon), steps).second)
      throw std::runtime_error(file.string() + ", line " + std::to_string(number) + ": expected a new NAME: STEPS");
  }
  if (table.empty()) throw std::runtime_error(file.string() + ": cannot be read or is empty");
  return table;
}

StepCounts counts(const report::Report& report) {
  StepCounts steps;
  for (const report::StepSummary& step : report.steps) ++steps[step.op];
  return steps;
}

std::string to_text(const StepCounts& steps) {
  std::string text;
  for (const auto& [op, count] : steps) {
    if (!text.empty()) text += ", ";
    text += (count > 1 ? std::to_string(count) + " " : "") + op;
  }
  return text;
}

}  // namespace linnet::golden
