#include "converter/quantize/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "converter/ir/states.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

struct Seen {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  std::vector<double> sums, magnitudes;
  double rows = 0, least_row_maximum = std::numeric_limits<double>::infinity();
};

void run_all(EngineRun& engine, const std::vector<Sample>& samples, const Progress& progress, double begin,
             double end) {
  for (size_t i = 0; i < samples.size(); ++i) {
    progress(begin + (end - begin) * static_cast<double>(i) / static_cast<double>(samples.size()));
    engine.run(samples[i]);
  }
}

void see(const SeenTensor& tensor, Seen* seen) {
  seen->sums.resize(tensor.columns);
  seen->magnitudes.resize(tensor.columns);
  for (size_t i = 0; i < tensor.numbers.size(); ++i) {
    const auto number = static_cast<double>(tensor.numbers[i]);
    if (!std::isfinite(number))
      throw Error(fmt::format("--calibration: tensor {} becomes {} in the float network", tensor.name, number));
    seen->range.add({number, number});
    seen->sums[i % tensor.columns] += number;
    double& magnitude = seen->magnitudes[i % tensor.columns];
    magnitude = std::max(magnitude, std::abs(number));
  }
  seen->rows += static_cast<double>(tensor.numbers.size() / std::max<size_t>(tensor.columns, 1));
  const auto columns = static_cast<std::ptrdiff_t>(tensor.columns);
  for (auto row = tensor.numbers.begin(); row != tensor.numbers.end(); row += columns)
    seen->least_row_maximum =
        std::min(seen->least_row_maximum, static_cast<double>(*std::max_element(row, row + columns)));
}

}  // namespace

void check_finite(const Graph& graph, const std::vector<Sample>& samples, std::string_view option) {
  const std::vector<Value*> inputs = program_inputs(graph);
  for (size_t s = 0; s < samples.size(); ++s)
    for (size_t i = 0; i < inputs.size(); ++i)
      for (size_t e = 0; e < samples[s][i].size(); ++e)
        if (const double number = samples[s][i].number(e); !std::isfinite(number))
          throw Error(fmt::format("{}: element {} of sample {} of input '{}' is {}; supported are finite numbers",
                                  option, e, s, inputs[i]->name, number));
}

void check_samples(const Graph& graph, const std::vector<Sample>& samples, std::string_view option) {
  if (samples.empty()) throw Error(fmt::format("{}: there are no samples", option));
  check_finite(graph, samples, option);
  const std::vector<Value*> inputs = program_inputs(graph);
  for (size_t i = 0; i < inputs.size(); ++i) {
    bool varies = inputs[i]->type.dtype != DType::f32 || samples[0][i].size() == 1;
    const double first = samples[0][i].size() > 0 ? samples[0][i].number(0) : 0.0;
    for (const Sample& sample : samples)
      for (size_t e = 0; e < sample[i].size(); ++e) varies = varies || sample[i].number(e) != first;
    if (!varies)
      throw Error(
          fmt::format("{}: input '{}' is {} everywhere, which gives no ranges", option, inputs[i]->name, first));
  }
}

Statistics calibrate(const Graph& graph, const std::vector<Sample>& samples, const RangeMethod& method,
                     const Progress& progress) {
  std::map<std::string, Seen, std::less<>> all;
  const double half = method.rule == RangeRule::minmax ? 1.0 : 0.5;
  {
    EngineRun engine(graph.clone(), [&](const SeenTensor& tensor) { see(tensor, &all[std::string(tensor.name)]); });
    run_all(engine, samples, progress, 0.0, half);
  }
  Statistics statistics;
  for (auto& [name, seen] : all) {
    statistics.ranges[name] = seen.range;
    statistics.least_row_maxima[name] = seen.least_row_maximum;
    for (double& sum : seen.sums) sum /= seen.rows;
    statistics.means[name] = std::move(seen.sums);
    statistics.magnitudes[name] = std::move(seen.magnitudes);
  }
  if (method.rule == RangeRule::minmax) return statistics;
  std::map<std::string, Histogram, std::less<>> histograms;
  for (const auto& [name, range] : statistics.ranges) histograms.emplace(name, range);
  EngineRun engine(graph.clone(), [&](const SeenTensor& tensor) {
    Histogram& histogram = histograms.find(tensor.name)->second;
    for (const float number : tensor.numbers) histogram.add(number);
  });
  run_all(engine, samples, progress, half, 1.0);
  for (auto& [name, range] : statistics.ranges) range = histograms.find(name)->second.range(method);
  return statistics;
}

}  // namespace linnet::quantize
