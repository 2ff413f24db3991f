#include "converter/ops/slice.hpp"

#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/movement.hpp"

namespace linnet::ops {

Slice whole_slice(const Shape& shape) {
  Slice op;
  op.starts.assign(shape.size(), 0);
  op.steps.assign(shape.size(), 1);
  op.shape = shape;
  return op;
}

namespace {

Movement movement(const Slice& op, const std::vector<int64_t>& in_strides, const std::vector<int64_t>& out_strides) {
  Movement result;
  for (size_t d = 0; d < op.shape.size(); ++d) {
    result.add_dimension(op.shape[d], in_strides[d] * op.steps[d], out_strides[d]);
    result.in_offset += op.starts[d] * in_strides[d];
  }
  return result;
}

// ONNX's rules for one axis of `size` elements: negative positions count from the end, positions outside are moved
// inside.
void set_range(Slice& op, size_t axis, int64_t size, int64_t start, int64_t end, int64_t step) {
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();  // no dimension is larger
  if (step == 0) throw Error(fmt::format("step 0 on axis {}", axis));
  step = std::clamp(step, -kLargest, kLargest);
  start = start < 0 ? start + size : start;
  end = end < 0 ? end + size : end;
  int64_t count = 0;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    count = (end - start + step - 1) / step;
  } else if (size > 0) {
    start = std::clamp<int64_t>(start, 0, size - 1);
    end = std::clamp<int64_t>(end, -1, size - 1);
    count = (start - end - step - 1) / -step;
  }
  op.shape[axis] = std::max<int64_t>(count, 0);
  op.starts[axis] = count > 0 ? start : 0;
  op.steps[axis] = count > 1 ? step : 1;
}

}  // namespace

void Slice::attributes(AttributeWriter& writer) const {
  writer.add("starts", starts);
  writer.add("steps", steps);
  writer.add("shape", shape);
}

std::vector<TensorType> Slice::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  const Shape& x = inputs[0]->shape;
  if (starts.size() != x.size() || steps.size() != x.size() || shape.size() != x.size())
    throw Error(fmt::format("slices {} dimensions of {}", shape.size(), to_string(x)));
  for (size_t d = 0; d < x.size(); ++d) {
    const int64_t last = starts[d] + (shape[d] - 1) * steps[d];
    if (shape[d] < 0 || (shape[d] > 0 && (std::min(starts[d], last) < 0 || std::max(starts[d], last) >= x[d])))
      throw Error(fmt::format("reads elements {} to {} of axis {} of {}", starts[d], last, d, to_string(x)));
  }
  return {moved_type(*inputs[0], shape)};
}

std::vector<Array> Slice::evaluate(const std::vector<const Array*>& inputs) const {
  return {moved(*inputs[0], shape, movement(*this, row_major_strides(inputs[0]->shape()), row_major_strides(shape)))};
}

std::unique_ptr<Op> Slice::permuted(const Permutation& permutation, const Node& node) const {
  (void)node;
  auto op = std::make_unique<Slice>();
  op->starts = permute(starts, permutation);
  op->steps = permute(steps, permutation);
  op->shape = permute(shape, permutation);
  return op;
}

void Slice::emit(const Node& node, emit::Context& context) const {
  emit_movement(node, 0, movement(*this, device_strides(node.in(0), context), device_strides(node.out(), context)),
                context);
}

std::vector<Value*> import_slice(import::OnnxContext& context) {
  Value* x = context.input(0);
  const bool attributes = context.opset() < 10;
  const auto argument = [&](size_t input, std::string_view name) {
    return attributes ? context.integers(name) : context.constant(input, name).integers();
  };
  const std::vector<int64_t> starts = argument(1, "starts"), ends = argument(2, "ends");
  std::vector<int64_t> axes(starts.size()), steps(starts.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  if (const auto given = axes_argument(context, 3, 10)) axes = *given;
  if (!attributes && context.optional_input(4) != nullptr) steps = context.constant(4, "steps").integers();
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    context.fail(fmt::format("has {} starts, {} ends, {} axes and {} steps", starts.size(), ends.size(), axes.size(),
                             steps.size()));
  axes = normalized_axes(std::move(axes), x->shape().size());

  auto op = std::make_unique<Slice>(whole_slice(x->shape()));
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i]);
    set_range(*op, axis, x->shape()[axis], starts[i], ends[i], steps[i]);
  }
  return {context.add(std::move(op), {x})};
}

namespace {

std::vector<int64_t> split_sizes(import::OnnxContext& context, int64_t size) {
  const auto parts = static_cast<int64_t>(context.output_count());
  if (parts == 0) context.fail("has no outputs");
  if (context.opset() < 13 && context.has("split")) return context.integers("split");
  if (context.opset() >= 13 && context.optional_input(1) != nullptr) return context.constant(1, "split").integers();
  if (context.opset() >= 18) {
    const int64_t wanted = context.integer("num_outputs", parts);
    if (wanted != parts)
      context.fail(fmt::format("attribute num_outputs is {}, the node has {} outputs", wanted, parts));
  } else if (size % parts != 0) {
    context.fail(fmt::format("{} elements cannot be split into {} equal parts", size, parts));
  }
  const int64_t chunk = (size + parts - 1) / parts;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < parts; ++i) sizes.push_back(std::clamp<int64_t>(size - i * chunk, 0, chunk));
  return sizes;
}

}  // namespace

std::vector<Value*> parts(import::Context& context, Value* x, size_t axis, const std::vector<int64_t>& sizes) {
  int64_t sum = 0;
  for (const int64_t size : sizes)
    if (size < 0 || __builtin_add_overflow(sum, size, &sum)) context.fail(fmt::format("a part has {} elements", size));
  if (sizes.size() != context.output_count() || sum != x->shape()[axis])
    context.fail(fmt::format("{} parts of {} elements in all for {} outputs and axis {} of {}", sizes.size(), sum,
                             context.output_count(), axis, to_string(x->shape())));
  std::vector<Value*> outputs;
  int64_t start = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto op = std::make_unique<Slice>(whole_slice(x->shape()));
    op->starts[axis] = sizes[i] > 0 ? start : 0;
    op->shape[axis] = sizes[i];
    outputs.push_back(context.output_used(i) ? context.add(std::move(op), {x}) : nullptr);
    start += sizes[i];
  }
  return outputs;
}

std::vector<Value*> import_split(import::OnnxContext& context) {
  Value* x = context.input(0);
  const auto axis = static_cast<size_t>(normalized_axis(context.integer("axis", 0), x->shape().size()));
  const std::vector<int64_t> sizes = split_sizes(context, x->shape()[axis]);
  return parts(context, x, axis, sizes);
}

}  // namespace linnet::ops
