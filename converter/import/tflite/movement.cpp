// Operators that pick, join, pad or repeat elements.
#include <numeric>

#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/slice.hpp"

namespace linnet::import::from_tflite {

namespace {

Value* slice(TfliteContext& context, Value* x, const ops::Slice& op) {
  return context.add(std::make_unique<ops::Slice>(op), {x});
}

size_t axis_of(int64_t axis, const Value* x) {
  return static_cast<size_t>(ops::normalized_axis(axis, x->shape().size()));
}

Value* concatenated(TfliteContext& context, std::vector<Value*> inputs, int64_t axis) {
  auto op = std::make_unique<ops::Concat>();
  op->axis = axis;
  return context.add(std::move(op), std::move(inputs));
}

// `x` without the dimension `axis`, whose size is 1.
Value* without(TfliteContext& context, Value* x, size_t axis) {
  Shape shape = x->shape();
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return ops::reshape(context, x, shape);
}

std::vector<Value*> all_inputs(TfliteContext& context) {
  std::vector<Value*> inputs;
  for (size_t i = 0; i < context.input_count(); ++i) inputs.push_back(context.input(i));
  if (inputs.empty()) context.fail("has no inputs");
  return inputs;
}

// Pads of every dimension, from a constant [rank, 2].
std::vector<Padding1D> paddings(TfliteContext& context, const Value* x) {
  const Array& array = context.constant(1, "paddings");
  const auto rank = static_cast<int64_t>(x->shape().size());
  if (is_floating(array.dtype()) || array.shape() != Shape{rank, 2})
    context.fail(fmt::format("paddings are {} for {} dimensions", to_string(array.type()), rank));
  std::vector<Padding1D> pads;
  for (size_t d = 0; d < x->shape().size(); ++d) {
    pads.push_back({array.integer(2 * d), array.integer(2 * d + 1)});
    if (pads[d].begin < 0 || pads[d].end < 0)
      context.fail(fmt::format("paddings {} and {} of dimension {}", pads[d].begin, pads[d].end, d));
  }
  return pads;
}

}  // namespace

std::vector<Value*> import_concatenation(TfliteContext& context) {
  const auto& options = context.options<tfl::ConcatenationOptions>();
  std::vector<Value*> inputs = all_inputs(context);
  const int64_t axis = ops::normalized_axis(options.axis(), inputs[0]->shape().size());
  return {activated(context, concatenated(context, std::move(inputs), axis), options.fused_activation_function())};
}

std::vector<Value*> import_pack(TfliteContext& context) {
  std::vector<Value*> inputs = all_inputs(context);
  const int64_t axis = ops::normalized_axis(context.options<tfl::PackOptions>().axis(), inputs[0]->shape().size() + 1);
  for (Value*& input : inputs) {
    Shape shape = input->shape();
    if (static_cast<size_t>(axis) > shape.size()) context.fail("inputs differ in their number of dimensions");
    shape.insert(shape.begin() + axis, 1);
    input = ops::reshape(context, input, shape);
  }
  return {concatenated(context, std::move(inputs), axis)};
}

std::vector<Value*> import_unpack(TfliteContext& context) {
  Value* x = context.input(0);
  const size_t axis = axis_of(context.options<tfl::UnpackOptions>().axis(), x);
  const std::vector<int64_t> sizes(static_cast<size_t>(x->shape()[axis]), 1);
  std::vector<Value*> outputs = ops::parts(context, x, axis, sizes);
  for (Value*& output : outputs)
    if (output != nullptr) output = without(context, output, axis);
  return outputs;
}

// Inputs: axis, x.
std::vector<Value*> import_split(TfliteContext& context) {
  Value* x = context.input(1);
  const size_t axis = axis_of(constant_list(context, 0, "axis", 1)[0], x);
  const auto count = static_cast<int64_t>(context.output_count());
  if (count == 0 || x->shape()[axis] % count != 0)
    context.fail(fmt::format("{} elements cannot be split into {} equal parts", x->shape()[axis], count));
  return ops::parts(context, x, axis, std::vector<int64_t>(static_cast<size_t>(count), x->shape()[axis] / count));
}

// Inputs: x, sizes, of which one may be -1, axis.
std::vector<Value*> import_split_v(TfliteContext& context) {
  Value* x = context.input(0);
  std::vector<int64_t> sizes = constant_list(context, 1, "sizes");
  const size_t axis = axis_of(constant_list(context, 2, "axis", 1)[0], x);
  const auto open = std::find(sizes.begin(), sizes.end(), -1);
  if (open != sizes.end()) {
    *open = 0;
    *open = x->shape()[axis] - std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  }
  return ops::parts(context, x, axis, sizes);
}

std::vector<Value*> import_slice(TfliteContext& context) {
  Value* x = context.input(0);
  const auto rank = static_cast<int64_t>(x->shape().size());
  ops::Slice op = ops::whole_slice(x->shape());
  op.starts = constant_list(context, 1, "begin", rank);
  op.shape = constant_list(context, 2, "size", rank);
  for (size_t d = 0; d < op.shape.size(); ++d)
    if (op.shape[d] == -1) op.shape[d] = x->shape()[d] - op.starts[d];
  return {slice(context, x, op)};
}

std::vector<Value*> import_reverse(TfliteContext& context) {
  Value* x = context.input(0);
  ops::Slice op = ops::whole_slice(x->shape());
  for (const int64_t axis : ops::normalized_axes(constant_list(context, 1, "axes"), x->shape().size())) {
    const auto d = static_cast<size_t>(axis);
    op.starts[d] = std::max<int64_t>(x->shape()[d] - 1, 0);
    op.steps[d] = -1;
  }
  return {slice(context, x, op)};
}

std::vector<Value*> import_gather(TfliteContext& context) {
  Value* x = context.input(0);
  const auto* options = context.optional_options<tfl::GatherOptions>();
  if (options != nullptr && options->batch_dims() != 0)
    context.fail(fmt::format("batch_dims is {}; supported is 0", options->batch_dims()));
  const Array& indices = context.constant(1, "indices");
  auto op = std::make_unique<ops::Gather>();
  op->axis = ops::normalized_axis(options != nullptr ? options->axis() : 0, x->shape().size());
  op->indices = indices.integers();
  op->indices_shape = indices.shape();
  return {context.add(std::move(op), {x})};
}

// PADV2 has the value as a third input.
std::vector<Value*> import_pad(TfliteContext& context) {
  Value* x = context.input(0);
  auto op = std::make_unique<ops::Pad>();
  for (const Padding1D& pads : paddings(context, x)) {
    op->pads_begin.push_back(pads.begin);
    op->pads_end.push_back(pads.end);
  }
  if (context.op_type() == tfl::BuiltinOperator::PADV2) {
    const Array& value = context.constant(2, "value");
    if (value.size() != 1) context.fail(fmt::format("input 2 (value) has shape {}", to_string(value.shape())));
    op->value = value.number(0);
  } else if (x->type.quantization) {
    op->value = static_cast<double>(x->type.quantization->zero_points.front());  // the number 0
  }
  return {context.add(std::move(op), {x})};
}

// Reflects with or without (SYMMETRIC) a gap of the border itself.
std::vector<Value*> import_mirror_pad(TfliteContext& context) {
  Value* x = context.input(0);
  const bool symmetric = context.options<tfl::MirrorPadOptions>().mode() == tfl::MirrorPadMode::SYMMETRIC;
  const std::vector<Padding1D> pads = paddings(context, x);
  for (size_t d = 0; d < pads.size(); ++d) {
    const int64_t size = x->shape()[d], gap = symmetric ? 0 : 1;
    if (pads[d].begin == 0 && pads[d].end == 0) continue;
    if (std::max(pads[d].begin, pads[d].end) > size - gap)
      context.fail(fmt::format("pads {} and {} of dimension {} of {} exceed what can be mirrored", pads[d].begin,
                               pads[d].end, d, to_string(x->shape())));
    auto op = std::make_unique<ops::Gather>();
    op->axis = static_cast<int64_t>(d);
    for (int64_t i = pads[d].begin; i > 0; --i) op->indices.push_back(i - 1 + gap);
    for (int64_t i = 0; i < size; ++i) op->indices.push_back(i);
    for (int64_t i = 0; i < pads[d].end; ++i) op->indices.push_back(size - 1 - gap - i);
    op->indices_shape = {static_cast<int64_t>(op->indices.size())};
    x = context.add(std::move(op), {x});
  }
  return {x};
}

namespace {

// The operands of STRIDED_SLICE spread over the dimensions of x, which a mask of one bit per entry of the specification
// says: an ellipsis stands for the dimensions that are left, a new axis for none.
struct StridedRange {
  int64_t begin = 0, end = 0, stride = 1;
  bool from_start = true, to_end = true, shrink = false;
};

bool bit(int32_t mask, size_t entry) {
  return entry < 31 && (mask >> entry & 1) != 0;
}

struct StridedSpecification {
  std::vector<StridedRange> ranges;  // one per dimension of x
  std::vector<bool> new_axis;        // of the result before shrinking, in order: a new axis or the next dimension of x
};

StridedSpecification specification(TfliteContext& context, size_t rank) {
  const auto& options = context.options<tfl::StridedSliceOptions>();
  const std::vector<int64_t> begin = constant_list(context, 1, "begin"), end = constant_list(context, 2, "end"),
                             strides = constant_list(context, 3, "strides");
  if (end.size() != begin.size() || strides.size() != begin.size())
    context.fail(fmt::format("has {} begins, {} ends and {} strides", begin.size(), end.size(), strides.size()));
  size_t entries = 0;  // that stand for one dimension
  for (size_t i = 0; i < begin.size(); ++i)
    if (!bit(options.ellipsis_mask(), i) && !bit(options.new_axis_mask(), i)) ++entries;
  if (entries > rank) context.fail(fmt::format("slices {} dimensions of {}", entries, rank));
  StridedSpecification result;
  const auto skip = [&](size_t count) {
    result.ranges.resize(result.ranges.size() + count);
    result.new_axis.resize(result.new_axis.size() + count, false);
  };
  bool ellipsis = false;
  for (size_t i = 0; i < begin.size(); ++i) {
    if (bit(options.ellipsis_mask(), i)) {
      if (ellipsis) context.fail("has several ellipses");
      ellipsis = true;
      skip(rank - entries);
    } else if (bit(options.new_axis_mask(), i)) {
      result.new_axis.push_back(true);
    } else {
      const int64_t last = options.offset() ? begin[i] + end[i] : end[i];
      result.ranges.push_back({begin[i], last, strides[i], bit(options.begin_mask(), i), bit(options.end_mask(), i),
                               bit(options.shrink_axis_mask(), i)});
      result.new_axis.push_back(false);
    }
  }
  skip(rank - result.ranges.size());
  return result;
}

// Start, step and number of elements of one dimension of `size` elements.
void set_range(TfliteContext& context, const StridedRange& range, size_t d, int64_t size, ops::Slice& op) {
  if (range.stride == 0) context.fail(fmt::format("stride 0 of dimension {}", d));
  const int64_t begin = range.begin < 0 ? range.begin + size : range.begin;
  if (range.shrink) {
    if (range.stride < 0) context.fail(fmt::format("takes one element of dimension {} backwards", d));
    op.starts[d] = range.from_start ? 0 : begin;
    op.shape[d] = 1;
    return;
  }
  const int64_t end = range.end < 0 ? range.end + size : range.end;
  const bool forward = range.stride > 0;
  const int64_t lowest = forward ? 0 : -1, highest = forward ? size : size - 1;
  const int64_t first = range.from_start ? (forward ? 0 : size - 1) : std::clamp(begin, lowest, highest);
  const int64_t last = range.to_end ? (forward ? size : -1) : std::clamp(end, lowest, highest);
  const int64_t step = std::clamp<int64_t>(range.stride, -kMaximumElements, kMaximumElements);
  const int64_t count = forward ? (last - first + step - 1) / step : (first - last - step - 1) / -step;
  op.shape[d] = std::max<int64_t>(count, 0);
  op.starts[d] = count > 0 ? first : 0;
  op.steps[d] = count > 1 ? step : 1;
}

}  // namespace

std::vector<Value*> import_strided_slice(TfliteContext& context) {
  Value* x = context.input(0);
  const StridedSpecification specified = specification(context, x->shape().size());
  ops::Slice op = ops::whole_slice(x->shape());
  for (size_t d = 0; d < x->shape().size(); ++d) set_range(context, specified.ranges[d], d, x->shape()[d], op);
  Shape shape;
  size_t d = 0;
  for (const bool added : specified.new_axis) {
    if (added)
      shape.push_back(1);
    else if (!specified.ranges[d++].shrink)
      shape.push_back(op.shape[d - 1]);
  }
  return {ops::reshape(context, slice(context, x, op), shape)};
}

}  // namespace linnet::import::from_tflite
