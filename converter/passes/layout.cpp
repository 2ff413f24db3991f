#include "converter/passes/layout.hpp"

#include <algorithm>
#include <deque>
#include <numeric>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/minimum_cut.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

bool is_data_input(const Node& node, size_t index) {
  constexpr size_t kResidual = 3;
  if (!node.has(index)) return false;
  if (node.as<ops::Binary>() != nullptr || node.as<ops::Concat>() != nullptr || node.as<ops::MatMul>() != nullptr)
    return true;
  return index == 0 || (index == kResidual && node.as<ops::Linear>() != nullptr);
}

std::unique_ptr<Op> in_layout(const Node& node, const Permutation& permutation) {
  if (is_identity(permutation)) return node.op->clone();
  if (const auto* expand = node.as<ops::Expand>()) {
    if (node.in(0).shape().size() != expand->shape.size()) return nullptr;
    auto result = std::make_unique<ops::Expand>();
    result->shape = permuted(expand->shape, permutation);
    return result;
  }
  if (const auto* norm = node.as<ops::RowNorm>()) {
    const auto first = permutation.begin() + norm->axis;
    return std::all_of(first, permutation.end(), [&](int64_t d) { return d >= norm->axis; }) ? norm->clone() : nullptr;
  }
  if (node.as<ops::Linear>() != nullptr)
    return permutation.back() + 1 == static_cast<int64_t>(permutation.size()) ? node.op->clone() : nullptr;
  return node.op->permuted(permutation, node);
}

Permutation through_reshape(const Shape& input, const Shape& output, const Permutation& permutation, bool forward) {
  const std::vector<Segment> runs = forward ? segments(input, output) : segments(output, input);
  std::vector<std::vector<int64_t>> blocks;  // the far dimensions of each run
  std::vector<size_t> run_of(permutation.size());
  for (size_t r = 0; r < runs.size(); ++r) {
    for (size_t d = runs[r].from_begin; d < runs[r].from_end; ++d) run_of[d] = r;
    std::vector<int64_t> block(runs[r].to_end - runs[r].to_begin);
    std::iota(block.begin(), block.end(), static_cast<int64_t>(runs[r].to_begin));
    blocks.push_back(std::move(block));
  }
  std::vector<size_t> order;  // of the runs
  for (size_t d = 0; d < permutation.size();) {
    const size_t run = run_of[permutation[d]];
    for (size_t i = runs[run].from_begin; i < runs[run].from_end; ++i, ++d)
      if (d >= permutation.size() || permutation[d] != static_cast<int64_t>(i)) return {};
    order.push_back(run);
  }
  // Runs that exist on the far side only hold dimensions of size 1; they stay behind the run they follow.
  for (size_t r = 0; r < runs.size(); ++r) {
    if (runs[r].from_begin != runs[r].from_end) continue;
    const auto before = r == 0 ? order.end() : std::find(order.begin(), order.end(), r - 1);
    order.insert(before == order.end() ? order.begin() : before + 1, r);
  }
  Permutation result;
  for (const size_t run : order) result.insert(result.end(), blocks[run].begin(), blocks[run].end());
  return result;
}

size_t first_flattened_dimension(const Graph& graph, const Node& reshape) {
  const Value& result = reshape.out();
  const size_t rank = reshape.in(0).shape().size();
  if (graph.is_output(&result) || result.uses.empty()) return rank;
  for (const Use& use : result.uses)
    if (use.node->as<ops::Linear>() == nullptr || use.input != 0 || !use.node->in(1).constant ||
        is_quantized(*use.node))
      return rank;
  const Segment last = segments(reshape.in(0).shape(), result.shape()).back();
  return last.to_end - last.to_begin == 1 && last.from_end == rank ? last.from_begin : rank;
}

