// The steps that golden models must become, of any order: a table like tests/models/norms/steps.txt, with a line
// "NAME: Conv2D, 2 GroupNorm" for the data NAME.npz of every model beside it, and comments behind #.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "converter/report/report.hpp"

namespace linnet::golden {

using StepCounts = std::map<std::string, int>;  // by operator

// By the name before the colon. Throws std::runtime_error naming the line that is not as above.
std::map<std::string, StepCounts> read_step_table(const std::filesystem::path& file);

StepCounts counts(const report::Report& report);
// "Conv2D, 2 GroupNorm"
std::string to_text(const StepCounts& steps);

}  // namespace linnet::golden
