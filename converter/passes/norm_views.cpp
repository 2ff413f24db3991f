#include "converter/passes/norm_views.hpp"

#include <algorithm>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::passes {

namespace {

using kernels::NormKind;
using Values = std::vector<double>;

constexpr size_t kScale = 1, kShift = 2;

bool has_activation(const Node& node) {
  return node.op->activation()->function != Function::Identity;
}

// The input that a function of one variable reads: of a Unary, or of a Binary whose other input is one number.
std::optional<size_t> only_variable(const Node& node) {
  if (node.as<ops::Unary>() != nullptr) return 0;
  if (node.as<ops::Binary>() == nullptr) return std::nullopt;
  for (const size_t x : {size_t{0}, size_t{1}}) {
    const Value &other = node.in(1 - x), &variable = node.in(x);
    if (other.constant && other.constant->size() == 1 && variable.shape() == node.out().shape()) return x;
  }
  return std::nullopt;
}

// A normalization of rows of adjacent elements, with one scale and shift for each.
struct Rows {
  double epsilon = 0.0;
  bool epsilon_outside = false;
  Values scale, shift;  // one per row
};

std::optional<Rows> rows_of_layer_norm(const Node& node, const ops::RowNorm& norm) {
  double parameters[] = {1.0, 0.0};
  for (const size_t i : {kScale, kShift}) {
    if (!node.has(i)) continue;
    const std::optional<double> value = uniform_constant(node.inputs[i]);
    if (!value) return std::nullopt;
    parameters[i - 1] = *value;
  }
  const Shape& shape = node.out().shape();
  const auto rows = static_cast<size_t>(element_count(Shape(shape.begin(), shape.begin() + norm.axis)));
  return Rows{norm.epsilon, norm.epsilon_outside, Values(rows, parameters[0]), Values(rows, parameters[1])};
}

// One number per row; nothing where the channels of a group differ.
std::optional<Values> per_row(const Array& parameter, int64_t images, int64_t groups) {
  const Values channels = parameter.doubles();
  const size_t width = channels.size() / static_cast<size_t>(groups);
  Values image;
  for (size_t c = 0; c < channels.size(); c += width) {
    if (std::any_of(&channels[c], &channels[c] + width, [&](double v) { return v != channels[c]; }))
      return std::nullopt;
    image.push_back(channels[c]);
  }
  Values rows;
  for (int64_t n = 0; n < images; ++n) rows.insert(rows.end(), image.begin(), image.end());
  return rows;
}

std::optional<Rows> as_rows(const Node& node) {
  const auto* row = node.as<ops::RowNorm>();
  if (row != nullptr) return row->kind == NormKind::Layer ? rows_of_layer_norm(node, *row) : std::nullopt;
  const auto& group = *node.as<ops::GroupNorm>();
  const int64_t images = node.out().shape()[0];
  const auto scale = per_row(*node.in(kScale).constant, images, group.groups),
             shift = per_row(*node.in(kShift).constant, images, group.groups);
  if (!scale || !shift) return std::nullopt;
  return Rows{group.epsilon, group.epsilon_outside, *scale, *shift};
}

// The norm's groups in another view: unconnected, with one scale and shift per channel.
struct Groups {
  ops::GroupNorm op;
  Values scale, shift;
};

// Nothing where the parameters differ between images.
std::optional<Values> per_channel(const Values& rows, size_t groups, size_t channels) {
  Values result;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r] != rows[r % groups]) return std::nullopt;
    if (r < groups) result.insert(result.end(), channels / groups, rows[r]);
  }
  return result;
}

std::optional<Groups> in_groups(const Node& norm, const Shape& from, const Shape& to) {
  const std::optional<Rows> rows = as_rows(norm);
  if (!rows || to[0] == 0 || rows->scale.size() % static_cast<size_t>(to[0]) != 0) return std::nullopt;
  const size_t groups = rows->scale.size() / static_cast<size_t>(to[0]), channels = static_cast<size_t>(to[1]);
  if (channels % groups != 0) return std::nullopt;
  // Of rows alone, groups are made where they are groups of something.
  if (norm.as<ops::RowNorm>() != nullptr && channels == groups && (from != to || to.size() < 4)) return std::nullopt;
  const auto scale = per_channel(rows->scale, groups, channels), shift = per_channel(rows->shift, groups, channels);
  if (!scale || !shift) return std::nullopt;
  Groups result{{}, *scale, *shift};
  result.op.groups = static_cast<int64_t>(groups);
  result.op.epsilon = rows->epsilon;
  result.op.epsilon_outside = rows->epsilon_outside;
  return result;
}

