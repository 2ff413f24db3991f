#include "converter/ops/cast.hpp"

#include <fmt/format.h>

#include "converter/emit/context.hpp"
#include "converter/import/tensor_reader.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/import_helpers.hpp"

namespace linnet::ops {

void Cast::attributes(AttributeWriter& writer) const {
  writer.add("to", ir::name(to));
  if (quantization) writer.add("quantization", to_string(*quantization));
}

std::vector<TensorType> Cast::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  return {{to, inputs[0]->shape, quantization}};
}

std::vector<Array> Cast::evaluate(const std::vector<const Array*>& inputs) const {
  return {inputs[0]->cast(to).with_quantization(quantization)};
}

std::unique_ptr<Op> Cast::permuted(const Permutation& permutation, const Node& node) const {
  (void)permutation, (void)node;
  return clone();
}

void Cast::emit(const Node& node, emit::Context& context) const {
  context.step(node, fb::CreateCast(context.builder()), {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

namespace {

// The device computes in f32 and i32: constants are rounded here as the model says, of data a warning tells.
std::vector<Value*> add_cast(import::OnnxContext& context, DType to) {
  Value* x = context.input(0);
  const DType from = x->type.dtype;
  if (from == to) return {x};
  const bool halves = to == DType::f16 || to == DType::bf16;
  if (halves && context.is_static(x)) return {context.add_constant(context.constant(0, "input").cast(to), "")};
  if (halves && is_floating(from)) context.warn(fmt::format("the rounding to {} is left out", ir::name(to)));
  if (to == DType::i64 && is_floating(from) && !context.is_static(x))
    context.warn("numbers beyond 32 bits become the largest of 32 bits");
  auto op = std::make_unique<Cast>();
  op->to = to;
  return {context.add(std::move(op), {x})};
}

void read_attributes_of_small_floats(import::OnnxContext& context) {
  if (context.opset() >= 19) context.integer("saturate", 1);
  if (context.opset() >= 24) context.text("round_mode", "up");
}

}  // namespace

std::vector<Value*> import_cast(import::OnnxContext& context) {
  read_attributes_of_small_floats(context);
  return add_cast(context, import::dtype_of(static_cast<int>(context.integer("to", 0))));
}

std::vector<Value*> import_cast_like(import::OnnxContext& context) {
  read_attributes_of_small_floats(context);
  return add_cast(context, context.input(1)->type.dtype);
}

}  // namespace linnet::ops
