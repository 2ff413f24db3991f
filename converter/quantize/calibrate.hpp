// What the tensors of a float graph hold on calibration samples.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "converter/quantize/engine_run.hpp"
#include "converter/quantize/range.hpp"

namespace linnet::quantize {

using Magnitudes = std::map<std::string, std::vector<double>>;  // the greatest, per index of the last dimension

struct Statistics {
  Ranges ranges;   // of every tensor that a step gives, and of the inputs
  Ranges trimmed;  // those of `ranges` that leave numbers out which make no difference
  std::map<std::string, std::vector<double>> means;  // per index of the last dimension
  Magnitudes magnitudes;
  std::map<std::string, double> least_row_maxima;  // the least of the greatest of each row, which is the last dimension
};

using Progress = std::function<void(double fraction)>;

// Throws ir::Error, which begins with `option`, for elements that are no finite numbers.
void check_finite(const ir::Graph& graph, const std::vector<Sample>& samples, std::string_view option);
// The same also for no samples, and inputs of several elements that are the
// same number everywhere.
void check_samples(const ir::Graph& graph, const std::vector<Sample>& samples,
                   std::string_view option = "--calibration");
// Throws ir::Error for tensors that become infinite.
Statistics calibrate(const ir::Graph& graph, const std::vector<Sample>& samples, const RangeMethod& method,
                     const Progress& progress);

}  // namespace linnet::quantize
