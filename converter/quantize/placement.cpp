#include "converter/quantize/placement.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::quantize {

using namespace ir;

const std::string& key_of(const Node& node) {
  return node.out().name;
}

namespace {

constexpr const char* kAlone = "its neighbours compute with real numbers";

bool is_data(const Node& node, size_t index) {
  return node.has(index) && node.in(index).type.dtype == DType::f32 && (kind_of(node) != StepKind::layer || index == 0);
}

class Chooser {
 public:
  Chooser(const Graph& graph, const FloatReasons& reasons) : graph_(graph) {
    for (const auto& node : graph.nodes())
      if (kind_of(*node) != StepKind::other && reasons.count(key_of(*node)) == 0) chosen_.insert(node.get());
  }

  std::unordered_set<const Node*> run() {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto node = graph_.nodes().rbegin(); node != graph_.nodes().rend(); ++node)
        if (chosen_.count(node->get()) > 0 && !pays(**node)) changed = chosen_.erase(node->get()) > 0;
      changed = drop_without_layers() || changed;
    }
    return std::move(chosen_);
  }

 private:
  const Graph& graph_;
  std::unordered_set<const Node*> chosen_;

  bool reads_int8(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
      return input != nullptr && input->producer != nullptr && chosen_.count(input->producer) > 0;
    });
  }

  // Whether steps need the tensor both as int8 and as real numbers, `node` computing with int8 or not.
  bool is_converted(const Value* value, const Node& node, bool integer) const {
    const auto computes_int8 = [&](const Node* step) { return step == &node ? integer : chosen_.count(step) > 0; };
    bool both[2] = {};
    if (value->producer != nullptr) both[computes_int8(value->producer)] = true;
    for (const Use& use : value->uses) both[computes_int8(use.node)] = true;
    return both[0] && both[1];
  }

  int conversions(const Node& node, bool integer) const {
    int count = is_converted(node.outputs[0], node, integer) ? 1 : 0;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (is_data(node, i) && !node.in(i).constant) count += is_converted(node.inputs[i], node, integer) ? 1 : 0;
    return count;
  }

  // Sums, products and means beside float steps are more exact as real numbers, where that takes no more conversions.
  bool is_better_float(const Node& node) const {
    if (node.as<ops::Binary>() == nullptr && node.as<ops::Reduce>() == nullptr) return false;
    return kind_of(node) == StepKind::weak && conversions(node, true) > 0 &&
           conversions(node, false) <= conversions(node, true);
  }

  // Layers always; others where they read int8, or where int8 steps alone read them.
  bool pays(const Node& node) const {
    if (kind_of(node) == StepKind::layer) return true;
    if (is_better_float(node)) return false;
    if (reads_int8(node)) return true;
    const std::vector<Use>& uses = node.out().uses;
    return !uses.empty() && !graph_.is_output(node.outputs[0]) &&
           std::all_of(uses.begin(), uses.end(), [&](const Use& use) { return chosen_.count(use.node) > 0; });
  }

  // Steps of a connected part in which nothing has weights or sums products.
  bool drop_without_layers() {
    std::unordered_set<const Node*> fed;
    const auto spread = [&](auto begin, auto end, auto&& neighbours) {
      for (auto position = begin; position != end; ++position)
        if (const Node* node = position->get(); fed.count(node) > 0) neighbours(*node);
    };
    for (const Node* node : chosen_)
      if (kind_of(*node) == StepKind::layer || node->op->name() == "MatMul") fed.insert(node);
    for (size_t before = 0; before != fed.size();) {
      before = fed.size();
      spread(graph_.nodes().begin(), graph_.nodes().end(), [&](const Node& node) {
        for (const Use& use : node.out().uses)
          if (chosen_.count(use.node) > 0) fed.insert(use.node);
      });
      spread(graph_.nodes().rbegin(), graph_.nodes().rend(), [&](const Node& node) {
        for (const Value* input : node.inputs)
          if (input != nullptr && input->producer != nullptr && chosen_.count(input->producer) > 0)
            fed.insert(input->producer);
      });
    }
    const size_t before = chosen_.size();
    chosen_ = std::move(fed);
    return chosen_.size() != before;
  }
};

}  // namespace

