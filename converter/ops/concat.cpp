#include "converter/ops/concat.hpp"

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/movement.hpp"

namespace linnet::ops {

namespace {

// One movement per input, side by side along `axis`.
Movement part(const Shape& shape, int64_t axis, int64_t start, std::vector<int64_t> in_strides,
              std::vector<int64_t> out_strides) {
  const int64_t offset = start * out_strides[static_cast<size_t>(axis)];
  return {shape, std::move(in_strides), std::move(out_strides), 0, offset};
}

}  // namespace

void Concat::attributes(AttributeWriter& writer) const {
  writer.add("axis", axis);
}

std::vector<TensorType> Concat::infer(const std::vector<const TensorType*>& inputs) const {
  const size_t count = std::max<size_t>(inputs.size(), 1);
  require_inputs(inputs, count, count);
  TensorType result = *inputs.front();
  const auto along = static_cast<size_t>(normalized_axis(axis, result.shape.size()));
  for (size_t i = 1; i < inputs.size(); ++i) {
    Shape shape = inputs[i]->shape;
    const bool same_rank = shape.size() == result.shape.size();
    const int64_t size = same_rank ? shape[along] : 0;
    if (same_rank) shape[along] = result.shape[along];
    if (shape != result.shape || inputs[i]->dtype != result.dtype || inputs[i]->quantization != result.quantization)
      throw Error(fmt::format("input {} is {}, which cannot follow {} along axis {}", i, to_string(*inputs[i]),
                              to_string(*inputs[0]), axis));
    if (__builtin_add_overflow(result.shape[along], size, &result.shape[along])) throw Error("the output is too large");
  }
  return {result};
}

std::vector<Array> Concat::evaluate(const std::vector<const Array*>& inputs) const {
  Shape shape = inputs[0]->shape();
  for (size_t i = 1; i < inputs.size(); ++i)
    shape[static_cast<size_t>(axis)] += inputs[i]->shape()[static_cast<size_t>(axis)];
  const auto count = static_cast<size_t>(element_count(shape));
  const bool floating = inputs[0]->floating();
  std::vector<double> numbers(floating ? count : 0);
  std::vector<int64_t> integers(floating ? 0 : count);
  int64_t start = 0;
  for (const Array* input : inputs) {
    const Movement movement =
        part(input->shape(), axis, start, row_major_strides(input->shape()), row_major_strides(shape));
    const std::vector<int64_t> to = strided_offsets(movement.shape, movement.out_strides, movement.out_offset);
    for (size_t i = 0; i < to.size(); ++i) {
      if (floating)
        numbers[static_cast<size_t>(to[i])] = input->number(i);
      else
        integers[static_cast<size_t>(to[i])] = input->integer(i);
    }
    start += input->shape()[static_cast<size_t>(axis)];
  }
  if (floating) return {Array::of_doubles(shape, std::move(numbers), inputs[0]->dtype())};
  return {Array::of_integers(shape, std::move(integers), inputs[0]->dtype())
              .with_quantization(inputs[0]->type().quantization)};
}

std::unique_ptr<Op> Concat::permuted(const Permutation& permutation, const Node& node) const {
  (void)node;
  auto op = std::make_unique<Concat>(*this);
  op->axis = permuted_axis(axis, permutation);
  return op;
}

void Concat::emit(const Node& node, emit::Context& context) const {
  const std::vector<int64_t> out_strides = device_strides(node.out(), context);
  int64_t start = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Value& input = node.in(i);
    if (!context.placed_in_output(node, i))
      emit_movement(node, i, part(input.shape(), axis, start, device_strides(input, context), out_strides), context);
    start += input.shape()[static_cast<size_t>(axis)];
  }
}

std::vector<Value*> import_concat(import::OnnxContext& context) {
  if (!context.has("axis")) context.fail("attribute axis is missing");
  const int64_t axis = context.integer("axis", 0);
  std::vector<Value*> inputs;
  for (size_t i = 0; i < context.input_count(); ++i) inputs.push_back(context.input(i));
  if (inputs.empty()) context.fail("has no inputs");
  auto op = std::make_unique<Concat>();
  op->axis = normalized_axis(axis, inputs[0]->shape().size());
  return {context.add(std::move(op), std::move(inputs))};
}

}  // namespace linnet::ops
