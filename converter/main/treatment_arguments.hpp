// The options of `linnet convert` that treat weights.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "converter/treat/treat.hpp"
#include "targets/desktop/commands/sample_arguments.hpp"

namespace linnet::tools {

struct TreatmentArguments {
  std::vector<std::string> clip, sparsify, weights, cluster;
  bool allow_empty = false;
  std::vector<std::string> repair;  // files of samples
  double weight_decay = 0;
  int steps = treat::RepairOptions().steps;
  std::optional<double> rate;

  // Throws ToolError with kUsageError. The images of --repair become samples as `images` says.
  treat::Options options(const SampleArguments& images) const;
  // Whether weights may be treated.
  bool any() const {
    return !(clip.empty() && sparsify.empty() && weights.empty() && cluster.empty() && repair.empty());
  }
};

void add_treatment_arguments(CLI::App* command, TreatmentArguments* arguments);

}  // namespace linnet::tools
