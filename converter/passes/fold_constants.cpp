#include <algorithm>
#include <set>

#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

bool depends_on_constants_only(const Node& node) {
  return !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(),
                                             [](const Value* v) { return v == nullptr || v->constant; });
}

}  // namespace

void fold_constants(Graph& graph, PassLog& log) {
  sweep(graph, [&](Node* node) {
    if (!depends_on_constants_only(*node)) return;
    std::vector<const Array*> inputs;
    for (const Value* value : node->inputs) inputs.push_back(value != nullptr ? &*value->constant : nullptr);
    std::vector<Array> results = node->op->evaluate(inputs);
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
      if (operand != nullptr && operand->uses.empty() && !graph.is_output(operand)) graph.remove(operand);
  });
}

}  // namespace linnet::passes
