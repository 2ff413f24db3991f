// Small helpers of the TensorFlow Lite importers.
#pragma once

#include <algorithm>
#include <vector>

#include "converter/import/tflite/context.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::import::from_tflite {

using namespace linnet::ir;

// Adds an operator, with the activation that its options name as a step of its own. One of quantized integers takes its
// integer form, in which the activation is part of it; `input` is the operator's input that says which.
template <class Op>
Value* add_activated(TfliteContext& context, std::unique_ptr<Op> op, std::vector<Value*> inputs,
                     tfl::ActivationFunctionType function, size_t input = 0);

// `value` after the activation that an operator's options name.
Activation activation_of(TfliteContext& context, tfl::ActivationFunctionType function);
Value* activated(TfliteContext& context, Value* value, tfl::ActivationFunctionType function);

// A function of the operator's first input.
Value* unary(TfliteContext& context, const Activation& function, Value* x);

// Weights with their dimensions in another order; constants stay constants of the same name.
Value* permuted_weights(TfliteContext& context, Value* weights, const Permutation& permutation);

// The bias of a layer whose data is `input`; zeros where there is none but its options name the type of one, which says
// how TensorFlow Lite rounds the sums of int16.
Value* layer_bias(TfliteContext& context, Value* bias, tfl::TensorType type, int64_t outputs, size_t input = 0);

// An operand of int8 beside one of int16, as int16 of the same numbers with a zero point of 0; all others as they are.
Value* widened(TfliteContext& context, Value* value);

// Fails unless the value has this many dimensions.
void require_rank(TfliteContext& context, const Value* value, size_t rank, std::string_view what);

// The integers of a constant input of one dimension (or none), `count` of them unless it is negative.
std::vector<int64_t> constant_list(TfliteContext& context, size_t index, std::string_view what, int64_t count = -1);

// Pads before and behind of one dimension.
struct Padding1D {
  int64_t begin, end;
};
// Of a window of `kernel` taps, by TensorFlow's rules; `outputs` gets the number of outputs.
Padding1D window_padding(tfl::Padding padding, int64_t size, int64_t kernel, int64_t stride, int64_t dilation);

template <class Op>
Value* add_activated(TfliteContext& context, std::unique_ptr<Op> op, std::vector<Value*> inputs,
                     tfl::ActivationFunctionType function, size_t input) {
  op->integer = context.integer_form(input);
  if (!op->integer) return activated(context, context.add(std::move(op), std::move(inputs)), function);
  op->fused = activation_of(context, function);
  return context.add(std::move(op), std::move(inputs));
}

}  // namespace linnet::import::from_tflite
