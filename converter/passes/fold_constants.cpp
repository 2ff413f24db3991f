#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

bool has_no_elements(const Value* value) {
  return element_count(value->shape()) == 0;
}

bool is_constant(const Node& node) {
  const auto is_known = [](const Value* v) { return v == nullptr || v->constant; };
  return !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(), is_known);
}

std::vector<Array> evaluated(const Node& node) {
  std::vector<const Array*> inputs;
  for (const Value* value : node.inputs) inputs.push_back(value != nullptr ? &*value->constant : nullptr);
  try {
    return node.op->evaluate(inputs);
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", to_string(node), error.what()));
  }
}

std::vector<Array> empty_arrays(const Node& node) {
  std::vector<Array> arrays;
  for (const Value* output : node.outputs)
    arrays.push_back(is_floating(*output) ? Array::of_doubles(output->shape(), {}, output->type.dtype)
                                          : Array::of_integers(output->shape(), {}, output->type.dtype));
  return arrays;
}

}  // namespace

void fold_constants(Graph& graph, PassLog& log) {
  sweep(graph, [&](Node* node) {
    const bool empty = std::all_of(node->outputs.begin(), node->outputs.end(), has_no_elements);
    if (!empty && !is_constant(*node)) return;
    std::vector<Array> results = empty ? empty_arrays(*node) : evaluated(*node);
    log.add("evaluated {} ({})", node->name, node->op->name());
    for (size_t i = 0; i < results.size(); ++i) {
      Value* output = node->outputs[i];
      const bool is_output = graph.is_output(output);
      Value* constant = graph.add_constant(output->name, std::move(results[i]));
      graph.replace_all_uses(output, constant);
      if (!is_output) std::swap(output->name, constant->name);
    }
    const std::set<Value*> operands(node->inputs.begin(), node->inputs.end());
    graph.remove(node);
    for (Value* operand : operands)
      if (operand != nullptr && operand->constant && operand->uses.empty() && !graph.is_output(operand))
        graph.remove(operand);
  });
}

}  // namespace linnet::passes
