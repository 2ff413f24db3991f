#include "converter/ir/evaluate.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace linnet::ir {

namespace {

// The arrays of several runs that are alive at one point of the evaluation; each is released after its last use. What
// is the same in all runs is there once.
class Evaluation {
 public:
  Evaluation(const Graph& graph, const std::vector<std::vector<Array>>& runs) : graph_(graph) {
    for (const std::vector<Array>& inputs : runs) check(inputs);
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      std::vector<Array> arrays;
      arrays.reserve(runs.size());
      for (const std::vector<Array>& inputs : runs) arrays.push_back(inputs[i]);
      store(*graph.inputs[i], std::move(arrays));
    }
  }

  void run(const Tap& tap, const Visit& visit) {
    for (const auto& node : graph_.nodes()) step(*node, tap, visit);
  }

  std::vector<Array> outputs() const {
    std::vector<Array> outputs;
    outputs.reserve(graph_.outputs.size());
    for (const Value* output : graph_.outputs) outputs.push_back(find(*output, 0));
    return outputs;
  }

 private:
  const Graph& graph_;
  struct Live {
    std::vector<Array> arrays;
    size_t remaining;
  };
  std::unordered_map<const Value*, Live> live_;

  void check(const std::vector<Array>& inputs) const {
    if (inputs.size() != graph_.inputs.size())
      throw Error(fmt::format("evaluation: {} inputs given, graph {} has {}", inputs.size(), graph_.name,
                              graph_.inputs.size()));
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Value& value = *graph_.inputs[i];
      if (inputs[i].type() != value.type)
        throw Error(fmt::format("evaluation: input {} is {}, wanted {}", value.name, to_string(inputs[i].type()),
                                to_string(value.type)));
    }
  }

  size_t runs(const Value* value) const {
    return value == nullptr || value->constant ? 1 : live_.at(value).arrays.size();
  }

  const Array& find(const Value& value, size_t run) const {
    if (value.constant) return *value.constant;
    const std::vector<Array>& arrays = live_.at(&value).arrays;
    return arrays[arrays.size() == 1 ? 0 : run];
  }

  void store(const Value& value, std::vector<Array> arrays) {
    const size_t kept = graph_.is_output(&value) ? 1 : 0;
    if (value.uses.size() + kept > 0) live_[&value] = {std::move(arrays), value.uses.size() + kept};
  }

  void show(Node& node, const Visit& visit) const {
    if (node.inputs.empty() || node.inputs[0] == nullptr) return;
    const size_t count = runs(node.inputs[0]);
    std::vector<const Array*> first;
    first.reserve(count);
    for (size_t run = 0; run < count; ++run) first.push_back(&find(node.in(0), run));
    visit(node, first);
  }

  std::vector<Array> evaluated(const Node& node, size_t run) const {
    std::vector<const Array*> inputs;
    inputs.reserve(node.inputs.size());
    for (const Value* value : node.inputs) inputs.push_back(value != nullptr ? &find(*value, run) : nullptr);
    std::vector<Array> outputs = node.op->evaluate(inputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].type() != node.out(i).type)
        throw Error(fmt::format("{} ({}): evaluates to {}, inferred was {}", node.name, node.op->name(),
                                to_string(outputs[i].type()), to_string(node.out(i).type)));
    return outputs;
  }

  void step(Node& node, const Tap& tap, const Visit& visit) {
    if (visit) show(node, visit);
    size_t count = 1;
    for (const Value* value : node.inputs) count = std::max(count, runs(value));
    std::vector<std::vector<Array>> outputs(node.outputs.size());
    for (size_t run = 0; run < count; ++run) {
      std::vector<Array> arrays = evaluated(node, run);
      if (tap) tap(node, arrays);
      for (size_t i = 0; i < outputs.size(); ++i) outputs[i].push_back(std::move(arrays[i]));
    }
    for (const Value* value : node.inputs) release(value);
    for (size_t i = 0; i < outputs.size(); ++i) store(node.out(i), std::move(outputs[i]));
  }

  void release(const Value* value) {
    if (value == nullptr || value->constant) return;
    const auto entry = live_.find(value);
    if (--entry->second.remaining == 0) live_.erase(entry);
  }
};

}  // namespace

std::vector<Array> evaluate(const Graph& graph, const std::vector<Array>& inputs, const Tap& tap) {
  Evaluation evaluation(graph, {inputs});
  evaluation.run(tap, nullptr);
  return evaluation.outputs();
}

void evaluate_runs(const Graph& graph, const std::vector<std::vector<Array>>& runs, const Visit& visit) {
  Evaluation(graph, runs).run(nullptr, visit);
}

}  // namespace linnet::ir