namespace {

constexpr int64_t kStepCost = 256;  // of one more step, in elements transposed

enum class ItemKind { GraphInput, GraphOutput, State, Node };

// Something that reads or writes tensors in a layout.
struct Item {
  ItemKind kind;
  const Node* node = nullptr;
  bool fixed = false;  // the graph's own order only
  Layout current;
  std::vector<size_t> edges;
};

// Item `to` reads Transpose(value, relation), and item `from` writes the value.
struct Edge {
  size_t from, to;
  const Value* value;
  Permutation relation;
  size_t flattened;  // of the value read: the order among these dimensions and the following ones does not matter
  bool any_order;    // none matters
  bool any_swap;     // the order of the first two dimensions does not matter: a recurrent layer's sequence
};

class Chooser {
 public:
  Chooser(const Graph& graph, bool keep_layout) : graph_(graph), keep_layout_(keep_layout) { build(); }

  LayoutChoice run() {
    improve(seeds_of_fixed_items());
    while (improve_by_one_edge() || improve_by_one_item()) {
    }
    LayoutChoice choice;
    for (const size_t item : inputs_) choice.inputs.push_back(items_[item].current.out);
    for (const size_t item : outputs_) choice.outputs.push_back(items_[item].current.in);
    for (const Item& item : items_) {
      if (item.kind == ItemKind::Node && !(is_identity(item.current.in) && is_identity(item.current.out)))
        choice.nodes[item.node] = item.current;
    }
    return choice;
  }

 private:
  using Proposal = std::unordered_map<size_t, Layout>;

  const Graph& graph_;
  bool keep_layout_;
  std::vector<Item> items_;
  std::vector<Edge> edges_;
  std::unordered_map<const Value*, size_t> writer_;
  std::vector<size_t> inputs_, outputs_;  // the items of the graph's

  void build() {
    for (const Value* input : graph_.inputs) {
      writer_[input] = items_.size();
      inputs_.push_back(items_.size());
      items_.push_back({ItemKind::GraphInput, nullptr, keep_layout_, identity_layout({}, input->shape()), {}});
    }
    // A state is written in the order in which it is read.
    for (const State& state : graph_.states) {
      Item& item = items_[inputs_[state.input]];
      item = {ItemKind::State, nullptr, false, {item.current.out, item.current.out}, {}};
    }
    for (const auto& node : graph_.nodes()) {
      if (node->as<ops::Transpose>() != nullptr) continue;
      const size_t item = items_.size();
      const Shape in = node->inputs.empty() || node->inputs[0] == nullptr ? Shape{} : node->in(0).shape();
      items_.push_back(
          {ItemKind::Node, node.get(), node->outputs.size() != 1, identity_layout(in, node->out().shape()), {}});
      for (size_t i = 0; i < node->inputs.size(); ++i)
        if (is_data_input(*node, i)) add_edge(node->inputs[i], item, node.get());
      writer_[node->outputs[0]] = item;
      for (size_t i = 1; i < node->outputs.size(); ++i) {
        writer_[node->outputs[i]] = items_.size();
        items_.push_back({ItemKind::Node, node.get(), true, identity_layout({}, node->out(i).shape()), {}});
      }
    }
    for (const Value* output : graph_.outputs) {
      outputs_.push_back(items_.size());
      items_.push_back({ItemKind::GraphOutput, nullptr, keep_layout_, identity_layout(output->shape(), {}), {}});
    }
    for (const State& state : graph_.states) outputs_[state.output] = inputs_[state.input];
    for (size_t i = 0; i < outputs_.size(); ++i) add_edge(graph_.outputs[i], outputs_[i], nullptr);
  }

  static Layout identity_layout(const Shape& in, const Shape& out) {
    return {identity_permutation(in.size()), identity_permutation(out.size())};
  }

