#include <algorithm>
#include <cmath>
#include <map>

#include "converter/ops/concat.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/ops/softmax.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

using kernels::BinaryFunction;
using kernels::PoolKind;
using kernels::ReduceKind;
using ops::Quantize;

constexpr int64_t kOffset = 128;  // between int8 and uint8

// A step of the rule that this pass knows.
const Quantize* quantize_of(const Node& node) {
  const auto* op = node.as<Quantize>();
  return op != nullptr && op->rounding == Rounding::nearest ? op : nullptr;
}

// The node that makes `value` from integers: real numbers, or integers that stand for the same numbers.
Node* view_of_integers(const Value* value) {
  Node* node = producer_of<Quantize>(value);
  if (node == nullptr || quantize_of(*node) == nullptr || !node->in(0).type.quantization) return nullptr;
  const auto& to = node->as<Quantize>()->quantization;
  return !to || (to->scales == node->in(0).type.quantization->scales && node->as<Quantize>()->to == DType::u8)
             ? node
             : nullptr;
}

// The integers that `value`, real numbers, stands for; null where it is no dequantized value.
Value* integers_of(const Value* value) {
  Node* node = view_of_integers(value);
  return node != nullptr && !node->as<Quantize>()->quantization ? node->inputs[0] : nullptr;
}

Quantization shifted(Quantization quantization, int64_t offset) {
  for (int64_t& zero_point : quantization.zero_points) zero_point += offset;
  return quantization;
}

// u8 as i8.
Array signed_bytes(const Array& array) {
  std::vector<int64_t> values = array.integers();
  for (int64_t& value : values) value -= kOffset;
  return Array::of_integers(array.shape(), std::move(values), DType::i8)
      .with_quantization(shifted(*array.type().quantization, -kOffset));
}

std::unique_ptr<Quantize> quantize_to(DType to, std::optional<Quantization> quantization) {
  auto op = std::make_unique<Quantize>();
  op->to = to;
  op->quantization = std::move(quantization);
  op->rounding = Rounding::nearest;
  return op;
}

// What an integer form is made of.
struct Replacement {
  std::unique_ptr<Op> op;
  std::vector<Value*> inputs;
};