// A view that leaves images and channels as they are.
std::optional<Groups> of_same_channels(const Node& norm, const Shape& to) {
  const auto* group = norm.as<ops::GroupNorm>();
  const Shape& shape = norm.out().shape();
  if (group == nullptr || shape[0] != to[0] || shape[1] != to[1]) return std::nullopt;
  return Groups{*group, norm.in(kScale).constant->doubles(), norm.in(kShift).constant->doubles()};
}

bool is_mergeable(const Node* norm) {
  if (norm == nullptr || (norm->as<ops::RowNorm>() == nullptr && norm->as<ops::GroupNorm>() == nullptr)) return false;
  for (const size_t i : {kScale, kShift})
    if (norm->has(i) && !norm->in(i).constant) return false;
  const auto* group = norm->as<ops::GroupNorm>();
  return !has_activation(*norm) && (group == nullptr || !group->channels_last);
}

void remove_if_unused(Graph& graph, Node* node) {
  if (node->outputs[0]->uses.empty() && !graph.is_output(node->outputs[0])) graph.remove(node);
}

}  // namespace

bool remove_reshapes_around_functions(Graph& graph, PassLog& log, Node* node) {
  if (node->as<ops::Reshape>() == nullptr) return false;
  std::vector<Node*> functions;  // last first
  Value* value = node->inputs[0];
  while (single_use(graph, value) && value->producer != nullptr && only_variable(*value->producer)) {
    functions.push_back(value->producer);
    value = value->producer->inputs[*only_variable(*value->producer)];
  }
  Node* before = producer_of<ops::Reshape>(value);
  if (functions.empty() || before == nullptr || before->in(0).shape() != node->out().shape()) return false;
  log.add("{} takes back what {} did to the shape", node->name, before->name);
  value = before->inputs[0];
  for (auto function = functions.rbegin(); function != functions.rend(); ++function) {
    std::vector<Value*> inputs = (*function)->inputs;
    const size_t x = *only_variable(**function);
    inputs[x] = value;
    // The number gives no dimensions to the new shape.
    if (inputs.size() == 2 && inputs[1 - x]->shape().size() > value->shape().size())
      inputs[1 - x] = graph.add_constant(inputs[1 - x]->name, inputs[1 - x]->constant->reshaped({}));
    value = graph.add((*function)->op->clone(), inputs, (*function)->name, node)->outputs[0];
    add_sources(value->producer, **function);
  }
  absorb(graph, value->producer, node);
  for (Node* function : functions) graph.remove(function);
  remove_if_unused(graph, before);
  return true;
}

bool merge_reshapes(Graph& graph, PassLog& log, Node* node) {
  if (node->as<ops::Reshape>() == nullptr || !is_mergeable(node->inputs[0]->producer)) return false;
  Node* norm = node->inputs[0]->producer;
  Node* before = producer_of<ops::Reshape>(norm->inputs[0]);
  if (before == nullptr || !single_use(graph, norm->outputs[0])) return false;
  const Shape &from = before->in(0).shape(), &to = node->out().shape();
  if (to.size() < 2 || from.empty() || from[0] != to[0]) return false;
  std::optional<Groups> groups = of_same_channels(*norm, to);
  if (!groups) groups = in_groups(*norm, from, to);
  if (!groups) return false;
  log.add("{} is in groups between {} and {}", norm->name, before->name, node->name);
  Value* x = before->inputs[0];
  if (from != to) {
    ops::Reshape reshape;
    reshape.shape = to;
    x = graph.add(std::make_unique<ops::Reshape>(reshape), {x}, before->name, node)->outputs[0];
  }
  const auto parameter = [&](const char* suffix, Values& values) {
    return graph.add_constant(norm->name + suffix, Array::of_doubles({to[1]}, std::move(values)));
  };
  Value *scale = parameter(".scale", groups->scale), *shift = parameter(".shift", groups->shift);
  add_sources(replace(graph, node, std::make_unique<ops::GroupNorm>(groups->op), {x, scale, shift}), *norm);
  graph.remove(norm);
  remove_if_unused(graph, before);
  return true;
}

}  // namespace linnet::passes
