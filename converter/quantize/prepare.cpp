#include "converter/quantize/prepare.hpp"

#include <algorithm>

#include "converter/ops/concat.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/resize.hpp"

namespace linnet::quantize {

using namespace ir;
using kernels::BinaryFunction;
using kernels::PoolKind;
using kernels::ReduceKind;

namespace {

constexpr size_t kWeights = 1, kBias = 2, kResidual = 3, kFactors = 4;

bool is_constant(const Node& node, size_t index) {
  return !node.has(index) || node.in(index).constant.has_value();
}

bool computes_floats(const Node& node) {
  const auto real = [](const Value* value) { return value == nullptr || value->type.dtype == DType::f32; };
  return std::all_of(node.inputs.begin(), node.inputs.end(), real) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), real);
}

bool moves(const Node& node) {
  const auto* pad = node.as<ops::Pad>();
  const auto* resample = node.as<ops::Resample>();
  if (resample != nullptr) return is_mean(*resample);
  if (pad != nullptr) return pad->mode != ops::PadMode::Constant || pad->value == 0.0;
  return node.as<ops::Reshape>() != nullptr || node.as<ops::Transpose>() != nullptr ||
         node.as<ops::Slice>() != nullptr || node.as<ops::Concat>() != nullptr || node.as<ops::Gather>() != nullptr;
}

StepKind kind_of_binary(const Node& node, BinaryFunction function) {
  if (is_constant(node, 0) && is_constant(node, 1)) return StepKind::other;
  switch (function) {
    case BinaryFunction::Add:
    case BinaryFunction::Sub:
    case BinaryFunction::Mul:
    case BinaryFunction::PRelu:
      return StepKind::weak;
    case BinaryFunction::Max:
    case BinaryFunction::Min:
      return StepKind::moving;
    default:
      return StepKind::other;
  }
}

StepKind kind_of_reduction(ReduceKind kind) {
  if (kind == ReduceKind::Mean || kind == ReduceKind::Sum) return StepKind::weak;
  return kind == ReduceKind::Max || kind == ReduceKind::Min ? StepKind::moving : StepKind::other;
}

bool is_clamp(const Activation& activation) {
  return activation.function == Function::Identity || activation.function == Function::Relu ||
         activation.function == Function::Clip;
}

}  // namespace

StepKind kind_of(const Node& node) {
  if (!computes_floats(node)) return StepKind::other;
  if (moves(node)) return StepKind::moving;
  if (const auto* conv = node.as<ops::Conv>()) {
    const bool plain = conv->moment_rows == 0 && conv->winograd == 0 && !node.has(kFactors) && conv->channels_last;
    return plain && is_constant(node, kWeights) && is_constant(node, kBias) ? StepKind::layer : StepKind::other;
  }
  if (const auto* conv = node.as<ops::ConvTranspose>()) {
    const bool constant = is_constant(node, kWeights) && is_constant(node, kBias);
    return constant && conv->channels_last ? StepKind::layer : StepKind::other;
  }
  if (node.as<ops::Linear>() != nullptr)
    return is_constant(node, kWeights) && is_constant(node, kBias) ? StepKind::layer : StepKind::other;
  if (node.as<ops::MatMul>() != nullptr || node.as<ops::Softmax>() != nullptr) return StepKind::weak;
  if (const auto* binary = node.as<ops::Binary>()) return kind_of_binary(node, binary->function);
  if (const auto* unary = node.as<ops::Unary>())
    return unary->function.function == Function::Neg ? StepKind::other : StepKind::weak;
  if (const auto* reduce = node.as<ops::Reduce>()) return kind_of_reduction(reduce->kind);
  if (const auto* pool = node.as<ops::Pool>())
    return pool->kind == PoolKind::Average && pool->count_include_pad ? StepKind::other : StepKind::moving;
  return StepKind::other;
}

