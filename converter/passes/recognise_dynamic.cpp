// Quantization at run time, as ONNX Runtime's quantize_dynamic writes it: DynamicQuantizeLinear, a product of integers,
// which importers give as one of the numbers less their zero points, Cast, and Mul by both scales.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "converter/ops/cast.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/dynamic_quantize.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;
using kernels::ReduceKind;
using ops::DynamicQuantize;

Node* binary_of(const Value* value, BinaryFunction function) {
  Node* node = producer_of<ops::Binary>(value);
  const auto* op = node != nullptr ? node->as<ops::Binary>() : nullptr;
  return op != nullptr && op->function == function && op->fused.function == Function::Identity && !op->integer
             ? node
             : nullptr;
}

Node* cast_of(const Value* value, DType to) {
  Node* node = producer_of<ops::Cast>(value);
  return node != nullptr && node->as<ops::Cast>()->to == to ? node : nullptr;
}

// Output `index` of a DynamicQuantize, as real numbers.
Node* quantized_by(const Value* numbers, size_t index) {
  const Node* cast = cast_of(numbers, DType::f32);
  Node* node = cast != nullptr ? producer_of<DynamicQuantize>(cast->inputs[0]) : nullptr;
  return node != nullptr && node->outputs[index] == cast->inputs[0] ? node : nullptr;
}

// The DynamicQuantize whose numbers less their zero point these are.
Node* centred(const Value* value) {
  const Node* difference = binary_of(value, BinaryFunction::Sub);
  if (difference == nullptr) return nullptr;
  Node* node = quantized_by(difference->inputs[0], 0);
  return node != nullptr && quantized_by(difference->inputs[1], 2) == node ? node : nullptr;
}

bool is_product(const Node& node) {
  return node.as<ops::Linear>() != nullptr || node.as<ops::Conv>() != nullptr || node.as<ops::MatMul>() != nullptr;
}

// The integers of a constant, int8 with `scales` for its outputs; nothing where they have more than 8 bits.
std::optional<Array> int8_constant(const Value* value, std::vector<float> scales) {
  if (!value->constant) return std::nullopt;
  std::vector<int64_t> integers;
  for (const double number : value->constant->doubles()) {
    if (number != std::nearbyint(number) || number < -128 || number > 127) return std::nullopt;
    integers.push_back(static_cast<int64_t>(number));
  }
  const std::vector<int64_t> zeros(scales.size(), 0);
  return Array::of_integers(value->shape(), std::move(integers), DType::i8)
      .with_quantization(Quantization{std::move(scales), zeros, 0});
}

