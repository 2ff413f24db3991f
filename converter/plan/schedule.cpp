#include "converter/plan/schedule.hpp"

#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

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
    }
    for (const auto& node : graph.nodes())
      if (waits_.at(node.get()) == 0) add_ready(node.get());
  }

  std::vector<const Node*> run() {
    std::vector<const Node*> order;
    while (!ready_.empty()) {
      const Node* node = ready_.begin()->node;
      ready_.erase(ready_.begin());
      entries_.erase(node);
      order.push_back(node);
      for (const Value* input : inputs_of(*node))
        if (--readers_[input] == 1) refresh_readers(*input);
      for (const Value* output : node->outputs) release_readers(*output);
    }
    return order;
  }

 private:
  struct Ready {
    int64_t growth;  // of the bytes alive
    size_t number;   // in the order in which nodes became ready
    const Node* node;
    bool operator<(const Ready& other) const {
      return std::pair(growth, number) < std::pair(other.growth, other.number);
    }
  };

  const Graph& graph_;
  std::unordered_map<const Value*, size_t> readers_;
  std::unordered_map<const Node*, size_t> waits_;
  std::set<Ready> ready_;
  std::unordered_map<const Node*, Ready> entries_;  // of the nodes in ready_
  size_t number_ = 0;

  static std::unordered_set<const Value*> inputs_of(const Node& node) {
    std::unordered_set<const Value*> inputs;
    for (const Value* input : node.inputs)
      if (input != nullptr && !input->constant) inputs.insert(input);
    return inputs;
  }

  static int64_t bytes(const Value& value) { return element_count(value.shape()) * device_element_bytes(value.type); }

  int64_t growth(const Node& node) const {
    int64_t result = 0;
    for (const Value* output : node.outputs) result += bytes(*output);
    for (const Value* input : inputs_of(node))
      if (readers_.at(input) == 1 && !graph_.is_output(input)) result -= bytes(*input);
    return result;
  }

  void add_ready(const Node* node) {
    const Ready entry{growth(*node), number_++, node};
    ready_.insert(entry);
    entries_[node] = entry;
  }

  // The one that is left of the value's readers may free it.
  void refresh_readers(const Value& value) {
    for (const Use& use : value.uses) {
      const auto found = entries_.find(use.node);
      if (found == entries_.end()) continue;
      Ready& entry = found->second;
      ready_.erase(entry);
      entry.growth = growth(*use.node);
      ready_.insert(entry);
    }
  }

  void release_readers(const Value& output) {
    std::unordered_set<const Node*> seen;
    for (const Use& use : output.uses)
      if (seen.insert(use.node).second && --waits_[use.node] == 0) add_ready(use.node);
  }
};

}  // namespace

std::vector<const Node*> memory_saving_order(const Graph& graph) {
  return Scheduler(graph).run();
}

}  // namespace linnet::plan
