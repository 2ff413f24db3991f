#include "converter/quantize/quality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/ops/reshape.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/placement.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

struct Powers {
  double signal = 0, error = 0;
  double sqnr() const { return error == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / error); }
};

// The means of what a layer reads; those of the tensor that it is a view of repeat along its rows.
const std::vector<double>* means_of(const Value* value, const Statistics& statistics) {
  for (;;) {
    if (const auto found = statistics.means.find(value->name); found != statistics.means.end()) return &found->second;
    const Node* view = passes::producer_of<ops::Reshape>(value);
    if (view == nullptr) return nullptr;
    value = view->inputs[0];
  }
}

std::vector<double> shifts_of(const Node& layer, const std::vector<double>& means, const WeightOptions& options) {
  const Array& weights = *layer.in(1).constant;
  const Shape& shape = weights.shape();
  const std::vector<double> none(static_cast<size_t>(shape[0]), 0.0);
  const Array integers = quantized_weights(weights, 0, options, none);
  const std::vector<float>& scales = integers.type().quantization->scales;
  const auto outputs = static_cast<size_t>(shape[0]), inputs = static_cast<size_t>(shape[1]),
             taps = weights.size() / std::max<size_t>(outputs * inputs, 1);
  const auto channels = static_cast<size_t>(layer.in(0).shape().back());
  const size_t groups = channels / inputs;
  std::vector<double> shifts(outputs);
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t n = i / (inputs * taps), channel = n / (outputs / groups) * inputs + i / taps % inputs;
    const auto scale = static_cast<double>(scales[scales.size() == 1 ? 0 : n]);
    shifts[n] += (weights.number(i) - scale * integers.number(i)) * means[channel % means.size()];
  }
  return shifts;
}

}  // namespace

Sqnr measure(const Graph& real, const Graph& integer, const std::vector<Sample>& samples, const Ranges& limits,
             const Progress& progress) {
  std::map<std::string, std::vector<float>, std::less<>> wanted;
  std::map<std::string, Powers, std::less<>> powers;
  EngineRun reference(real.clone(),
                      [&](const SeenTensor& tensor) { wanted[std::string(tensor.name)] = tensor.numbers; });
  EngineRun quantized(integer.clone(), [&](const SeenTensor& tensor) {
    const auto found = wanted.find(tensor.name);
    if (found == wanted.end() || found->second.size() != tensor.numbers.size()) return;
    const std::string name(tensor.name);
    const auto limit = limits.find(name);
    const auto limited = [&](float number) {
      const auto real = static_cast<double>(number);
      return limit == limits.end() ? real : std::clamp(real, limit->second.low, limit->second.high);
    };
    Powers& power = powers[name];
    for (size_t i = 0; i < tensor.numbers.size(); ++i) {
      const double number = limited(found->second[i]), difference = limited(tensor.numbers[i]) - number;
      power.signal += number * number;
      power.error += difference * difference;
    }
  });
  for (size_t i = 0; i < samples.size(); ++i) {
    progress(static_cast<double>(i) / static_cast<double>(samples.size()));
    reference.run(samples[i]);
    quantized.run(samples[i]);
  }
  Sqnr result;
  for (const auto& [name, power] : powers) result[name] = power.sqnr();
  return result;
}

std::map<std::string, std::vector<double>> bias_shifts(const Graph& graph, const Statistics& statistics,
                                                       const WeightOptions& options) {
  std::map<std::string, std::vector<double>> result;
  for (const auto& node : graph.nodes()) {
    if (kind_of(*node) != StepKind::layer || output_dimension(*node) != 0) continue;
    const std::vector<double>* means = means_of(node->inputs[0], statistics);
    if (means != nullptr && !means->empty()) result[key_of(*node)] = shifts_of(*node, *means, options);
  }
  return result;
}

}  // namespace linnet::quantize
