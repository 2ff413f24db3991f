#include "converter/ops/gather.hpp"

#include <fmt/format.h>

#include "converter/emit/context.hpp"
#include "converter/ops/axes.hpp"

namespace linnet::ops {

void Gather::attributes(AttributeWriter& writer) const {
  writer.add("axis", axis);
  writer.add("indices", indices);
  writer.add("indices_shape", indices_shape);
}

std::vector<TensorType> Gather::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  TensorType result = *inputs[0];
  const auto along = static_cast<size_t>(normalized_axis(axis, result.shape.size()));
  const int64_t size = result.shape[along];
  for (const int64_t index : indices)
    if (index < 0 || index >= size)
      throw Error(fmt::format("index {} on axis {} of {}", index, axis, to_string(inputs[0]->shape)));
  const auto position = result.shape.erase(result.shape.begin() + static_cast<std::ptrdiff_t>(along));
  result.shape.insert(position, indices_shape.begin(), indices_shape.end());
  return {result};
}

std::vector<Array> Gather::evaluate(const std::vector<const Array*>& inputs) const {
  const AxisSplit split = split_at(inputs[0]->shape(), axis);
  std::vector<int64_t> source;
  source.reserve(static_cast<size_t>(split.outer * split.inner) * indices.size());
  for (int64_t outer = 0; outer < split.outer; ++outer)
    for (const int64_t index : indices)
      for (int64_t inner = 0; inner < split.inner; ++inner)
        source.push_back((outer * split.size + index) * split.inner + inner);
  return {inputs[0]->gathered(infer({&inputs[0]->type()})[0].shape, source)};
}

std::unique_ptr<Op> Gather::permuted(const Permutation& permutation, const Node& node) const {
  (void)node;
  if (indices_shape.size() != 1) return nullptr;
  auto op = std::make_unique<Gather>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

void Gather::emit(const Node& node, emit::Context& context) const {
  const AxisSplit split = split_at(node.in(0).shape(), axis);
  const std::vector<int32_t> table(indices.begin(), indices.end());
  context.step(node,
               fb::CreateGather(context.builder(), static_cast<int32_t>(split.outer), static_cast<int32_t>(split.size),
                                static_cast<int32_t>(table.size()), static_cast<int32_t>(split.inner),
                                context.buffer(std::span(table))),
               {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

std::vector<Value*> import_gather(import::OnnxContext& context) {
  Value* x = context.input(0);
  const Array& indices = context.constant(1, "indices");
  auto op = std::make_unique<Gather>();
  op->axis = normalized_axis(context.integer("axis", 0), x->shape().size());
  op->indices = indices.integers();
  op->indices_shape = indices.shape();
  const int64_t size = x->shape()[static_cast<size_t>(op->axis)];
  for (int64_t& index : op->indices) index = index < 0 ? index + size : index;
  return {context.add(std::move(op), {x})};
}

}  // namespace linnet::ops
