#include "converter/budget/output_error.hpp"

#include <algorithm>
#include <limits>

#include "converter/ir/states.hpp"

namespace linnet::budget {

OutputError::OutputError(const ir::Graph& real, const std::vector<quantize::Sample>& samples)
    : samples_(samples), wanted_(run(real)), power_(ir::program_outputs(real).size()) {
  for (const Outputs& outputs : wanted_)
    for (size_t o = 0; o < outputs.size(); ++o)
      for (const float number : outputs[o]) power_[o] += static_cast<double>(number) * static_cast<double>(number);
}

double OutputError::of(const ir::Graph& graph) const {
  const std::vector<Outputs> given = run(graph);
  double sum = 0;
  for (size_t o = 0; o < power_.size(); ++o) {
    double error = 0;
    for (size_t s = 0; s < given.size(); ++s)
      for (size_t e = 0; e < given[s][o].size(); ++e) {
        const double difference = static_cast<double>(given[s][o][e]) - static_cast<double>(wanted_[s][o][e]);
        error += difference * difference;
      }
    sum += error / std::max(power_[o], std::numeric_limits<double>::min());
  }
  return sum;
}

std::vector<OutputError::Outputs> OutputError::run(const ir::Graph& graph) const {
  const size_t count = ir::program_outputs(graph).size();
  quantize::EngineRun engine(graph.clone(), nullptr);
  std::vector<Outputs> runs;
  for (const quantize::Sample& sample : samples_) {
    engine.run(sample);
    Outputs& outputs = runs.emplace_back();
    for (size_t o = 0; o < count; ++o) outputs.push_back(engine.output(static_cast<int>(o)));
  }
  return runs;
}

}  // namespace linnet::budget
