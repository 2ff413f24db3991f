#include "converter/quantize/insert.hpp"

#include <algorithm>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/resize.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

constexpr size_t kWeights = 1, kBias = 2;

class Inserter {
 public:
  Inserter(Graph& graph, const std::unordered_set<const Node*>& nodes, const Scales& scales,
           const InsertOptions& options, const Corrections& corrections)
      : graph_(graph), nodes_(nodes), scales_(scales), options_(options), corrections_(corrections) {}

  std::map<std::string, std::string> run() {
    std::vector<Node*> order;
    for (const auto& node : graph_.nodes()) order.push_back(node.get());
    const std::unordered_set<const Value*> sums = sums_between(graph_, nodes_);
    std::vector<std::pair<Value*, Quantization>> tensors;
    for (const auto& value : graph_.values())
      if (scales_.has(value.get()) && sums.count(value.get()) == 0)
        tensors.emplace_back(value.get(), scales_.of(value.get()));
    for (Node* node : order)
      if (nodes_.count(node) > 0) quantize_constants(node);
    for (const auto& [value, quantization] : tensors)
      if (!value->constant) quantize_tensor(value, quantization);
    for (Node* node : order)
      if (nodes_.count(node) > 0) split_activation(node);
    order.erase(std::remove_if(order.begin(), order.end(), [&](const Node* node) { return nodes_.count(node) == 0; }),
                order.end());
    resample_integers(graph_, order, sums);
    return std::move(renamed_);
  }

 private:
  Graph& graph_;
  const std::unordered_set<const Node*>& nodes_;
  const Scales& scales_;
  const InsertOptions& options_;
  const Corrections& corrections_;
  std::map<std::string, std::string> renamed_;

  Value* convert(Value* value, DType to, const std::optional<Quantization>& quantization, Node* before) {
    auto op = std::make_unique<ops::Quantize>();
    op->to = to;
    op->quantization = quantization;
    op->rounding = Rounding::nearest;
    Node* node = graph_.add(std::move(op), {value}, value->name, before);
    if (value->producer != nullptr) node->sources = value->producer->sources;
    return node->outputs[0];
  }
  Value* real(Value* value, Node* before) { return convert(value, DType::f32, std::nullopt, before); }

  void set_constant(Node* node, size_t index, Array integers) {
    const std::string name = node->has(index) ? node->in(index).name : node->name + ".bias";
    graph_.set_input(node, index, real(graph_.add_constant(name, std::move(integers)), node));
  }

  void quantize_constants(Node* node) {
    if (kind_of(*node) == StepKind::layer) return quantize_layer(node);
    for (size_t i = 0; i < node->inputs.size(); ++i)
      if (node->has(i) && node->in(i).constant && scales_.has(node->inputs[i]))
        set_constant(node, i, quantized_constant(*node->in(i).constant, scales_.of(node->inputs[i])));
  }

  void quantize_layer(Node* node) {
    const float x_scale = scales_.of(node->inputs[0]).scale();
    const Array weights = *node->in(kWeights).constant;
    std::optional<Array> bias = node->has(kBias) ? node->in(kBias).constant : std::nullopt;
    if (const auto found = corrections_.find(key_of(*node)); found != corrections_.end()) {
      std::vector<double> sums = bias ? bias->doubles() : std::vector<double>(found->second.size());
      for (size_t n = 0; n < sums.size(); ++n) sums[n] += found->second[n];
      bias = Array::of_doubles({outputs_of(*node)}, std::move(sums));
    }
    const auto smallest = smallest_scales(static_cast<size_t>(outputs_of(*node)), bias ? &*bias : nullptr, x_scale);
    const Array integers = quantized_weights(weights, output_dimension(*node), options_.weights, smallest);
    const Quantization quantization = *integers.type().quantization;
    set_constant(node, kWeights, integers);
    if (bias) set_constant(node, kBias, quantized_bias(*bias, x_scale, quantization));
  }

