#include <fmt/format.h>

#include "converter/ir/graph.hpp"

namespace linnet::ir {

namespace {

// The arrays alive at one point of the evaluation; each is released after its last use.
class Evaluation {
 public:
  Evaluation(const Graph& graph, const std::vector<Array>& inputs) : graph_(graph) {
    if (inputs.size() != graph.inputs.size())
      throw Error(
          fmt::format("evaluation: {} inputs given, graph {} has {}", inputs.size(), graph.name, graph.inputs.size()));
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Value& value = *graph.inputs[i];
      if (inputs[i].type() != value.type)
        throw Error(fmt::format("evaluation: input {} is {}, wanted {}", value.name, to_string(inputs[i].type()),
                                to_string(value.type)));
      store(value, inputs[i]);
    }
  }

  std::vector<Array> run(const Tap& tap) {
    for (const auto& node : graph_.nodes()) step(*node, tap);
    std::vector<Array> outputs;
    for (const Value* output : graph_.outputs) outputs.push_back(*find(*output));
    return outputs;
  }

 private:
  const Graph& graph_;
  struct Live {
    Array array;
    size_t remaining;
  };
  std::unordered_map<const Value*, Live> live_;

  const Array* find(const Value& value) const { return value.constant ? &*value.constant : &live_.at(&value).array; }

  void store(const Value& value, Array array) {
    const size_t kept = graph_.is_output(&value) ? 1 : 0;
    if (value.uses.size() + kept > 0) live_[&value] = {std::move(array), value.uses.size() + kept};
  }

  void step(const Node& node, const Tap& tap) {
    std::vector<const Array*> inputs;
    for (const Value* value : node.inputs) inputs.push_back(value != nullptr ? find(*value) : nullptr);
    std::vector<Array> outputs = node.op->evaluate(inputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].type() != node.out(i).type)
        throw Error(fmt::format("{} ({}): evaluates to {}, inferred was {}", node.name, node.op->name(),
                                to_string(outputs[i].type()), to_string(node.out(i).type)));
    if (tap) tap(node, outputs);
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
  return Evaluation(graph, inputs).run(tap);
}

}  // namespace linnet::ir
