#include <algorithm>
#include <cmath>
#include <set>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/affine.hpp"
#include "converter/passes/norm_fit.hpp"
#include "converter/passes/norm_parameters.hpp"
#include "converter/passes/norm_views.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/reduced_views.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::NormKind;

constexpr size_t kLargestSubgraph = 24;
constexpr double kRounding = 1e-8;  // of fitted parameters

class NormRecognizer {
 public:
  NormRecognizer(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void visit(Node* node) {
    if (remove_reshapes_around_functions(graph_, log_, node) || merge_parameters(graph_, log_, node, true) ||
        merge_reshapes(graph_, log_, node))
      return;
    const auto* last = node->as<ops::Binary>();
    if (last == nullptr || !may_end(last->function)) return;
    std::vector<ReductionSubgraph> candidates = find(node);
    for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
      const std::optional<FittedNorm> norm = fit_norm(*candidate);
      if (!norm) continue;
      log_.add("{} and {} nodes before it: {}", node->name, candidate->nodes.size() - 1,
               norm->kind == NormKind::Layer ? "Layer norm"
               : norm->kind == NormKind::Rms ? "RMS norm"
                                             : "L2 normalization");
      rewrite(*candidate, node, *norm);
      return;
    }
  }

 private:
  Graph& graph_;
  PassLog& log_;

  static bool may_end(kernels::BinaryFunction function) { return function <= kernels::BinaryFunction::Div; }

  static bool belongs(const Node* node) {
    if (node == nullptr || !is_floating(node->out()) || !mergeable(*node)) return false;
    if (const auto* reduce = node->as<ops::Reduce>()) return reduce->keep_dims;
    return node->as<ops::Binary>() != nullptr || node->as<ops::Unary>() != nullptr ||
           node->as<ops::Expand>() != nullptr;
  }

  // Every subgraph that ends in `last`, depends on one variable and reduces something, smallest first.
  std::vector<ReductionSubgraph> find(Node* last) const {
    std::vector<ReductionSubgraph> result;
    std::vector<Node*> nodes;
    std::set<Value*> variables = {last->outputs[0]};
    bool reduces = false;
    for (auto position = std::next(last->position); position != graph_.nodes().begin() && !variables.empty();) {
      Node* node = (--position)->get();
      if (std::none_of(node->outputs.begin(), node->outputs.end(), [&](Value* v) { return variables.count(v) > 0; }))
        continue;
      if (nodes.size() == kLargestSubgraph || !belongs(node)) break;
      variables.erase(node->outputs[0]);
      nodes.push_back(node);
      reduces = reduces || node->as<ops::Reduce>() != nullptr;
      for (Value* value : node->inputs)
        if (!value->constant) variables.insert(value);
      if (!reduces || variables.size() != 1 || (*variables.begin())->shape() != last->out().shape()) continue;
      result.push_back({*variables.begin(), {nodes.rbegin(), nodes.rend()}});
    }
    return result;
  }

  // The subgraph's other nodes stay where something else reads them.
  void rewrite(const ReductionSubgraph& subgraph, Node* last, const FittedNorm& norm) {
    const std::vector<int64_t> axes = reduced_axes(subgraph);
    Node* result = is_image_norm(subgraph, axes, norm) ? to_group_norm(subgraph, last, axes, norm)
                                                       : to_row_norm(subgraph, last, axes, norm);
    for (const Node* node : subgraph.nodes)
      if (node != last) add_sources(result, *node);
    remove_unused(subgraph, last);
  }

  void remove_unused(const ReductionSubgraph& subgraph, const Node* last) {
    for (size_t i = subgraph.nodes.size(); i-- > 0;) {
      Node* node = subgraph.nodes[i];
      if (node == last || !node->outputs[0]->uses.empty() || graph_.is_output(node->outputs[0])) continue;
      graph_.remove(node);
    }
  }

  static bool varies_along_only(const Array& array, size_t axis) {
    for (size_t d = 0; d < array.shape().size(); ++d)
      if (d != axis && array.shape()[d] > 1) return false;
    return true;
  }

  // Statistics per image of one channel or all of them, and parameters per channel. Over whole images, and over the
  // last dimension of [N, T, D], a layer norm is meant unless the parameters tell.
  static bool is_image_norm(const ReductionSubgraph& subgraph, const std::vector<int64_t>& axes,
                            const FittedNorm& norm) {
    const auto rank = static_cast<int64_t>(subgraph.variable->shape().size());
    if (norm.kind != NormKind::Layer || rank < 3 || axes.front() < 1 || axes.front() > 2) return false;
    if (static_cast<int64_t>(axes.size()) != rank - axes.front()) return false;
    if (!varies_along_only(norm.gain, 1) || !varies_along_only(norm.shift, 1)) return false;
    return (rank > 3 && axes.front() == 2) || norm.gain.size() > 1 || norm.shift.size() > 1;
  }

