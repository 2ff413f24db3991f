#include "converter/passes/reduced_views.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::passes {

namespace {

// A view whose every dimension is one or several neighbouring dimensions of the tensor.
struct View {
  Shape from, to;
  std::vector<Segment> runs;  // one per dimension of `to`
};

std::optional<View> as_view(const Node& reshape) {
  View view{reshape.in(0).shape(), reshape.out().shape(), {}};
  view.runs = segments(view.from, view.to);
  if (view.from.size() <= view.to.size() || view.runs.size() != view.to.size()) return std::nullopt;
  for (const Segment& run : view.runs)
    if (run.to_end - run.to_begin != 1 || run.from_end == run.from_begin) return std::nullopt;
  return view;
}

bool is_function(const Node* node) {
  return node != nullptr && (node->as<ops::Unary>() != nullptr || node->as<ops::Binary>() != nullptr);
}

// The same functions of the tensor, in place of those of the view.
class BeforeView {
 public:
  BeforeView(Graph& graph, View view, Node* before) : graph_(graph), view_(std::move(view)), before_(before) {}

  bool exists(const Value* value) {
    if (is_number(value) || is_view(value) || is_statistic(value)) return true;
    const Node* node = value->producer;
    if (!is_function(node) || value->shape() != view_.to) return false;
    if (const auto known = exists_.find(value); known != exists_.end()) return known->second;
    const bool found = std::all_of(node->inputs.begin(), node->inputs.end(), [this](Value* v) { return exists(v); });
    return exists_[value] = found;
  }

  Value* make(Value* value) {
    if (is_number(value)) return value;
    if (is_view(value)) return value->producer->inputs[0];
    Value*& made = made_[value];
    if (made != nullptr) return made;
    if (is_statistic(value)) return made = reshaped(value);
    std::vector<Value*> inputs;
    for (Value* input : value->producer->inputs) inputs.push_back(make(input));
    const Node* function = value->producer;
    Node* node = graph_.add(function->op->clone(), std::move(inputs), function->name, before_);
    node->sources = function->sources;
    return made_[value] = node->outputs[0];
  }

 private:
  Graph& graph_;
  View view_;
  Node* before_;
  std::unordered_map<const Value*, Value*> made_;
  std::unordered_map<const Value*, bool> exists_;

  static bool is_number(const Value* value) { return value->constant && value->constant->size() == 1; }

  bool is_view(const Value* value) const {
    const Node* reshape = producer_of<ops::Reshape>(value);
    return reshape != nullptr && value->shape() == view_.to && reshape->in(0).shape() == view_.from;
  }

  // Of one element along every dimension that merges others.
  bool is_statistic(const Value* value) const {
    const Shape& shape = value->shape();
    if (shape.size() != view_.to.size()) return false;
    for (size_t d = 0; d < shape.size(); ++d)
      if (view_.runs[d].from_end - view_.runs[d].from_begin > 1 && shape[d] != 1) return false;
    return true;
  }

  Value* reshaped(Value* statistic) {
    ops::Reshape reshape;
    for (size_t d = 0; d < view_.runs.size(); ++d)
      reshape.shape.resize(view_.runs[d].from_end, d < view_.to.size() ? statistic->shape()[d] : 1);
    return graph_.add(std::make_unique<ops::Reshape>(reshape), {statistic}, statistic->name, before_)->outputs[0];
  }
};

// A Reshape that functions of a view come from.
const Node* find_view(const Value* value) {
  const Shape shape = value->shape();
  std::vector<const Value*> pending = {value};
  std::unordered_set<const Value*> seen;
  while (!pending.empty()) {
    const Value* current = pending.back();
    pending.pop_back();
    const Node* node = current->producer;
    if (node == nullptr || current->shape() != shape || !seen.insert(current).second) continue;
    if (node->as<ops::Reshape>() != nullptr) return node;
    if (is_function(node)) pending.insert(pending.end(), node->inputs.begin(), node->inputs.end());
  }
  return nullptr;
}

bool visit(Graph& graph, PassLog& log, Node* node) {
  const auto* reduce = node->as<ops::Reduce>();
  if (reduce == nullptr || !reduce->keep_dims || !is_floating(node->out())) return false;
  const Node* reshape = find_view(node->inputs[0]);
  const std::optional<View> view = reshape != nullptr ? as_view(*reshape) : std::nullopt;
  if (!view) return false;
  BeforeView before(graph, *view, node);
  if (!before.exists(node->inputs[0])) return false;
  log.add("{} reduces what {} merges", node->name, reshape->name);
  auto wider = std::make_unique<ops::Reduce>(*reduce);
  wider->axes.clear();
  for (const int64_t axis : reduce->axes) {
    const Segment& run = view->runs[static_cast<size_t>(axis)];
    for (size_t d = run.from_begin; d < run.from_end; ++d) wider->axes.push_back(static_cast<int64_t>(d));
  }
  Value* x = before.make(node->inputs[0]);
  Node* reduced = graph.add(std::move(wider), {x}, node->name, node);
  reduced->sources = node->sources;
  ops::Reshape back;
  back.shape = node->out().shape();
  replace(graph, node, std::make_unique<ops::Reshape>(back), {reduced->outputs[0]});
  return true;
}

}  // namespace

bool reduce_before_views(Graph& graph, PassLog& log) {
  bool changed = false;
  sweep(graph, [&](Node* node) { changed = visit(graph, log, node) || changed; });
  return changed;
}

}  // namespace linnet::passes
