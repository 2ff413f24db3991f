#include "converter/ir/states.hpp"

#include <algorithm>

namespace linnet::ir {

namespace {

// The state whose `port` (input or output) is the graph's number `index`, or none.
std::vector<State>::const_iterator find_state(const Graph& graph, size_t State::*port, size_t index) {
  return std::find_if(graph.states.begin(), graph.states.end(),
                      [&](const State& state) { return state.*port == index; });
}

// The elements of `list` that belong to no state.
template <class T>
std::vector<T> without_states(const Graph& graph, const std::vector<T>& list, size_t State::*port) {
  std::vector<T> result;
  for (size_t i = 0; i < list.size(); ++i)
    if (find_state(graph, port, i) == graph.states.end()) result.push_back(list[i]);
  return result;
}

}  // namespace

std::vector<Value*> program_inputs(const Graph& graph) {
  return without_states(graph, graph.inputs, &State::input);
}

std::vector<Value*> program_outputs(const Graph& graph) {
  return without_states(graph, graph.outputs, &State::output);
}

Array initial_of(const Graph& graph, const State& state) {
  const Value& input = *graph.inputs[state.input];
  Array initial = state.initial;
  if (!input.source_permutation.empty()) {
    const std::vector<int64_t> strides = row_major_strides(initial.shape());
    std::vector<int64_t> order;
    for (const int64_t d : input.source_permutation) order.push_back(strides[static_cast<size_t>(d)]);
    initial = initial.strided(input.shape(), order);
  }
  return initial.cast(input.type.dtype).with_quantization(input.type.quantization);
}

void Runs::reset() {
  states_.clear();
  for (const State& state : graph_.states) states_.push_back(initial_of(graph_, state));
}

std::vector<Array> Runs::run(const std::vector<Array>& inputs, const Tap& tap) {
  std::vector<Array> all;
  auto given = inputs.begin();
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    const auto state = find_state(graph_, &State::input, i);
    if (state == graph_.states.end() && given == inputs.end()) break;
    all.push_back(state == graph_.states.end() ? *given++
                                               : states_[static_cast<size_t>(state - graph_.states.begin())]);
  }
  const std::vector<Array> outputs = evaluate(graph_, all, tap);
  for (size_t i = 0; i < states_.size(); ++i) states_[i] = outputs[graph_.states[i].output];
  return without_states(graph_, outputs, &State::output);
}

}  // namespace linnet::ir