  Node* to_group_norm(const ReductionSubgraph& subgraph, Node* last, const std::vector<int64_t>& axes,
                      const FittedNorm& norm) {
    const int64_t channels = subgraph.variable->shape()[1];
    ops::GroupNorm op;
    op.groups = axes.front() == 1 ? 1 : channels;
    op.epsilon = norm.epsilon;
    op.epsilon_outside = norm.epsilon_outside;
    const auto parameter = [&](const Array& array, const char* suffix) {
      std::vector<double> values = array.doubles();
      values.resize(static_cast<size_t>(channels), values[0]);
      return graph_.add_constant(last->name + suffix, Array::of_doubles({channels}, std::move(values)));
    };
    return replace(graph_, last, std::make_unique<ops::GroupNorm>(op),
                   {subgraph.variable, parameter(norm.gain, ".scale"), parameter(norm.shift, ".shift")});
  }

  // Axes that are not the last ones are transposed behind the others. Parameters that vary along other dimensions too
  // stay element-wise steps.
  Node* to_row_norm(const ReductionSubgraph& subgraph, Node* last, const std::vector<int64_t>& axes,
                    const FittedNorm& norm) {
    Value* x = subgraph.variable;
    const size_t rank = x->shape().size();
    Permutation to_last = identity_permutation(rank);
    std::stable_partition(to_last.begin(), to_last.end(),
                          [&](int64_t d) { return !std::binary_search(axes.begin(), axes.end(), d); });
    ops::RowNorm op;
    op.kind = norm.kind;
    op.axis = static_cast<int64_t>(rank - axes.size());
    op.epsilon = norm.epsilon;
    op.epsilon_outside = norm.epsilon_outside;
    std::vector<Value*> inputs = {transposed(x, to_last, last), nullptr, nullptr};
    const Shape row(inputs[0]->shape().begin() + op.axis, inputs[0]->shape().end());
    const bool plain_gain = is_uniform(norm.gain, 1.0, 1.0),
               plain_shift = is_uniform(norm.shift, 0.0, largest(norm.gain));
    const bool within = varies_within(norm.gain, axes) && varies_within(norm.shift, axes);
    if (within && !plain_gain) inputs[1] = row_parameter(last, ".gain", passes::transposed(norm.gain, to_last), row);
    if (within && !plain_shift) inputs[2] = row_parameter(last, ".shift", passes::transposed(norm.shift, to_last), row);
    while (inputs.back() == nullptr) inputs.pop_back();
    Node* node = graph_.add(std::make_unique<ops::RowNorm>(op), inputs, last->name, last);
    node->sources = last->sources;
    Value* y = transposed(node->outputs[0], inverse(to_last), last);
    if (!within && !plain_gain) y = binary(kernels::BinaryFunction::Mul, y, norm.gain, last);
    if (!within && !plain_shift) y = binary(kernels::BinaryFunction::Add, y, norm.shift, last);
    absorb(graph_, y->producer, last);
    return y->producer;
  }

  static double largest(const Array& array) {
    double result = 0.0;
    for (size_t i = 0; i < array.size(); ++i) result = std::max(result, std::abs(array.number(i)));
    return result;
  }

  static bool is_uniform(const Array& array, double value, double scale) {
    return array.size() == 1 && std::abs(array.number(0) - value) <= kRounding * scale;
  }

  static bool varies_within(const Array& array, const std::vector<int64_t>& axes) {
    for (size_t d = 0; d < array.shape().size(); ++d)
      if (array.shape()[d] > 1 && !std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(d))) return false;
    return true;
  }

  Value* row_parameter(const Node* node, const char* suffix, const Array& parameter, const Shape& row) {
    const Shape& shape = parameter.shape();
    const Shape last(shape.end() - static_cast<std::ptrdiff_t>(row.size()), shape.end());
    return graph_.add_constant(node->name + suffix, repeated(parameter.reshaped(last), row));
  }

  Value* transposed(Value* value, const Permutation& permutation, Node* before) {
    if (is_identity(permutation)) return value;
    ops::Transpose op;
    op.permutation = permutation;
    return graph_.add(std::make_unique<ops::Transpose>(op), {value}, before->name, before)->outputs[0];
  }

  Value* binary(kernels::BinaryFunction function, Value* x, const Array& operand, Node* before) {
    ops::Binary op;
    op.function = function;
    Value* constant = graph_.add_constant(before->name + ".parameter", operand);
    return graph_.add(std::make_unique<ops::Binary>(op), {x, constant}, before->name, before)->outputs[0];
  }
};

}  // namespace

void recognise_norms(Graph& graph, PassLog& log) {
  PassLog details;
  NormRecognizer recognizer(graph, log);
  const auto recognise = [&] {
    sweep(graph, [&](Node* node) { recognizer.visit(node); });
    simplify(graph, details);
  };
  recognise();
  while (reduce_before_views(graph, log)) {  // of what remains
    simplify(graph, details);
    recognise();
  }
}

}  // namespace linnet::passes
