// What states make of a graph: a program's inputs and outputs are the graph's without those of states, and a run begins
// with what the run before left.
#pragma once

#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::ir {

// The graph's inputs and outputs without those of states, in order.
std::vector<Value*> program_inputs(const Graph& graph);
std::vector<Value*> program_outputs(const Graph& graph);

// The initial value as the state's input takes it now: passes change orders of dimensions and widths of floats.
Array initial_of(const Graph& graph, const State& state);

// Reference evaluation, run after run.
class Runs {
 public:
  explicit Runs(const Graph& graph) : graph_(graph) { reset(); }

  void reset();  // states to their initial values
  // One array per program input; returns one per program output.
  std::vector<Array> run(const std::vector<Array>& inputs, const Tap& tap = nullptr);

 private:
  const Graph& graph_;
  std::vector<Array> states_;
};

}  // namespace linnet::ir