  void add_edge(const Value* value, size_t to, const Node* reader) {
    const size_t rank = value->shape().size();
    Permutation relation = identity_permutation(rank);
    while (const Node* transpose = producer_of<ops::Transpose>(value)) {
      relation = compose(transpose->as<ops::Transpose>()->permutation, relation);
      value = transpose->inputs[0];
    }
    if (value->constant) return;
    const bool reshape = reader != nullptr && reader->as<ops::Reshape>() != nullptr;
    const bool any_order = reader != nullptr && reader->as<ops::MatMul>() != nullptr;
    const size_t from = writer_.at(value);
    items_[from].edges.push_back(edges_.size());
    items_[to].edges.push_back(edges_.size());
    const bool any_swap = rank == 3 && (is_sequence(*value) || (reader != nullptr && reader->as<ops::Recurrent>()));
    edges_.push_back(
        {from, to, value, relation, reshape ? first_flattened_dimension(graph_, *reader) : rank, any_order, any_swap});
  }

  static bool is_sequence(const Value& value) {
    const Node* layer = producer_of<ops::Recurrent>(&value);
    return layer != nullptr && value.output_index == 0 && layer->as<ops::Recurrent>()->sequence;
  }

  // What has to be done to the tensor between two items.
  static int64_t cost(const Edge& edge, const Layout& from, const Layout& to) {
    if (edge.any_order) return 0;
    const Permutation needed = compose(inverse(from.out), compose(edge.relation, to.in));
    const Shape physical = permuted(edge.value->shape(), from.out);
    if (keeps_element_order(physical, needed)) return 0;
    if (edge.any_swap && is_free_swap(edge, physical, needed)) return 0;
    if (edge.flattened < needed.size() && is_identity(to.in)) {
      Permutation outside = needed;
      std::sort(outside.begin() + static_cast<std::ptrdiff_t>(edge.flattened), outside.end());
      if (is_identity(outside)) return 0;
    }
    return element_count(edge.value->shape()) + kStepCost;
  }

  static const ops::ScaleShift* scale_shift_of(const Item& item) {
    return item.node != nullptr ? item.node->as<ops::ScaleShift>() : nullptr;
  }

  // Whether the recurrent layer at one end can do it by reading, or writing, time and batch in the other order.
  static bool is_free_swap(const Edge& edge, const Shape& physical, const Permutation& needed) {
    const Permutation swap = {1, 0, 2};
    if (is_sequence(*edge.value)) return keeps_element_order(permuted(physical, swap), compose(swap, needed));
    return keeps_element_order(physical, compose(needed, swap));
  }

  // A scale-shift along another dimension than the last becomes two steps.
  static int64_t cost(const Item& item, const Layout& layout) {
    const auto* scale_shift = scale_shift_of(item);
    if (scale_shift == nullptr || layout.out.back() == scale_shift->axis) return 0;
    return element_count(item.node->out().shape()) + kStepCost;
  }

  int64_t total() const {
    int64_t sum = 0;
    for (const Edge& edge : edges_) sum += cost(edge, items_[edge.from].current, items_[edge.to].current);
    for (const Item& item : items_) sum += cost(item, item.current);
    return sum;
  }

  // The layout of an item that reads (or writes) in this order; nothing where it cannot.
  std::optional<Layout> layout_for(const Item& item, const Permutation& order, bool reads) const {
    if (item.fixed) return std::nullopt;
    if (item.kind == ItemKind::GraphInput) return Layout{{}, order};
    if (item.kind == ItemKind::GraphOutput) return Layout{order, {}};
    if (item.kind == ItemKind::State) return Layout{order, order};
    if (const auto* reshape = item.node->as<ops::Reshape>()) {
      const Permutation far = through_reshape(item.node->in(0).shape(), reshape->shape, order, reads);
      if (far.empty() && !(reads ? reshape->shape : item.node->in(0).shape()).empty()) return std::nullopt;
      return reads ? Layout{order, far} : Layout{far, order};
    }
    if (item.node->as<ops::MatMul>() != nullptr) {
      if (reads || order.back() + 1 != static_cast<int64_t>(order.size())) return std::nullopt;
      return Layout{item.current.in, order};
    }
    if (item.current.in.size() != item.current.out.size() || in_layout(*item.node, order) == nullptr)
      return std::nullopt;
    return Layout{order, order};
  }

