#include <algorithm>

#include <fmt/format.h>

#include "converter/ir/graph.hpp"

namespace linnet::ir {

namespace {

constexpr size_t kShownElements = 8;

std::string typed(const Value& value) {
  return fmt::format("%{}: {}", value.name, to_string(value.type));
}

std::string elements(const Array& array) {
  std::string text;
  for (size_t i = 0; i < std::min(array.size(), kShownElements); ++i) {
    if (i > 0) text += ", ";
    text += array.floating() ? fmt::format("{:.6g}", array.number(i)) : fmt::format("{}", array.integer(i));
  }
  return array.size() > kShownElements ? text + ", ..." : text;
}

std::string boundary(std::string_view kind, const Value& value) {
  std::string text = fmt::format("{} {}", kind, typed(value));
  if (!value.source_permutation.empty())
    text += fmt::format(" source_permutation={}", fmt::join(value.source_permutation, ","));
  return text + "\n";
}

std::string line(const Node& node) {
  std::string outputs, inputs;
  for (const Value* output : node.outputs) outputs += (outputs.empty() ? "" : ", ") + typed(*output);
  for (size_t i = 0; i < node.inputs.size(); ++i)
    inputs += (i == 0 ? "" : ", ") + (node.has(i) ? "%" + node.in(i).name : std::string("-"));
  AttributeWriter writer;
  node.op->attributes(writer);
  const std::string attributes = writer.text().empty() ? "" : " " + writer.text();
  return fmt::format("{} = {}({}){}  # {}\n", outputs, node.op->name(), inputs, attributes,
                     fmt::join(node.sources.list(), ", "));
}

}  // namespace

std::string dump(const Graph& graph) {
  std::string text = fmt::format("graph {}\n", graph.name);
  for (const Value* input : graph.inputs) text += boundary("input", *input);
  for (const auto& value : graph.values())
    if (value->constant) text += fmt::format("constant {} = {}\n", typed(*value), elements(*value->constant));
  for (const auto& node : graph.nodes()) text += line(*node);
  for (const Value* output : graph.outputs) text += boundary("output", *output);
  for (const State& state : graph.states)
    text += fmt::format("state %{} = %{}, at first {}\n", graph.inputs[state.input]->name,
                        graph.outputs[state.output]->name, elements(state.initial));
  return text;
}

}  // namespace linnet::ir
