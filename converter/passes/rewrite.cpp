#include "converter/passes/rewrite.hpp"

#include <algorithm>
#include <numeric>

#include "converter/ops/reshape.hpp"

namespace linnet::passes {

bool is_floating(const Value& value) {
  return ir::is_floating(value.type.dtype);
}

bool is_quantized(const Node& node) {
  const auto has_scale = [](const Value* value) { return value != nullptr && value->type.quantization.has_value(); };
  return std::any_of(node.inputs.begin(), node.inputs.end(), has_scale) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), has_scale);
}

bool single_use(const Graph& graph, const Value* value) {
  return value->uses.size() == 1 && !graph.is_output(value);
}

std::optional<double> uniform_constant(const Value* value) {
  if (value == nullptr || !value->constant || value->constant->size() == 0) return std::nullopt;
  const Array& array = *value->constant;
  const double first = array.number(0);
  for (size_t i = 1; i < array.size(); ++i)
    if (array.number(i) != first) return std::nullopt;
  return first;
}

void add_sources(Node* into, const Node& from) {
  into->sources.add(from.sources);
}

void take_name(const Graph& graph, Value* to, Value* from) {
  if (!graph.is_output(from)) std::swap(to->name, from->name);
}

Node* replace(Graph& graph, Node* node, std::unique_ptr<Op> op, std::vector<Value*> inputs) {
  Node* replacement = graph.add(std::move(op), std::move(inputs), node->name, node);
  replacement->sources = node->sources;
  const bool output = graph.is_output(node->outputs[0]);
  graph.replace_all_uses(node->outputs[0], replacement->outputs[0]);
  if (!output) std::swap(node->outputs[0]->name, replacement->outputs[0]->name);
  graph.remove(node);
  return replacement;
}

void absorb(Graph& graph, Node* into, Node* node) {
  add_sources(into, *node);
  Value* result = into->outputs[0];
  const bool output = graph.is_output(node->outputs[0]);
  graph.replace_all_uses(node->outputs[0], result);
  if (!output) std::swap(node->outputs[0]->name, result->name);
  graph.remove(node);
}

bool bypass(Graph& graph, Node* node, Value* value) {
  if (graph.is_output(node->outputs[0]) && (graph.is_input(value) || value->constant || graph.is_output(value)))
    return false;
  if (value->producer != nullptr) add_sources(value->producer, *node);
  graph.replace_all_uses(node->outputs[0], value);
  graph.remove(node);
  return true;
}

void remove_unused(Graph& graph) {
  std::vector<Node*> nodes;
  for (const auto& node : graph.nodes()) nodes.push_back(node.get());
  const auto used = [&](const Value* value) { return !value->uses.empty() || graph.is_output(value); };
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
    if (std::none_of((*node)->outputs.begin(), (*node)->outputs.end(), used)) graph.remove(*node);
  std::vector<Value*> constants;
  for (const auto& value : graph.values())
    if (value->constant && !used(value.get())) constants.push_back(value.get());
  for (Value* value : constants) graph.remove(value);
}

Permutation inverse(const Permutation& permutation) {
  Permutation result(permutation.size());
  for (size_t d = 0; d < permutation.size(); ++d) result[permutation[d]] = static_cast<int64_t>(d);
  return result;
}

Permutation compose(const Permutation& first, const Permutation& second) {
  Permutation result(second.size());
  for (size_t d = 0; d < second.size(); ++d) result[d] = first[second[d]];
  return result;
}

Permutation identity_permutation(size_t rank) {
  Permutation result(rank);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

bool is_identity(const Permutation& permutation) {
  return permutation == identity_permutation(permutation.size());
}

Shape permuted(const Shape& shape, const Permutation& permutation) {
  Shape result;
  for (const int64_t d : permutation) result.push_back(shape[d]);
  return result;
}

Array transposed(const Array& array, const Permutation& permutation) {
  ops::Transpose transpose;
  transpose.permutation = permutation;
  return transpose.evaluate({&array})[0];
}

bool keeps_element_order(const Shape& shape, const Permutation& permutation) {
  int64_t last = -1;
  for (const int64_t d : permutation) {
    if (shape[d] == 1) continue;
    if (d < last) return false;
    last = d;
  }
  return true;
}

bool swaps_first_two(const Node* node) {
  const Permutation swap = {1, 0, 2};
  if (node == nullptr || node->inputs.empty() || node->in(0).shape().size() != swap.size()) return false;
  if (const auto* transpose = node->as<ops::Transpose>()) return transpose->permutation == swap;
  return node->as<ops::Reshape>() != nullptr && keeps_element_order(node->in(0).shape(), swap) &&
         node->out().shape() == permuted(node->in(0).shape(), swap);
}

std::vector<Segment> segments(const Shape& from, const Shape& to) {
  const size_t m = from.size(), n = to.size();
  if (element_count(from) == 0) return {{0, m, 0, n}};
  std::vector<Segment> result;
  for (size_t i = 0, j = 0; i < m || j < n;) {
    Segment segment{i, i, j, j};
    if (i < m && from[i] == 1 && (j == n || to[j] != 1)) {
      ++i;
    } else if (j < n && to[j] == 1 && (i == m || from[i] != 1)) {
      ++j;
    } else {
      int64_t from_count = from[i++], to_count = to[j++];
      while (from_count != to_count) {
        if (from_count < to_count)
          from_count *= from[i++];
        else
          to_count *= to[j++];
      }
    }
    segment.from_end = i;
    segment.to_end = j;
    result.push_back(segment);
  }
  return result;
}

}  // namespace linnet::passes