class Recogniser {
 public:
  Recogniser(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  std::map<std::string, std::string> run() {
    sweep(graph_, [&](Node* node) { visit(node); });
    remove_unused(graph_);
    return floats();
  }

 private:
  Graph& graph_;
  PassLog& log_;
  Node* quantize_ = nullptr;                    // of the group that is looked at
  std::map<std::string, std::string> reasons_;  // why a node stays float, by its name

  void visit(Node* node) {
    const Quantize* quantize = quantize_of(*node);
    if (quantize == nullptr) {
      move_behind(node);
    } else if (!quantize->quantization) {
      read_signed(node);
    } else if (is_floating(node->in(0))) {
      quantize->to == DType::u8 ? write_signed(node) : form_group(node);
    } else if (const Node* before = view_of_integers(node->inputs[0]);
               before != nullptr && before->in(0).type == node->out().type) {
      bypass(graph_, node, before->inputs[0]);
    }
  }

  // ---- uint8 is int8 with another zero point ----

  void write_signed(Node* node) {
    const Quantize quantize = *node->as<Quantize>();
    Node* bytes = graph_.add(quantize_to(DType::i8, shifted(*quantize.quantization, -kOffset)), {node->inputs[0]},
                             graph_.unique_name(node->name), node);
    bytes->sources = node->sources;
    replace(graph_, node, quantize_to(DType::u8, quantize.quantization), {bytes->outputs[0]});
    form_group(bytes);
  }

  void read_signed(Node* node) {
    Value* x = node->inputs[0];
    if (x->type.dtype != DType::u8) return;
    if (x->constant) {
      graph_.set_input(node, 0, graph_.add_constant(x->name, signed_bytes(*x->constant)));
    } else if (const Node* view = view_of_integers(x); view != nullptr && view->in(0).type.dtype == DType::i8) {
      graph_.set_input(node, 0, view->inputs[0]);
    } else if (x->type.quantization->per_tensor()) {
      auto op = quantize_to(DType::i8, shifted(*x->type.quantization, -kOffset));
      graph_.set_input(node, 0, graph_.add(std::move(op), {x}, graph_.unique_name(x->name), node)->outputs[0]);
    }
  }

  // ---- operators that move elements or pick some of them ----

  // The same operator for integers that stand for its inputs; null for other operators.
  static std::unique_ptr<Op> integer_move(const Node& node, const TensorType& x, bool from_floats) {
    if (const auto* pad = node.as<ops::Pad>(); pad != nullptr && pad->mode == ops::PadMode::Constant) {
      auto op = std::make_unique<ops::Pad>(*pad);
      op->value = from_floats ? pad->value / static_cast<double>(x.quantization->scale()) +
                                    static_cast<double>(x.quantization->zero_point())
                              : pad->value - static_cast<double>(kOffset);
      const double rounded = std::nearbyint(op->value);
      if (std::abs(op->value - rounded) > 1e-4 || rounded < -128.0 || rounded > 127.0) return nullptr;
      op->value = rounded;
      return op;
    }
    const auto* pool = node.as<ops::Pool>();
    const auto* reduce = node.as<ops::Reduce>();
    const bool computes = x.dtype == DType::i8 && x.quantization->per_tensor();
    if (pool != nullptr && pool->kind == PoolKind::Max && computes) {
      auto op = std::make_unique<ops::Pool>(*pool);
      op->integer = {x.dtype, *x.quantization, Rounding::nearest};
      return op;
    }
    if (reduce != nullptr && (reduce->kind == ReduceKind::Max || reduce->kind == ReduceKind::Min) && computes) {
      auto op = std::make_unique<ops::Reduce>(*reduce);
      op->integer = {x.dtype, *x.quantization, Rounding::nearest};
      return op;
    }
    const bool moves = node.as<ops::Reshape>() || node.as<ops::Transpose>() || node.as<ops::Slice>() ||
                       node.as<ops::Gather>() || node.as<ops::Concat>() || node.as<ops::Expand>() ||
                       node.as<ops::Tile>() || node.as<ops::Pad>();
    return moves ? node.op->clone() : nullptr;
  }

  // move(view(integers)) becomes view(move(integers)).
  void move_behind(Node* node) {
    if (node->inputs.empty() || node->outputs.size() != 1) return;
    std::vector<Value*> integers;
    for (const Value* input : node->inputs) {
      const Node* view = input != nullptr ? view_of_integers(input) : nullptr;
      if (view == nullptr) return;
      if (!integers.empty() && !same_kind(integers[0]->type, view->in(0).type)) return;
      integers.push_back(view->inputs[0]);
    }
    const Quantize view = *node->inputs[0]->producer->as<Quantize>();
    std::unique_ptr<Op> op = integer_move(*node, integers[0]->type, !view.quantization);
    if (op == nullptr) return;
    try {
      infer_types(*op, integers);
    } catch (const Error&) {
      return;  // scales per channel that the operator would mix
    }
    Value* moved = added(std::move(op), integers, *node, node);
    replace(graph_, node, view.clone(), {moved});
  }

  static bool same_kind(const TensorType& a, const TensorType& b) {
    return a.dtype == b.dtype && a.quantization == b.quantization;
  }

  // A node before `before`, for what `source` computed; evaluated where its inputs are constant.
  Value* added(std::unique_ptr<Op> op, const std::vector<Value*>& inputs, const Node& source, Node* before) {
    if (std::all_of(inputs.begin(), inputs.end(), [](const Value* v) { return v != nullptr && v->constant; })) {
      std::vector<const Array*> arrays;
      for (const Value* input : inputs) arrays.push_back(&*input->constant);
      return graph_.add_constant(inputs[0]->name, op->evaluate(arrays)[0]);
    }
    Node* node = graph_.add(std::move(op), inputs, graph_.unique_name(source.name), before);
    node->sources = source.sources;
    node->origin = source.origin;
    return node->outputs[0];
  }

  // ---- groups ----

  IntegerForm form() const {
    const auto* quantize = quantize_->as<Quantize>();
    return {quantize->to, *quantize->quantization, Rounding::nearest};
  }

  void form_group(Node* node) {
    quantize_ = node;
    Value* result = node->inputs[0];
    if (result->constant) {
      graph_.replace_all_uses(node->outputs[0], added(node->op->clone(), {result}, *node, node));
      return;
    }
    if (Value* x = integers_of(result)) {
      requantize(x);
      return;
    }
    Node* layer = result->producer;
    if (layer == nullptr) return;
    if (!only_quantized(result)) {
      reasons_.emplace(layer->name, "its result is also read as real numbers");
      return;
    }
    Node* activation = nullptr;
    const auto* unary = layer->as<ops::Unary>();
    if (unary != nullptr && integers_of(layer->inputs[0]) == nullptr && layer->in(0).producer != nullptr &&
        is_range(unary->function) && single_use(graph_, layer->inputs[0])) {
      activation = layer;
      layer = layer->in(0).producer;
    }
    const Activation fused = activation != nullptr ? activation->as<ops::Unary>()->function : Activation{};
    try {
      Replacement replacement = integer_form(*layer, fused);
      infer_types(*replacement.op, replacement.inputs);
      take_over(layer, activation, std::move(replacement));
    } catch (const Error& error) {
      reasons_.emplace(layer->name, error.what());
    }
  }

  static bool is_range(const Activation& function) {
    return function.function == Function::Relu || function.function == Function::Clip;
  }

  // Whether only Quantize steps like this one read the value.
  bool only_quantized(const Value* value) const {
    const Quantize& quantize = *quantize_->as<Quantize>();
    return !graph_.is_output(value) && std::all_of(value->uses.begin(), value->uses.end(), [&](const Use& use) {
      const Quantize* other = quantize_of(*use.node);
      return other != nullptr && other->to == quantize.to && other->quantization == quantize.quantization;
    });
  }

  void requantize(Value* x) {
    if (x->type == quantize_->out().type && bypass(graph_, quantize_, x)) return;
    if (x->type.dtype != DType::i8 || form().dtype != DType::i8) {
      replace(graph_, quantize_, quantize_to(form().dtype, form().quantization), {x});
      return;
    }
    auto op = std::make_unique<ops::Unary>();
    op->integer = form();
    replace(graph_, quantize_, std::move(op), {x});
  }

  // `layer` and what follows it become the replacement, under the name of the result.
  void take_over(Node* layer, const Node* activation, Replacement replacement) {
    Value* result = quantize_->inputs[0];
    SourceNames sources = layer->sources;
    if (activation != nullptr) sources.add(activation->sources);
    sources.add(quantize_->sources);
    Node* node = replace(graph_, quantize_, std::move(replacement.op), std::move(replacement.inputs));
    node->sources = std::move(sources);
    node->name = layer->name;
    node->origin = layer->origin;
    take_name(graph_, node->outputs[0], result);
    log_.add("{} computes with integers ({})", node->name, node->op->name());
  }

  // Throws Error with the reason where there is none.
  Replacement integer_form(const Node& node, const Activation& fused) {
    if (form().dtype != DType::i8)
      throw Error(fmt::format("its result is quantized to {}, integer steps of ONNX models are i8 or u8",
                              ir::name(form().dtype)));
    if (const auto* op = node.as<ops::Conv>()) return layer(*op, node, fused, node.in(1).shape()[0]);
    if (const auto* op = node.as<ops::ConvTranspose>())
      return layer(*op, node, fused, node.in(1).shape()[1] * op->groups);
    if (const auto* op = node.as<ops::Linear>()) return layer(*op, node, fused, node.in(1).shape()[0]);
    if (const auto* op = node.as<ops::MatMul>()) return product(*op, node, fused);
    if (const auto* op = node.as<ops::Binary>()) return binary(*op, node, fused);
    if (const auto* op = node.as<ops::Pool>()) return average(*op, node, fused);
    if (const auto* op = node.as<ops::Concat>()) return concat(*op, node, fused);
    if (const auto* op = node.as<ops::Unary>()) return with_form(*op, {integers(node, 0)}, fused);
    if (const auto* op = node.as<ops::Softmax>()) return softmax(*op, node, fused);
    if (const auto* op = node.as<ops::Reduce>()) return with_form(*op, {integers(node, 0)}, fused);
    throw Error(fmt::format("{} has no integer form", node.op->name()));
  }

  template <class T>
  Replacement with_form(const T& op, std::vector<Value*> inputs, const Activation& fused) {
    auto copy = std::make_unique<T>(op);
    copy->integer = form();
    if constexpr (requires { copy->fused = fused; }) {
      if (fused.function != Function::Identity) {
        require_no_activation(copy->fused);
        copy->fused = fused;
      }
    } else {
      require_no_activation(fused);
    }
    return {std::move(copy), std::move(inputs)};
  }

  static void require_no_activation(const Activation& fused) {
    if (fused.function != Function::Identity) throw Error("an activation follows it that has no integer form there");
  }

  // The integers of an input.
  static Value* integers(const Node& node, size_t index) {
    Value* x = node.has(index) ? integers_of(node.inputs[index]) : nullptr;
    if (x == nullptr) throw Error(fmt::format("its input {} is not quantized", index));
    if (x->type.dtype != DType::i8) throw Error(fmt::format("its input {} is {}", index, to_string(x->type)));
    return x;
  }

  template <class T>
  Replacement layer(const T& op, const Node& node, const Activation& fused, int64_t outputs) {
    if (node.has(3)) throw Error("it has a residual");
    Value *x = integers(node, 0), *weights = integers(node, 1);
    if (!weights->constant) throw Error("its weights are not constant");
    const size_t scales = weights->type.quantization->scales.size();
    if (scales != 1 && scales != static_cast<size_t>(outputs))
      throw Error(fmt::format("its weights have {} scales for {} outputs", scales, outputs));
    std::vector<Value*> inputs = {x, weights};
    if (node.has(2)) inputs.push_back(bias(node.inputs[2], *x, *weights));
    return with_form(op, std::move(inputs), fused);
  }

  // In steps of the product of scales.
  Value* bias(const Value* value, const Value& x, const Value& weights) {
    const Value* given = integers_of(value);
    const Array* array = given != nullptr && given->constant ? &*given->constant
                         : value->constant                   ? &*value->constant
                                                             : nullptr;
    if (array == nullptr) throw Error("its bias is not constant");
    const std::vector<float>& scales = weights.type.quantization->scales;
    Quantization steps{{}, std::vector<int64_t>(scales.size(), 0), 0};
    for (const float scale : scales) steps.scales.push_back(x.type.quantization->scale() * scale);
    std::vector<int64_t> values(array->size());
    constexpr double kTolerance = 1e-5;  // of scales that were multiplied in another order
    for (size_t i = 0; i < values.size(); ++i) {
      const auto step = static_cast<double>(steps.scales[scales.size() > 1 ? i : 0]);
      double scale = 1.0, zero_point = 0.0;
      if (given != nullptr) {
        const Quantization& own = *given->type.quantization;
        scale = static_cast<double>(own.scales[own.per_tensor() ? 0 : i]);
        zero_point = static_cast<double>(own.zero_points[own.per_tensor() ? 0 : i]);
      }
      const double number = array->number(i) - zero_point;
      const bool same = std::abs(scale - step) <= kTolerance * step;
      const double rounded = same ? number : std::nearbyint(number * scale / step);
      if (!(std::abs(rounded) <= 2147483647.0))
        throw Error(fmt::format("its bias of {} has no 32 bits in steps of {}", number * scale, step));
      values[i] = static_cast<int64_t>(rounded);
    }
    return graph_.add_constant(
        value->name,
        Array::of_integers(array->shape(), std::move(values), DType::i32).with_quantization(std::move(steps)));
  }

  Replacement product(const ops::MatMul& op, const Node& node, const Activation& fused) {
    if (op.scale != 1.0) throw Error("it has a factor of its own");
    Value *a = integers(node, 0), *b = integers(node, 1);
    if (!a->type.quantization->per_tensor() || !b->type.quantization->per_tensor())
      throw Error("its operands have scales per channel");
    return with_form(op, {a, b}, fused);
  }

  Replacement binary(const ops::Binary& op, const Node& node, const Activation& fused) {
    const bool picks = op.function == BinaryFunction::Max || op.function == BinaryFunction::Min;
    const bool known = picks || op.function == BinaryFunction::Add || op.function == BinaryFunction::Sub ||
                       op.function == BinaryFunction::Mul || op.function == BinaryFunction::PRelu;
    if (!known) throw Error(fmt::format("the integer form of this function does not round as float does"));
    std::vector<Value*> inputs = {operand(node, 0), operand(node, 1)};
    if (picks)
      for (Value*& input : inputs) input = rescaled(input, node);
    return with_form(op, std::move(inputs), fused);
  }

  // An operand's integers; a constant of one real number is 127 steps of its own.
  Value* operand(const Node& node, size_t index) {
    const Value* value = node.inputs[index];
    const std::optional<double> number = uniform_constant(value);
    if (!number || !std::isfinite(*number) || !is_floating(*value)) return integers(node, index);
    constexpr double kSteps = 127.0;
    const double size = std::abs(*number) / kSteps;
    if (size != 0.0 && size < 1e-30) throw Error(fmt::format("its constant {} is too small", *number));
    const int64_t steps = *number > 0.0 ? 127 : *number < 0.0 ? -127 : 0;
    const Quantization quantization{{size == 0.0 ? 1.0f : static_cast<float>(size)}, {0}};
    return graph_.add_constant(
        value->name,
        Array::of_integers(Shape(value->shape().size(), 1), {steps}, DType::i8).with_quantization(quantization));
  }

  // x in the scale of the group's result.
  Value* rescaled(Value* x, const Node& source) {
    if (same_kind(x->type, form().type({}))) return x;
    auto op = std::make_unique<ops::Unary>();
    op->integer = form();
    return added(std::move(op), {x}, source, quantize_);
  }

  // In the only scale and by the only rounding that its integer form has.
  Replacement softmax(const ops::Softmax& op, const Node& node, const Activation& fused) {
    require_no_activation(fused);
    if (op.log) throw Error("a logarithm of a softmax of integers does not round as float does");
    auto copy = std::make_unique<ops::Softmax>(op);
    copy->integer = {DType::i8, Quantization{{1.0f / 256.0f}, {-kOffset}}, Rounding::tflite};
    if (copy->integer->quantization == form().quantization) return {std::move(copy), {integers(node, 0)}};
    Value* y = added(std::move(copy), {integers(node, 0)}, node, quantize_);
    return with_form(ops::Unary(), {y}, {});
  }

  Replacement concat(const ops::Concat& op, const Node& node, const Activation& fused) {
    require_no_activation(fused);
    std::vector<Value*> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) integers(node, i);
    for (size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(rescaled(integers(node, i), node));
    return {op.clone(), std::move(inputs)};
  }

  // Sums of windows that are all of one size are a depthwise convolution by weights of 1, in steps of 1 / size.
  Replacement average(const ops::Pool& op, const Node& node, const Activation& fused) {
    if (op.kind != PoolKind::Average) throw Error("it has no integer form");
    Value* x = integers(node, 0);
    const auto is_zero = [](int64_t pad) { return pad == 0; };
    const bool padded = !std::all_of(op.pads_begin.begin(), op.pads_begin.end(), is_zero) ||
                        !std::all_of(op.pads_end.begin(), op.pads_end.end(), is_zero);
    if (op.ceil_mode || (padded && !op.count_include_pad)) {
      if (!same_kind(x->type, form().type({})))
        throw Error("its windows differ in size, and its input's scale from its result's");
      return with_form(op, {x}, fused);
    }
    ops::Conv conv;
    conv.strides = op.strides;
    conv.dilations = op.dilations;
    conv.pads_begin = op.pads_begin;
    conv.pads_end = op.pads_end;
    conv.channels_last = op.channels_last;
    conv.fused = op.fused;
    conv.groups = op.channels_last ? x->shape().back() : x->shape()[1];
    Shape shape = {conv.groups, 1};
    shape.insert(shape.end(), op.kernel.begin(), op.kernel.end());
    const auto count = static_cast<size_t>(element_count(shape));
    const float share = 1.0f / static_cast<float>(element_count(op.kernel));
    Value* ones =
        graph_.add_constant(node.name + "_ones", Array::of_integers(shape, std::vector<int64_t>(count, 1), DType::i8)
                                                     .with_quantization(Quantization{{share}, {0}}));
    return with_form(conv, {x, ones}, fused);
  }

  // ---- what is left ----

  // The reasons of the nodes that are still there and read dequantized numbers.
  std::map<std::string, std::string> floats() const {
    std::map<std::string, std::string> result;
    for (const auto& node : graph_.nodes()) {
      if (quantize_of(*node) != nullptr) continue;
      const auto reason = reasons_.find(node->name);
      if (reason != reasons_.end())
        result.insert(*reason);
      else if (std::any_of(node->inputs.begin(), node->inputs.end(), [](const Value* v) { return integers_of(v); }))
        result.emplace(node->name, "its result is not quantized");
    }
    return result;
  }
};

}  // namespace

std::map<std::string, std::string> recognise_integers(Graph& graph, PassLog& log) {
  const auto& nodes = graph.nodes();
  if (std::none_of(nodes.begin(), nodes.end(), [](const auto& node) { return quantize_of(*node) != nullptr; }))
    return {};
  recognise_activations(graph, log);
  return Recogniser(graph, log).run();
}

}  // namespace linnet::passes
