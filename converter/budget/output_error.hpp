// How far a network's outputs are from those of the float network.
#pragma once

#include <vector>

#include "converter/ir/graph.hpp"
#include "converter/quantize/engine_run.hpp"

namespace linnet::budget {

// Keeps the float network's outputs. `samples` must outlive it.
class OutputError {
 public:
  OutputError(const ir::Graph& real, const std::vector<quantize::Sample>& samples);
  // Squared errors over all samples as a part of the outputs' power, summed over outputs; not finite where an output
  // is not. `graph` is as the passes leave it for emission.
  double of(const ir::Graph& graph) const;

 private:
  using Outputs = std::vector<std::vector<float>>;  // of one run

  const std::vector<quantize::Sample>& samples_;
  std::vector<Outputs> wanted_;
  std::vector<double> power_;  // by output

  std::vector<Outputs> run(const ir::Graph& graph) const;
};

}  // namespace linnet::budget
