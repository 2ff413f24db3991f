#include "converter/plan/plan.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "converter/ops/slice.hpp"
#include "converter/plan/offsets.hpp"
#include "converter/plan/schedule.hpp"
#include "converter/plan/storages.hpp"

namespace linnet::plan {

using namespace linnet::ir;

int64_t device_element_bytes(const TensorType& type) {
  if (is_floating(type.dtype)) return sizeof(float);
  if (type.dtype == DType::i16 && type.quantization) return sizeof(int16_t);
  return element_bytes(type.dtype) == 1 ? 1 : sizeof(int32_t);
}

int64_t held_elements(const Value& value, const Cascades& cascades) {
  const auto rolling = cascades.rolling.find(&value);
  if (rolling == cascades.rolling.end()) return element_count(value.shape());
  return rolling->second * value.shape()[2] * value.shape()[3];
}

const Value* viewed(const Value* value) {
  while (value->producer != nullptr && value->producer->op->is_view()) value = value->producer->inputs[0];
  return value;
}

namespace {

Plan plan_order(const Graph& graph, std::vector<const Node*> order, CascadeMode mode) {
  Cascades cascades = choose_cascades(graph, order, mode);
  StorageBuilder builder(graph, std::move(order), std::move(cascades));
  builder.share();
  Plan plan = builder.plan();
  plan.lower_bound = lower_bound(plan.storages);
  plan.tensor_bytes = assign_offsets(plan.storages);
  plan.state_bytes = state_bytes(plan.storages);
  for (auto& [value, place] : plan.places) place.offset += plan.storages[place.storage].offset;
  return plan;
}

}  // namespace

void separate_outputs(Graph& graph) {
  std::unordered_set<const Value*> taken(graph.inputs.begin(), graph.inputs.end());
  const std::unordered_set<const Value*> inputs = taken;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    Value*& output = graph.outputs[i];
    const Value* source = viewed(output);
    const bool next =
        std::any_of(graph.states.begin(), graph.states.end(), [&](const State& s) { return s.output == i; });
    if (next && !source->constant && inputs.count(source) == 0) continue;
    if (!source->constant && taken.insert(source).second) continue;
    ops::Slice copy;
    copy.shape = output->shape();
    copy.starts.assign(copy.shape.size(), 0);
    copy.steps.assign(copy.shape.size(), 1);
    Node* node = graph.add(std::make_unique<ops::Slice>(copy), {output}, output->name);
    Value* separate = node->outputs[0];
    separate->source_permutation = output->source_permutation;
    const bool shared = std::count(graph.outputs.begin(), graph.outputs.end(), output) > 1;
    if (!shared && graph.is_input(output)) graph.rename(separate, output->name);
    if (!shared && !graph.is_input(output)) std::swap(separate->name, output->name);
    output = separate;
    taken.insert(separate);
  }
}

Plan plan_memory(const Graph& graph, CascadeMode mode) {
  std::vector<const Node*> order;
  for (const auto& node : graph.nodes()) order.push_back(node.get());
  std::vector<CascadeMode> modes = {mode};
  if (mode == CascadeMode::memory) modes = {CascadeMode::off, CascadeMode::speed, CascadeMode::memory};
  std::optional<Plan> best;
  for (const CascadeMode tried : modes) {
    for (const auto& nodes : {order, memory_saving_order(graph)}) {
      Plan plan = plan_order(graph, nodes, tried);
      if (!best || plan.tensor_bytes < best->tensor_bytes) best = std::move(plan);
    }
  }
  Plan plan = std::move(*best);
  if (plan.tensor_bytes > std::numeric_limits<int32_t>::max())
    throw Error(
        fmt::format("the activations need {} bytes of memory; the file format allows 2 GiB", plan.tensor_bytes));
  return plan;
}

std::vector<report::Placement> placements(const Plan& plan,
                                          const std::unordered_map<const Node*, std::pair<int, int>>& steps) {
  // The last step at or before each position.
  std::vector<int> step_at;
  int step = -1;
  for (const Node* node : plan.order) {
    const auto found = steps.find(node);
    if (found != steps.end()) step = found->second.second;
    step_at.push_back(step);
  }
  const auto step_of = [&](int position) {
    if (position < 0) return 0;
    return std::max(position < static_cast<int>(step_at.size()) ? step_at[position] : step, 0);
  };
  std::vector<const Value*> largest(plan.storages.size(), nullptr);
  for (const auto& [value, place] : plan.places) {
    const Value*& best = largest[place.storage];
    const auto key = [](const Value* v) { return std::pair(-element_count(v->shape()), std::string_view(v->name)); };
    if (best == nullptr || key(value) < key(best)) best = value;
  }
  std::vector<report::Placement> result;
  for (size_t i = 0; i < plan.storages.size(); ++i) {
    const Storage& storage = plan.storages[i];
    result.push_back({largest[i]->name, storage.offset, storage.bytes, step_of(storage.first), step_of(storage.last)});
  }
  return result;
}

}  // namespace linnet::plan