std::optional<size_t> output_dimension(const Node& layer) {
  const auto* transposed = layer.as<ops::ConvTranspose>();
  if (transposed == nullptr) return 0;
  return transposed->groups == 1 ? std::optional<size_t>(1) : std::nullopt;
}

int64_t outputs_of(const Node& layer) {
  return layer.out().shape().back();
}

std::string obstacle_of(const Node& node) {
  const auto real = [](const Value* value) { return value != nullptr && ir::is_floating(value->type.dtype); };
  const bool computes = std::any_of(node.outputs.begin(), node.outputs.end(), real);
  if (kind_of(node) != StepKind::other || !computes) return "";
  return fmt::format("{} has no int8 step", node.op->name());
}

Node* softmax_of(const Graph& graph, const Node& product) {
  const auto* op = product.as<ops::MatMul>();
  if (op == nullptr || op->scale <= 0 || op->fused.function != Function::Identity) return nullptr;
  if (!passes::single_use(graph, product.outputs[0])) return nullptr;
  Node* reader = product.out().uses.front().node;
  return reader->as<ops::Softmax>() != nullptr ? reader : nullptr;
}

namespace {

class Splitter {
 public:
  Splitter(Graph& graph, passes::PassLog& log) : graph_(graph), log_(log) {}

  void run() {
    passes::sweep(graph_, [this](Node* node) {
      if (kind_of(*node) == StepKind::other) return;
      split_residual(node) || split_factor(node) || split_activation(node);
    });
  }

 private:
  Graph& graph_;
  passes::PassLog& log_;

  Value* plain(Node* node, std::unique_ptr<Op> op, std::vector<Value*> inputs) {
    Node* added = graph_.add(std::move(op), std::move(inputs), node->name, node);
    added->sources = node->sources;
    added->origin = node->origin;
    return added->outputs[0];
  }

  // y = act(layer + residual): the activation goes with the sum.
  bool split_residual(Node* node) {
    if (kind_of(*node) != StepKind::layer || !node->has(kResidual)) return false;
    ops::Binary sum;
    std::unique_ptr<Op> layer = node->op->clone();
    std::swap(sum.fused, *layer->activation());
    Value* residual = node->inputs[kResidual];
    Value* product = plain(node, std::move(layer), {node->inputs.begin(), node->inputs.begin() + kResidual});
    log_.add("the residual sum of {} is a step of its own", node->name);
    split_activation(passes::replace(graph_, node, std::make_unique<ops::Binary>(sum), {product, residual}));
    return true;
  }

  bool split_factor(Node* node) {
    const auto* scaled = node->as<ops::MatMul>();
    if (scaled == nullptr || scaled->scale == 1.0) return false;
    if (softmax_of(graph_, *node) != nullptr) return false;
    auto op = std::make_unique<ops::MatMul>(*scaled);
    const double factor = op->scale;
    op->scale = 1.0;
    log_.add("the factor of {} is a step of its own", node->name);
    ops::Binary product;
    product.function = BinaryFunction::Mul;
    std::swap(product.fused, op->fused);
    Value* constant = graph_.add_constant(node->name + ".factor", Array::scalar(factor));
    Value* matrix = plain(node, std::move(op), node->inputs);
    split_activation(passes::replace(graph_, node, std::make_unique<ops::Binary>(product), {matrix, constant}));
    return true;
  }

  bool split_activation(Node* node) {
    const Activation* fused = node->op->activation();
    if (fused == nullptr || is_clamp(*fused)) return false;
    ops::Unary unary;
    std::unique_ptr<Op> op = node->op->clone();
    std::swap(unary.function, *op->activation());
    log_.add("the activation of {} is a step of its own", node->name);
    Value* argument = plain(node, std::move(op), node->inputs);
    passes::replace(graph_, node, std::make_unique<ops::Unary>(unary), {argument});
    return true;
  }
};

}  // namespace

void split_steps(Graph& graph, passes::PassLog& log) {
  Splitter(graph, log).run();
}

}  // namespace linnet::quantize