  // The neighbour's layout that makes the edge free.
  std::optional<Layout> follow(const Edge& edge, const Layout& layout, bool downwards) const {
    if (edge.any_order) return std::nullopt;
    return downwards ? layout_for(items_[edge.to], compose(inverse(edge.relation), layout.out), true)
                     : layout_for(items_[edge.from], compose(edge.relation, layout.in), false);
  }

  Proposal seeds_of_fixed_items() const {
    Proposal seeds;
    for (const Edge& edge : edges_) {
      if (cost(edge, items_[edge.from].current, items_[edge.to].current) == 0) continue;
      if (const auto down = follow(edge, items_[edge.from].current, true)) seeds.try_emplace(edge.to, *down);
      if (const auto up = follow(edge, items_[edge.to].current, false)) seeds.try_emplace(edge.from, *up);
    }
    return seeds;
  }

  // Spreads layouts from the seeds to all items that can follow.
  void spread(Proposal& proposal) const {
    std::deque<size_t> queue;
    for (size_t i = 0; i < items_.size(); ++i)
      if (proposal.count(i) > 0) queue.push_back(i);
    for (; !queue.empty(); queue.pop_front()) {
      const size_t item = queue.front();
      const Layout layout = proposal.at(item);
      for (const size_t e : items_[item].edges) {
        const Edge& edge = edges_[e];
        const bool downwards = edge.from == item;
        const size_t other = downwards ? edge.to : edge.from;
        if (proposal.count(other) > 0) continue;
        if (const auto next = follow(edge, layout, downwards)) {
          proposal.emplace(other, *next);
          queue.push_back(other);
        }
      }
    }
  }

  // Lets every item take its proposed layout or keep its own, whichever is cheapest together.
  bool improve(Proposal proposal) {
    if (proposal.empty()) return false;
    spread(proposal);
    BinaryMinimizer minimizer(items_.size());
    const auto proposed = [&](size_t item) -> const Layout& {
      const auto found = proposal.find(item);
      return found != proposal.end() ? found->second : items_[item].current;
    };
    for (const Edge& edge : edges_) {
      const Layout &from = items_[edge.from].current, &to = items_[edge.to].current;
      const Layout &new_from = proposed(edge.from), &new_to = proposed(edge.to);
      if (edge.from == edge.to) continue;
      minimizer.add_cost(edge.from, edge.to, cost(edge, from, to), cost(edge, from, new_to), cost(edge, new_from, to),
                         cost(edge, new_from, new_to));
    }
    for (size_t i = 0; i < items_.size(); ++i)
      minimizer.add_cost(i, cost(items_[i], items_[i].current), cost(items_[i], proposed(i)));
    const std::vector<bool> taken = minimizer.minimize();

    const int64_t before = total();
    std::vector<Item> kept = items_;
    for (const auto& [item, layout] : proposal)
      if (taken[item]) items_[item].current = layout;
    if (total() < before) return true;
    items_ = std::move(kept);
    return false;
  }

  bool improve_by_one_item() {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (cost(items_[i], items_[i].current) == 0) continue;
      Permutation order = items_[i].current.out;
      const auto axis = std::find(order.begin(), order.end(), scale_shift_of(items_[i])->axis);
      std::rotate(axis, axis + 1, order.end());
      const auto layout = layout_for(items_[i], order, true);
      if (layout && improve({{i, *layout}})) return true;
    }
    return false;
  }

  bool improve_by_one_edge() {
    for (const Edge& edge : edges_) {
      const Layout from = items_[edge.from].current, to = items_[edge.to].current;
      if (cost(edge, from, to) == 0) continue;
      if (const auto down = follow(edge, from, true))
        if (improve({{edge.to, *down}})) return true;
      if (const auto up = follow(edge, to, false))
        if (improve({{edge.from, *up}})) return true;
    }
    return false;
  }
};

}  // namespace

LayoutChoice choose_layouts(const Graph& graph, bool keep_layout) {
  return Chooser(graph, keep_layout).run();
}

}  // namespace linnet::passes
