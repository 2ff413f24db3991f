#include "converter/import/tflite/context.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "converter/import/tflite/quantization.hpp"

namespace linnet::import {

using ir::Array;
using ir::Error;
using ir::Value;

TfliteContext::TfliteContext(size_t index, TfliteState& state)
    : state_(state), operator_(*state.subgraph.operators()->Get(static_cast<uint32_t>(index))) {
  const auto* codes = state.file.model().operator_codes();
  place_ = fmt::format("operator {}", index);
  if (operator_.opcode_index() >= count_of(codes))
    fail(fmt::format("has operator code {}, the file has {}", operator_.opcode_index(), count_of(codes)));
  const tfl::OperatorCode& code = *codes->Get(operator_.opcode_index());
  // Files of the first versions know the narrow field only.
  op_type_ = std::max(code.builtin_code(), static_cast<tfl::BuiltinOperator>(code.deprecated_builtin_code()));
  std::string op_name = tfl::EnumNameBuiltinOperator(op_type_);
  if (op_name.empty()) op_name = fmt::format("operator code {}", static_cast<int>(op_type_));
  if (op_type_ == tfl::BuiltinOperator::CUSTOM)
    op_name = fmt::format("custom operator {}", text_of(code.custom_code()));
  place_ = fmt::format("operator {} ({})", index, op_name);
  for (size_t i = 0; i < count_of(operator_.inputs()); ++i)
    if (input_index(i) != -1) tensor(input_index(i));
  for (size_t i = 0; i < output_count(); ++i) tensor(output_index(i));
  name_ = output_count() > 0 ? text_of(output_tensor(0).name()) : "";
  if (name_.empty()) name_ = fmt::format("operator_{}", index);
  place_ = fmt::format("operator {} '{}' ({})", index, name_, op_name);
}

int32_t TfliteContext::input_index(size_t index) const {
  return index < count_of(operator_.inputs()) ? operator_.inputs()->Get(static_cast<uint32_t>(index)) : -1;
}

const tfl::Tensor& TfliteContext::tensor(int32_t index) const {
  if (index < 0 || static_cast<size_t>(index) >= count_of(state_.subgraph.tensors()))
    fail(fmt::format("names tensor {}, the subgraph has {}", index, count_of(state_.subgraph.tensors())));
  return *state_.subgraph.tensors()->Get(static_cast<uint32_t>(index));
}

int32_t TfliteContext::output_index(size_t index) const {
  if (index >= output_count()) fail(fmt::format("has {} outputs, output {} is wanted", output_count(), index));
  return operator_.outputs()->Get(static_cast<uint32_t>(index));
}

const tfl::Tensor& TfliteContext::output_tensor(size_t index) const {
  return tensor(output_index(index));
}

ir::TensorType TfliteContext::output_type(size_t index) const {
  const tfl::Tensor& target = output_tensor(index);
  try {
    return element_type_of(target);
  } catch (const Error& error) {
    fail(fmt::format("output {} '{}' {}", index, text_of(target.name()), error.what()));
  }
}

bool TfliteContext::inputs_imported(const std::unordered_set<int32_t>& spoiled) const {
  for (size_t i = 0; i < count_of(operator_.inputs()); ++i)
    if (spoiled.count(input_index(i)) != 0) return false;
  return true;
}

Value* TfliteContext::value(size_t input, int32_t index) {
  Value*& value = state_.values[static_cast<size_t>(index)];
  if (value != nullptr) return value;
  const tfl::Tensor& source = tensor(index);
  const std::string name = text_of(source.name());
  std::optional<Array> array;
  try {
    array = state_.file.constant(source);
    if (array) array = in_graph_form(*array, source);
  } catch (const Error& error) {
    fail(fmt::format("tensor '{}' {}", name, error.what()));
  }
  if (!array)
    fail(fmt::format(
        "input {} '{}' is neither constant nor an input of the subgraph, and no operator before computes it", input,
        name));
  if (!array->all_finite()) state_.warnings.push_back(fmt::format("tensor '{}' holds NaN or infinite elements", name));
  value = state_.graph.add_constant(name, std::move(*array));
  return value;
}

Value* TfliteContext::optional_input(size_t index) {
  return input_index(index) == -1 ? nullptr : value(index, input_index(index));
}

Value* TfliteContext::input(size_t index) {
  Value* value = optional_input(index);
  if (value == nullptr) fail(fmt::format("input {} is absent", index));
  return value;
}

Value* TfliteContext::optional_float_input(size_t index) {
  Value* value = optional_input(index);
  if (value == nullptr || !value->constant || !value->type.quantization) return value;
  return add_constant(dequantized(*value->constant), value->name);
}

Value* TfliteContext::float_input(size_t index) {
  input(index);
  return optional_float_input(index);
}

std::optional<ir::IntegerForm> TfliteContext::integer_form(size_t index) {
  const Value* value = input(index);
  if (value->constant || !value->type.quantization) return std::nullopt;
  const tfl::Tensor& target = output_tensor(0);
  const ir::TensorType type = output_type(0);
  const std::optional<ir::Quantization>& quantization = type.quantization;
  if (!quantization)
    fail(fmt::format("gives {} of an input {}; supported are integers with a scale",
                     tfl::EnumNameTensorType(target.type()), ir::to_string(value->type)));
  if (!quantization->per_tensor()) fail("gives an output with a scale per channel; supported is one for all");
  return ir::IntegerForm{type.dtype, *quantization, ir::Rounding::tflite, target.type() == tfl::TensorType::UINT8};
}

Value* TfliteContext::parameter(size_t index, size_t input) {
  return integer_form(input) ? optional_input(index) : optional_float_input(index);
}

const Array& TfliteContext::constant(size_t index, std::string_view what) {
  const Value* value = input(index);
  if (!state_.constants.known(value))
    fail(fmt::format(
        "input {} ({}) must be constant, it depends on the graph's input '{}'", index, what,
        Constants::dependencies(value).empty() ? value->name : Constants::dependencies(value).front()->name));
  return state_.constants.get(value);
}

bool TfliteContext::output_used(size_t index) const {
  return index < output_count() && state_.read.count(output_index(index)) != 0;
}

std::vector<Value*> TfliteContext::add_many(std::unique_ptr<ir::Op> op, std::vector<Value*> inputs) {
  std::vector<Value*> outputs;
  try {
    outputs = state_.constants.add(state_.graph, std::move(op), std::move(inputs), name_);
  } catch (const Error& error) {
    fail(error.what());
  }
  created_.insert(outputs.begin(), outputs.end());
  return outputs;
}

Value* TfliteContext::add(std::unique_ptr<ir::Op> op, std::vector<Value*> inputs) {
  return add_many(std::move(op), std::move(inputs)).front();
}

Value* TfliteContext::add_constant(Array array, std::string_view what) {
  Value* value = state_.graph.add_constant(std::string(what), std::move(array));
  created_.insert(value);
  return value;
}

Value* TfliteContext::add_folded(std::unique_ptr<ir::Op> op, Value* input) {
  if (!input->constant) return add(std::move(op), {input});
  try {
    op->infer({&input->type});
    return add_constant(op->evaluate({&*input->constant}).front(), input->name);
  } catch (const Error& error) {
    fail(error.what());
  }
}

void TfliteContext::warn(std::string message) {
  state_.warnings.push_back(about(message));
}

std::string TfliteContext::about(const std::string& message) const {
  return fmt::format("{}: {}", place_, message);
}

}  // namespace linnet::import
