#include "converter/plan/schedule.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "converter/plan/plan.hpp"

namespace linnet::plan {

using namespace linnet::ir;

namespace {

class Scheduler {
 public:
  explicit Scheduler(const Graph& graph) : graph_(graph) {
    for (const auto& node : graph.nodes()) {
      size_t waits = 0;
      for (const Value* input : inputs_of(*node)) {
        ++readers_[input];
        if (input->producer != nullptr) ++waits;
      }
      waits_[node.get()] = waits;
      if (waits == 0) ready_.push_back(node.get());
    }
  }

  std::vector<const Node*> run() {
    std::vector<const Node*> order;
    while (!ready_.empty()) {
      const auto best = std::min_element(ready_.begin(), ready_.end(),
                                         [this](const Node* a, const Node* b) { return growth(*a) < growth(*b); });
      const Node* node = *best;
      ready_.erase(best);
      order.push_back(node);
      for (const Value* input : inputs_of(*node)) --readers_[input];
      for (const Value* output : node->outputs) release_readers(*output);
    }
    return order;
  }

 private:
  const Graph& graph_;
  std::unordered_map<const Value*, size_t> readers_;
  std::unordered_map<const Node*, size_t> waits_;
  std::vector<const Node*> ready_;  // in the order in which they became ready

  static std::unordered_set<const Value*> inputs_of(const Node& node) {
    std::unordered_set<const Value*> inputs;
    for (const Value* input : node.inputs)
      if (input != nullptr && !input->constant) inputs.insert(input);
    return inputs;
  }

  static int64_t bytes(const Value& value) {
    return element_count(value.shape()) * device_element_bytes(value.type.dtype);
  }

  int64_t growth(const Node& node) const {
    int64_t result = 0;
    for (const Value* output : node.outputs) result += bytes(*output);
    for (const Value* input : inputs_of(node))
      if (readers_.at(input) == 1 && !graph_.is_output(input)) result -= bytes(*input);
    return result;
  }

  void release_readers(const Value& output) {
    std::unordered_set<const Node*> seen;
    for (const Use& use : output.uses)
      if (seen.insert(use.node).second && --waits_[use.node] == 0) ready_.push_back(use.node);
  }
};

}  // namespace

std::vector<const Node*> memory_saving_order(const Graph& graph) {
  return Scheduler(graph).run();
}

}  // namespace linnet::plan