std::unordered_set<const Node*> choose_nodes(const Graph& graph, FloatReasons& reasons) {
  std::unordered_set<const Node*> chosen = Chooser(graph, reasons).run();
  for (const auto& node : graph.nodes()) {
    if (chosen.count(node.get()) > 0) continue;
    const StepKind kind = kind_of(*node);
    const std::string reason = kind == StepKind::other ? obstacle_of(*node) : kAlone;
    if (!reason.empty() && kind != StepKind::moving) reasons.emplace(key_of(*node), reason);
  }
  return chosen;
}

std::optional<Quantization> fixed_quantization(const Node& node) {
  const auto* softmax = node.as<ops::Softmax>();
  if (softmax == nullptr) return std::nullopt;
  return softmax->log ? Quantization{{1.0f / 16.0f}, {127}} : Quantization{{1.0f / 256.0f}, {-128}};
}

Scales::Scales(const Graph& graph, const std::unordered_set<const Node*>& nodes, const Ranges& ranges, bool every_port)
    : graph_(graph), nodes_(nodes), ranges_(ranges) {
  for (const auto& node : graph.nodes()) {
    if (nodes.count(node.get()) == 0) continue;
    for (size_t i = 0; i < node->inputs.size(); ++i)
      if (is_data(*node, i)) add(node->inputs[i]);
    for (const Value* output : node->outputs) add(output);
    if (const auto fixed = fixed_quantization(*node)) {
      root(node->outputs[0]).fixed = true;
      root(node->outputs[0]).quantization = *fixed;
    }
  }
  if (every_port) {
    for (const auto* ports : {&graph.inputs, &graph.outputs})
      for (const Value* port : *ports)
        if (port->type.dtype == DType::f32) add(port);
  }
  join_moved();
  for (auto& [value, group] : group_)
    if (group.parent == value && !group.fixed) group.quantization = int8_quantization(group.range);
}

const Quantization& Scales::of(const Value* value) const {
  return group_.at(find(value)).quantization;
}

void Scales::add(const Value* value) {
  if (group_.count(value) == 0) group_[value] = {value, range_of(value), false, {}};
}

Range Scales::range_of(const Value* value) {
  if (const auto found = known_.find(value); found != known_.end()) return found->second;
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  if (value->constant) {
    for (const double number : value->constant->doubles()) range.add({number, number});
  } else if (const auto found = ranges_.find(value->name); found != ranges_.end()) {
    range = found->second;
  } else if (value->producer != nullptr && kind_of(*value->producer) == StepKind::moving) {
    for (const Value* input : value->producer->inputs)
      if (input != nullptr && input->type.dtype == DType::f32) range.add(range_of(input));
  } else {
    throw Error(fmt::format("tensor {} has no range", value->name));
  }
  return known_[value] = range;
}

const Value* Scales::find(const Value* value) const {
  const Value* parent = group_.at(value).parent;
  return parent == value ? value : find(parent);
}

Scales::Group& Scales::root(const Value* value) {
  return group_.at(find(value));
}

// Whether `input` may have the scale of what the node gives: no other step reads it, or the scales are nearly equal.
bool Scales::costs_nothing(const Node& node, const Value* input) const {
  constexpr double kNearlyEqual = 1.25;
  const auto& uses = input->uses;
  if (std::all_of(uses.begin(), uses.end(), [&](const Use& use) { return use.node == &node; })) return true;
  const auto width = [](const Range& range) { return std::max(range.high, 0.0) - std::min(range.low, 0.0); };
  const double all = width(group_.at(find(node.outputs[0])).range), own = width(group_.at(find(input)).range);
  return all <= kNearlyEqual * own;
}

void Scales::join(const Value* input, const Value* output) {
  Group &from = root(input), &to = root(output);
  if (&from == &to) return;
  if (from.fixed && to.fixed && from.quantization != to.quantization) return;
  to.range.add(from.range);
  if (from.fixed) {
    to.fixed = true;
    to.quantization = from.quantization;
  }
  from.parent = to.parent;
}

void Scales::join_moved() {
  for (const bool several : {false, true}) {
    for (const auto& node : graph_.nodes()) {
      if (nodes_.count(node.get()) == 0 || kind_of(*node) != StepKind::moving) continue;
      if ((node->inputs.size() > 1) != several) continue;
      for (size_t i = 0; i < node->inputs.size(); ++i) {
        if (!is_data(*node, i)) continue;
        const Value* input = node->inputs[i];
        const bool free = !root(input).fixed && !root(node->outputs[0]).fixed && costs_nothing(*node, input);
        if (!several || free) join(input, node->outputs[0]);
      }
    }
  }
}

}  // namespace linnet::quantize