  // The node behind the one that gives the value, or the first.
  Node* following(const Value* value) const {
    const auto& nodes = graph_.nodes();
    const auto position = value->producer != nullptr ? std::next(value->producer->position) : nodes.begin();
    return position != nodes.end() ? position->get() : nullptr;
  }

  // The integers of a product times a factor are those of the product, at a scale that the factor divides; the softmax
  // that reads them multiplies by the factor.
  Quantization without_factor(Value* value, Quantization quantization) {
    Node* product = value->producer;
    if (product == nullptr || nodes_.count(product) == 0) return quantization;
    Node* softmax = softmax_of(graph_, *product);
    if (softmax == nullptr || nodes_.count(softmax) == 0) return quantization;
    double& factor = product->as<ops::MatMul>()->scale;
    quantization.scales.front() = static_cast<float>(static_cast<double>(quantization.scale()) / factor);
    softmax->as<ops::Softmax>()->beta *= factor;
    factor = 1.0;
    return quantization;
  }

  void quantize_tensor(Value* value, const Quantization& found) {
    const Quantization quantization = without_factor(value, found);
    const std::vector<Use> uses = value->uses;
    const bool given = value->producer != nullptr && nodes_.count(value->producer) > 0;
    const bool port = graph_.is_input(value) && options_.int8_ports;
    Node* behind = following(value);
    Value* integers = value;
    if (port)
      value->type = {DType::i8, value->shape(), quantization};
    else
      integers = convert(value, DType::i8, quantization, behind);
    Value* numbers = real(integers, behind);
    std::map<std::string, Value*> rescaled;
    for (const Use& use : uses)
      if (given || port || nodes_.count(use.node) > 0)
        graph_.set_input(use.node, use.input, read(use, numbers, quantization, behind, &rescaled));
    if (graph_.is_output(value) && (given || options_.int8_ports))
      replace_output(value, options_.int8_ports ? integers : numbers);
  }

  // Where a step moves the tensor into one of another scale, it is converted to that.
  Value* read(const Use& use, Value* numbers, const Quantization& quantization, Node* before,
              std::map<std::string, Value*>* rescaled) {
    if (nodes_.count(use.node) == 0 || kind_of(*use.node) != StepKind::moving) return numbers;
    const Quantization& wanted = scales_.of(use.node->outputs[0]);
    if (wanted == quantization) return numbers;
    Value*& converted = (*rescaled)[to_string(wanted)];
    if (converted == nullptr) converted = real(convert(numbers, DType::i8, wanted, before), before);
    return converted;
  }

  // The clamp becomes a node of its own; picking a maximum keeps it.
  void split_activation(Node* node) {
    Activation* fused = node->op->activation();
    if (fused == nullptr || fused->function == Function::Identity || picks_maximum(*node)) return;
    auto clamp = std::make_unique<ops::Unary>();
    std::swap(clamp->function, *fused);
    std::unique_ptr<Op> op = std::move(node->op);
    node->op = std::move(clamp);
    Node* argument = graph_.add(std::move(op), node->inputs, node->name, node);
    argument->sources = node->sources;
    argument->origin = node->origin;
    for (size_t i = node->inputs.size(); i-- > 0;) graph_.set_input(node, i, nullptr);
    node->inputs.clear();
    graph_.set_input(node, 0, argument->outputs[0]);
  }

  static bool picks_maximum(const Node& node) {
    const auto* pool = node.as<ops::Pool>();
    return pool != nullptr && pool->kind == kernels::PoolKind::Max;
  }

  void replace_output(Value* from, Value* to) {
    renamed_[from->name] = to->name;
    std::swap(from->name, to->name);
    std::swap(from->source_permutation, to->source_permutation);
    for (Value*& output : graph_.outputs)
      if (output == from) output = to;
  }
};

}  // namespace

std::map<std::string, std::string> insert_scales(Graph& graph, const std::unordered_set<const Node*>& nodes,
                                                 const Scales& scales, const InsertOptions& options,
                                                 const Corrections& corrections) {
  return Inserter(graph, nodes, scales, options, corrections).run();
}

}  // namespace linnet::quantize
