// The options of `linnet convert` that treat weights.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "converter/budget/budget.hpp"
#include "converter/main/quantization_arguments.hpp"
#include "converter/treat/treat.hpp"

namespace linnet::tools {

struct TreatmentArguments {
  std::vector<std::string> clip, sparsify, weights, cluster, storage;
  bool allow_empty = false;
  std::vector<std::string> repair;  // files of samples
  double weight_decay = 0;
  int steps = treat::RepairOptions().steps;
  std::optional<double> rate;
  std::string budget;

  // Throws ToolError with kUsageError. The images of --repair become samples as `images` says.
  treat::Options options(const SampleArguments& images) const;
  treat::Rules<treat::Storage> storage_rules() const;  // throws likewise
  // Its samples are those of --calibration where --int8 does not take them.
  std::optional<budget::Budget> budget_options(const QuantizationArguments& quantization) const;
  // Whether weights may be treated.
  bool any() const {
    return !(clip.empty() && sparsify.empty() && weights.empty() && cluster.empty() && repair.empty() &&
             budget.empty());
  }
};

void add_treatment_arguments(CLI::App* command, TreatmentArguments* arguments);

}  // namespace linnet::tools
