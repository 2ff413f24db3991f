#include "converter/passes/canonical.hpp"

#include "converter/ops/conv.hpp"
#include "converter/ops/depth_to_space.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

Value* reshaped(Graph& graph, Value* value, const Shape& shape, Node* before) {
  if (value->shape() == shape) return value;
  if (value->constant) return graph.add_constant(value->name, value->constant->reshaped(shape));
  ops::Reshape reshape;
  reshape.shape = shape;
  return graph.add(std::make_unique<ops::Reshape>(reshape), {value}, value->name, before)->outputs[0];
}

Value* transposed(Graph& graph, Value* value, const Permutation& permutation, Node* before) {
  ops::Transpose transpose;
  transpose.permutation = permutation;
  return graph.add(std::make_unique<ops::Transpose>(transpose), {value}, value->name, before)->outputs[0];
}

void give_operands_full_rank(Graph& graph, Node* node) {
  const size_t rank = node->out().shape().size();
  for (size_t i = 0; i < node->inputs.size(); ++i) {
    Shape shape = node->in(i).shape();
    if (shape.size() == rank) continue;
    shape.insert(shape.begin(), rank - shape.size(), 1);
    graph.set_input(node, i, reshaped(graph, node->inputs[i], shape, node));
  }
}

// The node's operator becomes `op`, whose output a Reshape brings to the shape that the node had.
void reshape_output(Graph& graph, Node* node, std::unique_ptr<Op> op) {
  Node* full = graph.add(std::move(op), node->inputs, node->name, node);
  full->sources = node->sources;
  ops::Reshape reshape;
  reshape.shape = node->out().shape();
  const Node* view = replace(graph, node, std::make_unique<ops::Reshape>(reshape), {full->outputs[0]});
  take_name(graph, full->outputs[0], view->outputs[0]);
}

template <class T>
bool keep_dimensions(Graph& graph, Node* node) {
  const T* reduction = node->as<T>();
  if (reduction == nullptr || reduction->keep_dims) return false;
  auto kept = std::make_unique<T>(*reduction);
  kept->keep_dims = true;
  reshape_output(graph, node, std::move(kept));
  return true;
}

void flatten_indices(Graph& graph, Node* node, const ops::Gather& gather) {
  auto flat = std::make_unique<ops::Gather>(gather);
  flat->indices_shape = {static_cast<int64_t>(gather.indices.size())};
  reshape_output(graph, node, std::move(flat));
}

template <class T>
bool make_channels_last(Graph& graph, Node* node) {
  const T* op = node->as<T>();
  if (op == nullptr || op->channels_last) return false;
  Permutation to_last = identity_permutation(node->out().shape().size());
  to_last.erase(to_last.begin() + 1);
  to_last.push_back(1);
  auto last = std::make_unique<T>(*op);
  last->channels_last = true;
  std::vector<Value*> inputs = node->inputs;
  constexpr size_t kResidual = 3;
  inputs[0] = transposed(graph, inputs[0], to_last, node);
  if (node->has(kResidual)) inputs[kResidual] = transposed(graph, inputs[kResidual], to_last, node);
  Node* computed = graph.add(std::move(last), inputs, node->name, node);
  computed->sources = node->sources;
  ops::Transpose back;
  back.permutation = inverse(to_last);
  Node* transpose = replace(graph, node, std::make_unique<ops::Transpose>(back), {computed->outputs[0]});
  transpose->sources.clear();
  take_name(graph, computed->outputs[0], transpose->outputs[0]);
  return true;
}

}  // namespace

void make_canonical(Graph& graph) {
  sweep(graph, [&](Node* node) {
    if (node->as<ops::Binary>() != nullptr) return give_operands_full_rank(graph, node);
    if (const auto* expand = node->as<ops::Expand>(); expand != nullptr && !expand->shape.empty())
      return give_operands_full_rank(graph, node);
    if (const auto* gather = node->as<ops::Gather>(); gather != nullptr && gather->indices_shape.size() != 1)
      return flatten_indices(graph, node, *gather);
    if (keep_dimensions<ops::Reduce>(graph, node) || keep_dimensions<ops::ArgMax>(graph, node)) return;
    if (make_channels_last<ops::Conv>(graph, node) || make_channels_last<ops::ConvTranspose>(graph, node) ||
        make_channels_last<ops::Pool>(graph, node) || make_channels_last<ops::GroupNorm>(graph, node))
      return;
    make_channels_last<ops::DepthToSpace>(graph, node);
  });
}

}  // namespace linnet::passes
