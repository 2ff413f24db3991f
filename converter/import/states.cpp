#include "converter/import/states.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/ir/states.hpp"

namespace linnet::import {

namespace {

using ir::Error;
using ir::Value;

std::string names_of(const std::vector<Value*>& values) {
  std::string text;
  for (const Value* value : values) text += (text.empty() ? "" : ", ") + value->name;
  return text.empty() ? "none" : text;
}

// The position in `all` of the one in `free` that has this name.
size_t find(const std::vector<Value*>& all, const std::vector<Value*>& free, const std::string& name,
            const char* kind) {
  const auto is_named = [&](const Value* value) { return value->name == name; };
  const auto found = std::find_if(free.begin(), free.end(), is_named);
  if (found != free.end()) return static_cast<size_t>(std::find(all.begin(), all.end(), *found) - all.begin());
  if (std::any_of(all.begin(), all.end(), is_named))
    throw Error(fmt::format("{} '{}' belongs to another state", kind, name));
  throw Error(fmt::format("the model has no {} '{}'; there are: {}", kind, name, names_of(free)));
}

ir::Array zeros(const ir::TensorType& type) {
  const auto count = static_cast<size_t>(ir::element_count(type.shape));
  if (ir::is_floating(type.dtype)) return ir::Array::of_doubles(type.shape, std::vector<double>(count), type.dtype);
  const int64_t zero = type.quantization && type.quantization->per_tensor() ? type.quantization->zero_point() : 0;
  return ir::Array::of_integers(type.shape, std::vector<int64_t>(count, zero), type.dtype)
      .with_quantization(type.quantization);
}

void add_state(ir::Graph& graph, const std::string& input_name, const std::string& output_name) {
  const size_t input = find(graph.inputs, program_inputs(graph), input_name, "input");
  const size_t output = find(graph.outputs, program_outputs(graph), output_name, "output");
  const ir::TensorType &type = graph.inputs[input]->type, &next = graph.outputs[output]->type;
  if (type != next)
    throw Error(fmt::format("input '{}' is {} and output '{}' {}; supported are equal types and shapes", input_name,
                            to_string(type), output_name, to_string(next)));
  graph.states.push_back({input, output, zeros(type)});
}

}  // namespace

void add_states(ir::Graph& graph, const std::map<std::string, std::string>& states) {
  std::vector<std::string> problems;
  for (const auto& [input, output] : states) {
    try {
      add_state(graph, input, output);
    } catch (const Error& error) {
      problems.push_back(fmt::format("--state {}={}: {}", input, output, error.what()));
    }
  }
  if (!problems.empty()) throw ir::Problems(std::move(problems));
  if (program_outputs(graph).empty()) throw Error("every output of the model is a state; a model needs another one");
}

}  // namespace linnet::import
