#include <array>

#include "converter/ops/elementwise.hpp"
#include "converter/ops/integer.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

bool is_i8(const Value& value) {
  return value.type.dtype == DType::i8 && value.type.quantization.has_value();
}

// The node that computes a function of one i8 number, given as a table.
const ops::Unary* table_of(const Node* node) {
  const auto* unary = node != nullptr ? node->as<ops::Unary>() : nullptr;
  const bool has_table = unary != nullptr && unary->integer && is_i8(node->in(0)) && is_i8(node->out());
  return has_table ? unary : nullptr;
}

// Every i8 number, as a tensor that has the scale of `value`.
Array all_numbers(const Value& value) {
  std::vector<int64_t> numbers(ops::kTableSize);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i) - 128;
  return Array::of_integers({ops::kTableSize}, std::move(numbers), DType::i8)
      .with_quantization(value.type.quantization);
}

class TableMerger {
 public:
  TableMerger(Graph& graph, PassLog& log) : graph_(graph), log_(log) {}

  void run() {
    sweep(graph_, [this](Node* node) {
      if (!merge_unary(node)) merge_binary(node);
    });
    remove_unused(graph_);
  }

 private:
  Graph& graph_;
  PassLog& log_;

  // A function of a function.
  bool merge_unary(Node* node) {
    if (table_of(node) == nullptr || table_of(node->in(0).producer) == nullptr || !single_use(graph_, node->inputs[0]))
      return false;
    Node* inner = node->in(0).producer;
    substitute(node, inner->inputs[0], {inner});
    return true;
  }

  // A function of two numbers that depend on one.
  void merge_binary(Node* node) {
    const auto* binary = node->as<ops::Binary>();
    if (binary == nullptr || !binary->integer || !is_i8(node->out())) return;
    for (Value* operand : node->inputs) {
      Node* inner = table_of(operand->producer) != nullptr ? operand->producer : nullptr;
      std::vector<Value*> sources = {operand};
      if (inner != nullptr) sources.insert(sources.begin(), inner->inputs[0]);
      for (Value* source : sources) {
        if (!is_source(*node, source)) continue;
        std::vector<Node*> merged;
        for (Value* other : node->inputs)
          if (other != source && !other->constant) merged.push_back(other->producer);
        return substitute(node, source, merged);
      }
    }
  }

  static bool is_source(const Node& node, const Value* source) {
    const auto depends = [&](const Value* operand) {
      if (operand->constant) return is_i8(*operand) && uniform_constant(operand).has_value();
      return operand == source || (table_of(operand->producer) != nullptr && &operand->producer->in(0) == source);
    };
    return is_i8(*source) && !source->constant && source->shape() == node.out().shape() &&
           std::all_of(node.inputs.begin(), node.inputs.end(), depends);
  }

  // An operand's value for every number of the source.
  static Array numbers(const Value& operand, const Value& source) {
    if (&operand == &source) return all_numbers(source);
    if (!operand.constant) {
      const Array x = all_numbers(source);
      return operand.producer->op->evaluate({&x})[0];
    }
    const auto value = static_cast<int64_t>(*uniform_constant(&operand));
    return Array::of_integers({1}, {value}, DType::i8).with_quantization(operand.type.quantization);
  }

  void substitute(Node* node, Value* source, const std::vector<Node*>& merged) {
    std::vector<Array> operands;
    std::vector<const Array*> pointers;
    for (const Value* operand : node->inputs) operands.push_back(numbers(*operand, *source));
    for (const Array& operand : operands) pointers.push_back(&operand);
    const Array values = node->op->evaluate(pointers)[0];
    auto unary = std::make_unique<ops::Unary>();
    const auto* binary = node->as<ops::Binary>();
    unary->integer = binary != nullptr ? binary->integer : node->as<ops::Unary>()->integer;
    unary->table.emplace();
    for (size_t i = 0; i < ops::kTableSize; ++i) (*unary->table)[i] = static_cast<int8_t>(values.integer(i));
    log_.add("{} is a table of {}", node->name, source->name);
    Node* table = replace(graph_, node, std::move(unary), {source});
    for (const Node* inner : merged) add_sources(table, *inner);
  }
};

}  // namespace

void merge_tables(Graph& graph, PassLog& log) {
  TableMerger(graph, log).run();
}

}  // namespace linnet::passes
