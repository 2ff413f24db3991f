// Variables, which keep their values from run to run.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/import/tflite/quantization.hpp"

namespace linnet::import {

std::string variable_name(const tfl::Operator& handle) {
  const auto* options = handle.builtin_options_as<tfl::VarHandleOptions>();
  if (options == nullptr) return {};
  const std::string container = text_of(options->container());
  return container.empty() ? text_of(options->shared_name())
                           : fmt::format("{}/{}", container, text_of(options->shared_name()));
}

namespace from_tflite {

namespace {

tfl::BuiltinOperator code_of(const TfliteState& state, const tfl::Operator& row) {
  const auto* codes = state.file.model().operator_codes();
  if (row.opcode_index() >= count_of(codes)) return tfl::BuiltinOperator::CUSTOM;
  return codes->Get(row.opcode_index())->builtin_code();
}

int64_t first_of(const flatbuffers::Vector<int32_t>* list) {
  return count_of(list) > 0 ? list->Get(0) : -1;
}

// Calls visit(name, operator) for every ASSIGN_VARIABLE of a subgraph whose variable is known.
template <class Visit>
void for_each_assignment(const TfliteState& state, const tfl::SubGraph& subgraph, Visit visit) {
  std::map<int64_t, std::string> handles;
  for (uint32_t i = 0; i < count_of(subgraph.operators()); ++i) {
    const tfl::Operator& row = *subgraph.operators()->Get(i);
    const tfl::BuiltinOperator code = code_of(state, row);
    if (code == tfl::BuiltinOperator::VAR_HANDLE) handles[first_of(row.outputs())] = variable_name(row);
    const auto handle = handles.find(first_of(row.inputs()));
    if (code == tfl::BuiltinOperator::ASSIGN_VARIABLE && handle != handles.end()) visit(handle->second, row);
  }
}

Variable& variable_of(TfliteContext& context) {
  const auto handle = context.state().handles.find(context.input_index(0));
  if (handle == context.state().handles.end()) context.fail("input 0 is not the handle of a variable");
  return context.state().variables[handle->second];
}

const std::string& name_of(TfliteContext& context) {
  return context.state().handles.at(context.input_index(0));
}

bool is_assigned(const TfliteState& state, const std::string& name) {
  bool assigned = false;
  for_each_assignment(state, state.subgraph,
                      [&](const std::string& other, const tfl::Operator&) { assigned = assigned || other == name; });
  return assigned;
}

}  // namespace

// A subgraph that assigns constants.
std::vector<Value*> import_call_once(TfliteContext& context) {
  TfliteState& state = context.state();
  const int32_t index = context.options<tfl::CallOnceOptions>().init_subgraph_index();
  const auto* subgraphs = state.file.model().subgraphs();
  if (index < 0 || static_cast<uint32_t>(index) >= subgraphs->size())
    context.fail(fmt::format("calls subgraph {}, the file has {}", index, subgraphs->size()));
  const tfl::SubGraph& subgraph = *subgraphs->Get(static_cast<uint32_t>(index));
  for (uint32_t i = 0; i < count_of(subgraph.operators()); ++i) {
    const tfl::BuiltinOperator code = code_of(state, *subgraph.operators()->Get(i));
    if (code != tfl::BuiltinOperator::VAR_HANDLE && code != tfl::BuiltinOperator::ASSIGN_VARIABLE)
      context.fail(fmt::format("operator {} of subgraph {} is {}; supported are VAR_HANDLE and ASSIGN_VARIABLE", i,
                               index, tfl::EnumNameBuiltinOperator(code)));
  }
  for_each_assignment(state, subgraph, [&](const std::string& name, const tfl::Operator& row) {
    const int32_t value = count_of(row.inputs()) > 1 ? row.inputs()->Get(1) : -1;
    if (value < 0 || static_cast<size_t>(value) >= count_of(subgraph.tensors()))
      context.fail(fmt::format("assigns tensor {} to variable '{}'", value, name));
    const tfl::Tensor& tensor = *subgraph.tensors()->Get(static_cast<uint32_t>(value));
    const std::optional<Array> array = state.file.constant(tensor);
    if (!array) context.fail(fmt::format("the value of variable '{}' is not constant", name));
    state.variables[name].initial = in_graph_form(*array, tensor);
  });
  return {};
}

std::vector<Value*> import_var_handle(TfliteContext& context) {
  if (context.output_count() > 0) context.state().handles[context.output_index(0)] = variable_name(context.source());
  return {};
}

std::vector<Value*> import_read_variable(TfliteContext& context) {
  Variable& variable = variable_of(context);
  const std::string& name = name_of(context);
  if (variable.current != nullptr) return {variable.current};
  if (!variable.initial) context.fail(fmt::format("variable '{}' is read before it is assigned", name));
  if (!is_assigned(context.state(), name)) return {context.add_constant(*variable.initial, name)};
  if (variable.input == nullptr) variable.input = context.state().graph.add_input(name, variable.initial->type());
  return {variable.input};
}

std::vector<Value*> import_assign_variable(TfliteContext& context) {
  Variable& variable = variable_of(context);
  Value* value = context.input(1);
  if (variable.initial && variable.initial->type() != value->type)
    context.fail(fmt::format("variable '{}' is {} at first and becomes {}", name_of(context),
                             to_string(variable.initial->type()), to_string(value->type)));
  variable.current = value;
  return {};
}

}  // namespace from_tflite

}  // namespace linnet::import