class Recogniser {
 public:
  Recogniser(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void run() {
    sweep(graph_, [&](Node* node) { take_linear(node); });
    for (Node* linear : linears_) take_bias(linear);
    sweep(graph_, [&](Node* node) { drop_integers(node); });
    sweep(graph_, [&](Node* node) { give_int8_weights(node); });
    remove_unused(graph_);
    std::vector<Node*> left;
    for (const auto& node : graph_.nodes())
      if (node->as<DynamicQuantize>() != nullptr) left.push_back(node.get());
    for (Node* node : left) spell_out(node);
    remove_unused(graph_);
  }

 private:
  Graph& graph_;
  PassLog& log_;
  std::vector<Node*> linears_;

  // Cast and Mul behind a Linear of integers: a Linear that quantizes its input.
  void take_linear(Node* node) {
    for (const size_t operand : {0, 1}) {
      if (node->inputs.size() != 2 || binary_of(node->outputs[0], BinaryFunction::Mul) != node) return;
      Node* real = cast_of(node->inputs[operand], DType::f32);
      Node* integers = real != nullptr ? cast_of(real->inputs[0], DType::i32) : nullptr;
      Node* product = integers != nullptr ? producer_of<ops::Linear>(integers->inputs[0]) : nullptr;
      if (product == nullptr || product->has(2) || product->has(3)) continue;
      const Node* quantize = centred(product->inputs[0]);
      if (quantize == nullptr || !single_use(graph_, product->outputs[0]) || !single_use(graph_, real->inputs[0]) ||
          !single_use(graph_, real->outputs[0]))
        continue;
      const int64_t outputs = product->in(1).shape()[0];
      const std::optional<std::vector<float>> scales = scales_of(node->inputs[1 - operand], quantize, outputs);
      std::optional<Array> weights = scales ? int8_constant(product->inputs[1], *scales) : std::nullopt;
      if (!weights) continue;
      ops::Linear linear;
      linear.dynamic = true;
      Node* step = replace(graph_, node, std::make_unique<ops::Linear>(linear),
                           {quantize->inputs[0], graph_.add_constant(product->in(1).name, std::move(*weights))});
      add_sources(step, *product);
      log_.add("{} quantizes its input at run time", step->name);
      linears_.push_back(step);
      return;
    }
  }

  // The scales of the weights in a product with that of the input.
  static std::optional<std::vector<float>> scales_of(const Value* value, const Node* quantize, int64_t outputs) {
    const Node* product = binary_of(value, BinaryFunction::Mul);
    if (product == nullptr) return std::nullopt;
    for (const size_t operand : {0, 1}) {
      const Value* scales = product->inputs[1 - operand];
      if (product->inputs[operand] != quantize->outputs[1] || !scales->constant) continue;
      const auto count = static_cast<int64_t>(scales->constant->size());
      if (count != 1 && (count != outputs || scales->shape().back() != outputs)) return std::nullopt;
      std::vector<float> result = scales->constant->floats();
      const auto fits = [](float scale) { return scale > 0 && scale <= FLT_MAX; };
      if (!std::all_of(result.begin(), result.end(), fits)) return std::nullopt;
      return result;
    }
    return std::nullopt;
  }

  void take_bias(Node* linear) {
    Value* y = linear->outputs[0];
    if (!single_use(graph_, y)) return;
    Node* sum = y->uses[0].node;
    if (binary_of(sum->outputs[0], BinaryFunction::Add) != sum) return;
    Value* bias = sum->inputs[1 - y->uses[0].input];
    const int64_t outputs = y->shape().back();
    if (!bias->constant || bias->shape().empty() || bias->shape().back() != outputs ||
        static_cast<int64_t>(bias->constant->size()) != outputs || sum->out().type != y->type)
      return;
    graph_.set_input(linear, 2, graph_.add_constant(bias->name, bias->constant->reshaped({outputs})));
    absorb(graph_, linear, sum);
  }

  // Real numbers that became integers, which they are, and real numbers again.
  void drop_integers(Node* node) {
    if (cast_of(node->outputs[0], DType::f32) != node) return;
    Node* integers = cast_of(node->inputs[0], DType::i32);
    const Node* product = integers != nullptr ? integers->in(0).producer : nullptr;
    if (product == nullptr || !is_product(*product) || centred(product->inputs[0]) == nullptr) return;
    bypass(graph_, node, integers->inputs[0]);
  }

  // Layers of whole numbers keep them as they are.
  void give_int8_weights(Node* node) {
    const bool layer = node->as<ops::Conv>() != nullptr || node->as<ops::Linear>() != nullptr;
    if (!layer || is_quantized(*node) || centred(node->inputs[0]) == nullptr) return;
    std::optional<Array> weights = int8_constant(node->inputs[1], {1.0f});
    if (!weights) return;
    graph_.set_input(node, 1, graph_.add_constant(node->in(1).name, std::move(*weights)));
    graph_.infer(node);
  }

  // DynamicQuantize by operators that the device has: their float32 arithmetic is its own.
  void spell_out(Node* node) {
    Value* x = node->inputs[0];
    const auto constant = [&](double number) {
      return graph_.add_constant(node->name + "_number", Array::scalar(number, x->type.dtype));
    };
    const auto add = [&](std::unique_ptr<Op> op, std::vector<Value*> inputs) {
      Node* step = graph_.add(std::move(op), std::move(inputs), graph_.unique_name(node->name), node);
      step->sources = node->sources;
      return step->outputs[0];
    };
    const auto binary = [&](BinaryFunction function, Value* a, Value* b) {
      auto op = std::make_unique<ops::Binary>();
      op->function = function;
      return add(std::move(op), {a, b});
    };
    const auto rounded = [&](Value* value) {
      auto op = std::make_unique<ops::Unary>();
      op->function.function = Function::Round;
      return add(std::move(op), {value});
    };
    const auto limit = [&](ReduceKind kind) {
      auto op = std::make_unique<ops::Reduce>();
      op->kind = kind;
      op->keep_dims = false;
      for (size_t d = 0; d < x->shape().size(); ++d) op->axes.push_back(static_cast<int64_t>(d));
      return op->axes.empty() ? x : add(std::move(op), {x});
    };
    const auto cast = [&](Value* value) {
      auto op = std::make_unique<ops::Cast>();
      op->to = DType::u8;
      return add(std::move(op), {value});
    };
    Value *nothing = constant(0), *last = constant(255);
    Value* least = binary(BinaryFunction::Min, limit(ReduceKind::Min), nothing);
    Value* most = binary(BinaryFunction::Max, limit(ReduceKind::Max), nothing);
    Value* range = binary(BinaryFunction::Sub, most, least);
    // A range of 0 gives any positive scale: all numbers are 0.
    Value* scale = binary(BinaryFunction::Max, binary(BinaryFunction::Div, range, last), constant(FLT_MIN));
    Value* below = rounded(binary(BinaryFunction::Max, binary(BinaryFunction::Div, least, scale), constant(-255)));
    Value* above = binary(BinaryFunction::Add, last, below);
    Value* steps = rounded(binary(BinaryFunction::Div, x, scale));
    Value* numbers = binary(BinaryFunction::Min, binary(BinaryFunction::Max, steps, below), above);
    for (Node* reader : centred_readers(node)) bypass(graph_, reader, numbers);
    graph_.replace_all_uses(node->outputs[0], cast(binary(BinaryFunction::Sub, numbers, below)));
    graph_.replace_all_uses(node->outputs[1], scale);
    graph_.replace_all_uses(node->outputs[2], cast(binary(BinaryFunction::Sub, nothing, below)));
    log_.add("{} is spelled out", node->name);
  }

  static std::vector<Node*> centred_readers(const Node* quantize) {
    std::vector<Node*> result;
    for (const Use& cast : quantize->outputs[0]->uses)
      for (const Value* value : cast.node->outputs)
        for (const Use& use : value->uses)
          if (use.node->outputs.size() == 1 && centred(use.node->outputs[0]) == quantize) result.push_back(use.node);
    return result;
  }
};

}  // namespace

void recognise_dynamic(Graph& graph, PassLog& log) {
  const auto& nodes = graph.nodes();
  if (std::none_of(nodes.begin(), nodes.end(), [](const auto& node) { return node->template as<DynamicQuantize>(); }))
    return;
  Recogniser(graph, log).run();
}

}  // namespace linnet::passes
