#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/window.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

constexpr size_t kFactors = 4;
// The device multiplies the weights anew for every part of an image that it computes at a time.
constexpr int64_t kPixelsPerOutput = 8;

bool fits(const Node& node) {
  const auto* conv = node.as<ops::Conv>();
  if (conv == nullptr || conv->integer || conv->codes || conv->sparse != 0 || !conv->channels_last ||
      conv->groups != 1 || conv->winograd != 0 || conv->moment_rows != 0)
    return false;
  if (node.has(kFactors) || node.in(0).shape().size() != 4 || !node.in(1).constant || node.in(1).type.quantization)
    return false;
  const ops::Image out = ops::image(node.out().shape(), true);
  return out.pixels() >= kPixelsPerOutput * out.channels;
}

// The operand of a product of the image with one factor per channel, or -1.
int factor_operand(const Graph& graph, const Value* product) {
  const Node* node = product->producer;
  const auto* binary = node != nullptr ? node->as<ops::Binary>() : nullptr;
  if (binary == nullptr || binary->function != kernels::BinaryFunction::Mul || !single_use(graph, product)) return -1;
  if (binary->fused.function != Function::Identity) return -1;
  const Shape& shape = product->shape();
  for (const int operand : {0, 1}) {
    const auto index = static_cast<size_t>(operand);
    if (node->in(index).shape() == Shape{shape[0], 1, 1, shape[3]} && !node->in(index).constant &&
        node->in(1 - index).shape() == shape)
      return operand;
  }
  return -1;
}

}  // namespace

void scale_weights(Graph& graph, PassLog& log) {
  sweep(graph, [&](Node* node) {
    if (!fits(*node)) return;
    const int operand = factor_operand(graph, node->inputs[0]);
    if (operand < 0) return;
    Node* product = node->inputs[0]->producer;
    std::vector<Value*> inputs = node->inputs;
    inputs.resize(kFactors + 1, nullptr);
    inputs[0] = product->inputs[static_cast<size_t>(1 - operand)];
    inputs[kFactors] = product->inputs[static_cast<size_t>(operand)];
    log.add("{} multiplies its weights by the factors of {}", node->name, product->name);
    Node* scaled = replace(graph, node, node->op->clone(), inputs);
    add_sources(scaled, *product);
    graph.remove(product);
  });
}

}  // namespace linnet::passes
