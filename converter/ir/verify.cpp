#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "converter/ir/graph.hpp"

namespace linnet::ir {

namespace {

class Verifier {
 public:
  Verifier(const Graph& graph, std::string_view pass) : graph_(graph), pass_(pass) {}

  void run() {
    for (const auto& value : graph_.values()) values_.insert(value.get());
    for (const auto& node : graph_.nodes()) nodes_.insert(node.get());
    for (const Value* input : graph_.inputs) check_input(input);
    for (const auto& value : graph_.values()) check_value(*value);
    for (const auto& node : graph_.nodes()) check_node(*node);
    check_uses();
    for (const Value* output : graph_.outputs) check_output(output);
    for (const State& state : graph_.states) check_state(state);
  }

 private:
  const Graph& graph_;
  std::string_view pass_;
  std::unordered_set<const Value*> values_, inputs_;
  std::unordered_set<const Node*> nodes_;
  std::unordered_set<const Node*> seen_;
  std::unordered_map<std::string_view, const Value*> names_;
  std::unordered_set<size_t> state_inputs_, state_outputs_;

  template <class... T>
  [[noreturn]] void fail(fmt::format_string<T...> text, T&&... arguments) const {
    throw Error(fmt::format("the graph is inconsistent after pass {}: {}", pass_,
                            fmt::format(text, std::forward<T>(arguments)...)));
  }

  void check_input(const Value* input) {
    if (values_.count(input) == 0) fail("a graph input is not a tensor of the graph");
    if (!inputs_.insert(input).second) fail("tensor {} is a graph input twice", input->name);
    if (input->producer != nullptr || input->constant) fail("graph input {} is also computed or constant", input->name);
  }

  void check_value(const Value& value) {
    if (value.name.empty()) fail("a tensor of type {} has no name", to_string(value.type));
    const auto [named, added] = names_.try_emplace(value.name, &value);
    if (!added && !(inputs_.count(named->second) > 0 && graph_.is_output(&value)))
      fail("tensor name {} is used twice", value.name);
    if (value.constant && value.producer != nullptr)
      fail("tensor {} is constant and also computed by {}", value.name, value.producer->name);
    if (value.constant && value.constant->type() != value.type)
      fail("constant {} has type {}, its elements {}", value.name, to_string(value.type),
           to_string(value.constant->type()));
    if (!value.constant && value.producer == nullptr && inputs_.count(&value) == 0)
      fail("tensor {} is neither a graph input, nor constant, nor computed", value.name);
    if (value.producer == nullptr) return;
    if (nodes_.count(value.producer) == 0) fail("tensor {} is computed by a node that is not in the graph", value.name);
    const auto& outputs = value.producer->outputs;
    if (value.output_index >= outputs.size() || outputs[value.output_index] != &value)
      fail("tensor {} is not output {} of its producer {}", value.name, value.output_index, value.producer->name);
  }

  void check_node(const Node& node) {
    if (node.op == nullptr) fail("node {} has no operator", node.name);
    if (node.position->get() != &node) fail("node {} does not know its place", node.name);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Value* input = node.inputs[i];
      if (input == nullptr) continue;
      if (values_.count(input) == 0) fail("input {} of node {} is not a tensor of the graph", i, node.name);
      if (input->producer != nullptr && seen_.count(input->producer) == 0)
        fail("node {} reads {} before {} computes it", node.name, input->name, input->producer->name);
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value* output = node.outputs[i];
      if (values_.count(output) == 0) fail("output {} of node {} is not a tensor of the graph", i, node.name);
      if (output->producer != &node) fail("output {} of node {} does not name it as producer", output->name, node.name);
    }
    check_types(node);
    seen_.insert(&node);
  }

  void check_types(const Node& node) const {
    std::vector<TensorType> types;
    try {
      types = infer_types(*node.op, node.inputs);
    } catch (const Error& error) {
      fail("node {} ({}): {}", node.name, node.op->name(), error.what());
    }
    if (types.size() != node.outputs.size())
      fail("node {} has {} outputs, {} are inferred", node.name, node.outputs.size(), types.size());
    for (size_t i = 0; i < types.size(); ++i)
      if (types[i] != node.out(i).type)
        fail("tensor {} has type {}, node {} ({}) infers {}", node.out(i).name, to_string(node.out(i).type), node.name,
             node.op->name(), to_string(types[i]));
  }

  void check_uses() const {
    size_t reads = 0, uses = 0;
    for (const auto& node : graph_.nodes())
      reads += static_cast<size_t>(
          std::count_if(node->inputs.begin(), node->inputs.end(), [](const Value* v) { return v != nullptr; }));
    for (const auto& value : graph_.values()) {
      std::unordered_map<const Node*, std::unordered_set<size_t>> seen;
      for (const Use& use : value->uses) {
        ++uses;
        if (nodes_.count(use.node) == 0) fail("tensor {} is used by a node that is not in the graph", value->name);
        if (!use.node->has(use.input) || use.node->inputs[use.input] != value.get())
          fail("tensor {} lists node {} input {} as a use, which reads another tensor", value->name, use.node->name,
               use.input);
        if (!seen[use.node].insert(use.input).second)
          fail("tensor {} lists node {} input {} twice", value->name, use.node->name, use.input);
      }
    }
    if (reads != uses) fail("{} node inputs are connected, but {} uses are listed", reads, uses);
  }

  void check_output(const Value* output) const {
    if (values_.count(output) == 0) fail("a graph output is not a tensor of the graph");
  }

  void check_state(const State& state) {
    if (state.input >= graph_.inputs.size() || state.output >= graph_.outputs.size())
      fail("a state is input {} of {} and output {} of {}", state.input, graph_.inputs.size(), state.output,
           graph_.outputs.size());
    const Value &input = *graph_.inputs[state.input], &output = *graph_.outputs[state.output];
    if (!state_inputs_.insert(state.input).second || !state_outputs_.insert(state.output).second)
      fail("two states are input {} or output {}", input.name, output.name);
    if (input.type != output.type || input.source_permutation != output.source_permutation)
      fail("state {} is {} and becomes {}, {}{}", input.name, to_string(input.type), output.name,
           to_string(output.type), input.type == output.type ? " in another order" : "");
    Shape source = input.shape();
    for (size_t d = 0; d < input.source_permutation.size(); ++d)
      source[static_cast<size_t>(input.source_permutation[d])] = input.shape()[d];
    if (state.initial.shape() != source)
      fail("state {} is {} and at first {}", input.name, to_string(source), to_string(state.initial.shape()));
  }
};

}  // namespace

void verify(const Graph& graph, std::string_view after_pass) {
  Verifier(graph, after_pass).run();
}

}  // namespace linnet::ir
