// Compares the graph before and after a pass by evaluating both on the same inputs.
#pragma once

#include <string>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet {

class PassChecker {
 public:
  // Remembers what the graph computes from random inputs (the same ones in every run).
  explicit PassChecker(const ir::Graph& graph);

  // Throws ir::Error naming the pass when an output differs by more than `tolerance` of its largest element. Graph
  // inputs and outputs may have changed their layout and floating type.
  void check(const ir::Graph& graph, std::string_view pass, double tolerance);

 private:
  std::vector<ir::Array> inputs_, outputs_;  // in the source's layout

  std::vector<ir::Array> run(const ir::Graph& graph) const;
};

}  // namespace linnet
