#include "converter/ops/cast.hpp"

#include "converter/emit/context.hpp"
#include "converter/import/tensor_reader.hpp"
#include "converter/ops/axes.hpp"

namespace linnet::ops {

void Cast::attributes(AttributeWriter& writer) const {
  writer.add("to", ir::name(to));
}

std::vector<TensorType> Cast::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  return {{to, inputs[0]->shape}};
}

std::vector<Array> Cast::evaluate(const std::vector<const Array*>& inputs) const {
  return {inputs[0]->cast(to)};
}

std::unique_ptr<Op> Cast::permuted(const Permutation& permutation, const Node& node) const {
  (void)permutation, (void)node;
  return clone();
}

void Cast::emit(const Node& node, emit::Context& context) const {
  context.step(node, fb::CreateCast(context.builder()), {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

namespace {

std::vector<Value*> add_cast(import::OnnxContext& context, DType to) {
  Value* x = context.input(0);
  if (x->type.dtype == to) return {x};
  auto op = std::make_unique<Cast>();
  op->to = to;
  return {context.add(std::move(op), {x})};
}

}  // namespace

std::vector<Value*> import_cast(import::OnnxContext& context) {
  if (context.opset() >= 19) context.integer("saturate", 1);  // of 8-bit floats only
  return add_cast(context, import::dtype_of(static_cast<int>(context.integer("to", 0))));
}

std::vector<Value*> import_cast_like(import::OnnxContext& context) {
  if (context.opset() >= 19) context.integer("saturate", 1);
  return add_cast(context, context.input(1)->type.dtype);
}

}  // namespace linnet::ops
