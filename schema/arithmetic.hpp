// The arithmetic of a model's steps, told by their fields: what the engine would compute them with.
#pragma once

#include <cstdint>
#include <type_traits>

#include "schema/model_generated.h"

namespace linnet {

// None: elements are moved, or change their type without a scale. Int16: of activations; the weights are int8.
enum class Arithmetic : uint8_t { None, Float32, Int8, Int16 };

namespace arithmetic {

template <class Table>
auto requantize_of(const Table& table, int) -> decltype(table.requantize()) {
  return table.requantize();
}
template <class Table>
const fb::Requantize* requantize_of(const Table&, long) {
  return nullptr;
}

template <class Table>
bool is_integer(const Table& table) {
  return requantize_of(table, 0) != nullptr;
}
inline bool is_integer(const fb::Unary& unary) {
  return unary.lookup() != 0;
}
inline bool is_integer(const fb::Softmax& softmax) {
  return softmax.factor() != nullptr;
}

template <class Table>
Arithmetic of(const fb::Model& model, const fb::Step& step, const Table& table) {
  const auto type = [&](const flatbuffers::Vector<uint32_t>* tensors) {
    return tensors == nullptr || tensors->size() == 0 ? fb::DataType::Float32
                                                      : model.tensors()->Get(tensors->Get(0))->type();
  };
  const fb::DataType x = type(step.inputs()), y = type(step.outputs());
  const bool selects = std::is_same<Table, fb::ArgMax>::value && x != fb::DataType::Float32;
  if (is_integer(table) || selects) {
    return x == fb::DataType::Int16 || y == fb::DataType::Int16 ? Arithmetic::Int16 : Arithmetic::Int8;
  }
  const bool moves = std::is_same<Table, fb::Copy>::value || std::is_same<Table, fb::Gather>::value ||
                     std::is_same<Table, fb::Cast>::value;
  return moves ? Arithmetic::None : Arithmetic::Float32;
}

}  // namespace arithmetic

// Of a step of a model that the engine accepts.
inline Arithmetic arithmetic_of(const fb::Model& model, const fb::Step& step) {
  switch (step.op_type()) {
#define LINNET_OPERATOR(Name) \
  case fb::Operator::Name:    \
    return arithmetic::of(model, step, *step.op_as_##Name());
#include "schema/operators.inc"
#undef LINNET_OPERATOR
    default:
      return Arithmetic::None;
  }
}

// The rule by which an integer step rounds; null where there is none to name: of other steps, and of lookup tables.
inline const char* rounding_of(const fb::Step& step) {
  const fb::Requantize* requantize = nullptr;
  switch (step.op_type()) {
#define LINNET_OPERATOR(Name)                                        \
  case fb::Operator::Name:                                           \
    requantize = arithmetic::requantize_of(*step.op_as_##Name(), 0); \
    break;
#include "schema/operators.inc"
#undef LINNET_OPERATOR
    default:
      break;
  }
  const bool to_integers = requantize != nullptr && requantize->low() != requantize->high();
  if (to_integers) return requantize->rounding() == fb::Rounding::FixedPoint ? "tflite" : "float";
  const bool softmax = step.op_type() == fb::Operator::Softmax && step.op_as_Softmax()->factor() != nullptr;
  return softmax ? "tflite" : nullptr;
}

// "float32", "int8", "int16"; empty for None.
inline const char* name(Arithmetic arithmetic) {
  constexpr const char* kNames[] = {"", "float32", "int8", "int16"};
  return kNames[static_cast<int>(arithmetic)];
}

}  // namespace linnet
