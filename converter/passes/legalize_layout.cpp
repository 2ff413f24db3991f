#include <algorithm>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reduce_axes.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/canonical.hpp"
#include "converter/passes/layout.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

Node* add_transpose(Graph& graph, Value* value, const Permutation& permutation, Node* before) {
  ops::Transpose transpose;
  transpose.permutation = permutation;
  Node* node = graph.add(std::make_unique<ops::Transpose>(transpose), {value}, value->name, before);
  node->sources.clear();
  return node;
}

// Brings the chosen layouts into the graph: every node whose layout changes gets transposes before and behind, which
// cancel where neighbours agree.
class LayoutChange {
 public:
  LayoutChange(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void apply(const LayoutChoice& choice) {
    std::vector<Node*> nodes;
    for (const auto& node : graph_.nodes())
      if (choice.nodes.count(node.get()) > 0) nodes.push_back(node.get());
    for (Node* node : nodes) change_node(node, choice.nodes.at(node));
    for (size_t i = 0; i < choice.inputs.size(); ++i) change_input(graph_.inputs[i], choice.inputs[i]);
    for (size_t i = 0; i < choice.outputs.size(); ++i) change_output(i, choice.outputs[i]);
  }

 private:
  Graph& graph_;
  PassLog& log_;

  void change_node(Node* node, const Layout& layout) {
    std::unique_ptr<Op> op;
    if (node->as<ops::Reshape>() != nullptr) {
      auto reshape = std::make_unique<ops::Reshape>();
      reshape->shape = permuted(node->out().shape(), layout.out);
      op = std::move(reshape);
    } else if (const auto* matmul = node->as<ops::MatMul>()) {
      auto product = std::make_unique<ops::MatMul>(*matmul);
      product->c_permutation =
          product->c_permutation.empty() ? layout.out : compose(product->c_permutation, layout.out);
      op = std::move(product);
    } else {
      op = in_layout(*node, layout.out);
    }
    std::vector<Value*> inputs = node->inputs;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (is_data_input(*node, i) && !is_identity(layout.in))
        inputs[i] = add_transpose(graph_, inputs[i], layout.in, node)->outputs[0];
    if (const auto* norm = node->as<ops::RowNorm>()) change_row_parameters(*norm, inputs, layout.in, node);
    Node* changed = graph_.add(std::move(op), inputs, node->name, node);
    changed->sources = node->sources;
    Node* back = add_transpose(graph_, changed->outputs[0], inverse(layout.out), node);
    absorb(graph_, back, node);
    back->sources.clear();
    take_name(graph_, changed->outputs[0], back->outputs[0]);
  }

  // Gain and shift follow the order of the normalized dimensions.
  void change_row_parameters(const ops::RowNorm& norm, std::vector<Value*>& inputs, const Permutation& permutation,
                             Node* before) {
    Permutation row(permutation.begin() + norm.axis, permutation.end());
    for (int64_t& d : row) d -= norm.axis;
    if (is_identity(row)) return;
    for (size_t i = 1; i < inputs.size(); ++i)
      if (inputs[i] != nullptr) inputs[i] = add_transpose(graph_, inputs[i], row, before)->outputs[0];
  }

  void change_input(Value* input, const Permutation& permutation) {
    if (is_identity(permutation)) return;
    log_.add("input {} is taken as {}, source dimensions {}", input->name,
             to_string(permuted(input->shape(), permutation)), fmt::join(permutation, ","));
    const std::vector<Use> uses = input->uses;
    const bool is_output = graph_.is_output(input);
    input->type.shape = permuted(input->shape(), permutation);
    input->source_permutation = permutation;
    if (uses.empty() && !is_output) return;
    Value* original = add_transpose(graph_, input, inverse(permutation), graph_.nodes().front().get())->outputs[0];
    for (const Use& use : uses) graph_.set_input(use.node, use.input, original);
    std::replace(graph_.outputs.begin(), graph_.outputs.end(), input, original);
  }

  void change_output(size_t index, const Permutation& permutation) {
    if (is_identity(permutation)) return;
    Value* output = graph_.outputs[index];
    log_.add("output {} is given as {}, source dimensions {}", output->name,
             to_string(permuted(output->shape(), permutation)), fmt::join(permutation, ","));
    Value* changed = add_transpose(graph_, output, permutation, nullptr)->outputs[0];
    changed->source_permutation = permutation;
    graph_.outputs[index] = changed;
    if (!graph_.is_output(output)) std::swap(output->name, changed->name);
  }
};

// Fits single nodes to the device: transposes that the operator behind them can do on its own, and axes that its step
// cannot work along.
class NodeFitter {
 public:
  NodeFitter(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void visit(Node* node) {
    if (node->as<ops::MatMul>() != nullptr) return absorb_operands(node);
    if (node->as<ops::Reshape>() != nullptr) return absorb_into_weights(node);
    if (node->as<ops::ScaleShift>() != nullptr) return make_last_axis(node);
    if (node->as<ops::Reduce>() != nullptr) return split_reduction(node);
  }

 private:
  Graph& graph_;
  PassLog& log_;

  void absorb_operands(Node* node) {
    for (size_t i = 0; i < 2; ++i) {
      const Node* transpose = producer_of<ops::Transpose>(node->inputs[i]);
      if (transpose == nullptr) continue;
      auto* product = node->as<ops::MatMul>();
      Permutation& own = i == 0 ? product->a_permutation : product->b_permutation;
      const Permutation& before = transpose->as<ops::Transpose>()->permutation;
      own = own.empty() ? before : compose(before, own);
      if (is_identity(own)) own.clear();
      log_.add("{} reads operand {} transposed", node->name, i);
      graph_.set_input(node, i, transpose->inputs[0]);
    }
  }

  // Transpose -> Reshape (flatten) -> Linear: the weights' columns are transposed instead.
  void absorb_into_weights(Node* node) {
    const Node* transpose = producer_of<ops::Transpose>(node->inputs[0]);
    const size_t first = first_flattened_dimension(graph_, *node);
    if (transpose == nullptr || first == node->in(0).shape().size()) return;
    const Permutation& permutation = transpose->as<ops::Transpose>()->permutation;
    for (size_t d = 0; d < first; ++d)
      if (permutation[d] != static_cast<int64_t>(d)) return;
    const Shape flattened(node->in(0).shape().begin() + static_cast<std::ptrdiff_t>(first), node->in(0).shape().end());
    Permutation columns = {0};  // of weights [n, flattened...]
    for (const int64_t d : inverse(permutation))
      if (d >= static_cast<int64_t>(first)) columns.push_back(d - static_cast<int64_t>(first) + 1);
    for (const Use& use : node->outputs[0]->uses) permute_columns(use.node, flattened, columns);
    graph_.set_input(node, 0, transpose->inputs[0]);
  }

  void permute_columns(Node* linear, const Shape& flattened, const Permutation& columns) {
    const Array& weights = *linear->in(1).constant;
    Shape unfolded = {weights.shape()[0]};
    unfolded.insert(unfolded.end(), flattened.begin(), flattened.end());
    Array moved = transposed(weights.reshaped(unfolded), columns).reshaped(weights.shape());
    log_.add("permuted the columns of {}", linear->name);
    graph_.set_input(linear, 1, graph_.add_constant(linear->in(1).name, std::move(moved)));
  }

  // The step reduces neighbouring dimensions; others take one step per run of neighbours.
  void split_reduction(Node* node) {
    using kernels::ReduceKind;
    const ops::Reduce reduce = *node->as<ops::Reduce>();
    const auto runs = ops::adjacent_runs(reduce.axes, node->in(0).shape());
    if (runs.size() < 2) return;
    if (reduce.integer) return gather_axes(node);
    const bool squares = reduce.kind == ReduceKind::SumSquare || reduce.kind == ReduceKind::L2;
    log_.add("{} reduces dimensions that are apart: {} steps", node->name, runs.size());
    Value* value = node->inputs[0];
    for (size_t i = 0; i < runs.size(); ++i) {
      ops::Reduce part;
      part.axes = runs[i];
      part.kind = reduce.kind;
      if (squares) part.kind = i == 0 ? ReduceKind::SumSquare : ReduceKind::Sum;
      if (reduce.kind == ReduceKind::L1 && i > 0) part.kind = ReduceKind::Sum;
      if (i + 1 == runs.size()) part.fused = reduce.kind == ReduceKind::L2 ? Activation{Function::Sqrt} : reduce.fused;
      Node* step = graph_.add(std::make_unique<ops::Reduce>(part), {value}, node->name, node);
      step->sources = node->sources;
      value = step->outputs[0];
    }
    if (reduce.kind == ReduceKind::L2 && reduce.fused.function != Function::Identity) {
      ops::Unary unary;
      unary.function = reduce.fused;
      value = graph_.add(std::make_unique<ops::Unary>(unary), {value}, node->name, node)->outputs[0];
    }
    absorb(graph_, value->producer, node);
  }

  // Integers are rounded once, behind the last sum.
  void gather_axes(Node* node) {
    ops::Reduce reduce = *node->as<ops::Reduce>();
    const auto rank = static_cast<int64_t>(node->in(0).shape().size());
    Permutation permutation;
    for (int64_t d = 0; d < rank; ++d)
      if (!std::binary_search(reduce.axes.begin(), reduce.axes.end(), d)) permutation.push_back(d);
    const auto kept = static_cast<int64_t>(permutation.size());
    permutation.insert(permutation.end(), reduce.axes.begin(), reduce.axes.end());
    log_.add("{} reduces dimensions that are apart: behind a transpose", node->name);
    Node* transpose = add_transpose(graph_, node->inputs[0], permutation, node);
    ops::Reshape reshape;
    reshape.shape = node->out().shape();
    for (int64_t& axis : reduce.axes) axis = kept + (&axis - reduce.axes.data());
    reduce.keep_dims = false;
    Node* step = graph_.add(std::make_unique<ops::Reduce>(reduce), {transpose->outputs[0]}, node->name, node);
    step->sources = node->sources;
    absorb(graph_, graph_.add(std::make_unique<ops::Reshape>(reshape), {step->outputs[0]}, node->name, node), node);
  }

  // The step scales along the last dimension. Otherwise: two element-wise steps, unless all channels are scaled alike.
  void make_last_axis(Node* node) {
    const auto* scale_shift = node->as<ops::ScaleShift>();
    const Shape& shape = node->out().shape();
    if (scale_shift->axis + 1 == static_cast<int64_t>(shape.size())) return;
    const auto scale = uniform_constant(node->inputs[1]), shift = uniform_constant(node->inputs[2]);
    if (scale && shift) {
      ops::ScaleShift last = *scale_shift;
      last.axis = static_cast<int64_t>(shape.size()) - 1;
      const auto vector = [&](const Value& old, double value) {
        return graph_.add_constant(old.name,
                                   Array::of_doubles({shape.back()}, std::vector<double>(shape.back(), value)));
      };
      replace(graph_, node, std::make_unique<ops::ScaleShift>(last),
              {node->inputs[0], vector(node->in(1), *scale), vector(node->in(2), *shift)});
      return;
    }
    Shape broadcast(shape.size(), 1);
    broadcast[scale_shift->axis] = shape[scale_shift->axis];
    const auto operand = [&](const Value& old) {
      return graph_.add_constant(old.name, old.constant->reshaped(broadcast));
    };
    ops::Binary multiply, add;
    multiply.function = kernels::BinaryFunction::Mul;
    add.function = kernels::BinaryFunction::Add;
    add.fused = scale_shift->fused;
    log_.add("{} scales along dimension {}: two element-wise steps", node->name, scale_shift->axis);
    Node* scaled =
        graph_.add(std::make_unique<ops::Binary>(multiply), {node->inputs[0], operand(node->in(1))}, node->name, node);
    scaled->sources = node->sources;
    replace(graph_, node, std::make_unique<ops::Binary>(add), {scaled->outputs[0], operand(node->in(2))});
  }
};

}  // namespace

void legalize_layout(Graph& graph, PassLog& log, bool keep_layout) {
  make_canonical(graph);
  PassLog details;
  simplify(graph, details);
  LayoutChange(graph, log).apply(choose_layouts(graph, keep_layout));
  fold_constants(graph, details);
  simplify(graph, details);
  NodeFitter fitter(graph, log);
  sweep(graph, [&](Node* node) { fitter.visit(node); });
  fit_recurrent(graph, log);
  simplify(graph, details);
  for (const auto& node : graph.nodes())
    if (node->as<ops::Transpose>() != nullptr)
      log.add("{} stays transposed in memory: {} to {}", node->name, to_string(node->in(0).shape()),
              to_string(node->out().shape()));
}

}  // namespace linnet::passes
