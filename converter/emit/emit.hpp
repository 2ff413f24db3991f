// Writes the planned graph as a model file.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "converter/emit/model_bytes.hpp"
#include "converter/ir/graph.hpp"
#include "converter/plan/plan.hpp"
#include "converter/report/report.hpp"

namespace linnet::emit {

struct EmitOptions {
  bool strip_names = false;
  bool release_constants = false;                  // of the graph, each after its last use: it cannot be used again
  std::string source_file, tool_version, options;  // for the model's report
};

struct Emission {
  ModelBytes model;
  std::vector<report::StepSummary> steps;
  std::unordered_map<const ir::Node*, std::pair<int, int>> steps_of;  // first and last; nodes without a step are absent
  std::vector<report::SharedWeights> shared_weights;
  int64_t macs = 0, weight_bytes = 0;
};

// Throws ir::Problems with everything that the device cannot do, or ir::Error when the model exceeds the 2 GiB of a
// FlatBuffer.
Emission emit_model(ir::Graph& graph, const plan::Plan& plan, const EmitOptions& options);

}  // namespace linnet::emit
