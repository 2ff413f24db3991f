#include "converter/ops/pad.hpp"

#include <numeric>

#include <fmt/format.h>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/movement.hpp"
#include "converter/ops/slice.hpp"

namespace linnet::ops {

namespace {

constexpr std::string_view kModeNames[] = {"constant", "reflect", "edge", "wrap"};

// The input position that output position `position` of a dimension of `size` elements repeats.
int64_t repeated_position(int64_t position, int64_t size, PadMode mode) {
  const auto modulo = [](int64_t value, int64_t period) { return ((value % period) + period) % period; };
  if (mode == PadMode::Edge) return std::clamp<int64_t>(position, 0, size - 1);
  if (mode == PadMode::Wrap) return modulo(position, size);
  const int64_t period = std::max<int64_t>(2 * (size - 1), 1);
  const int64_t reflected = modulo(position, period);
  return std::min(reflected, period - reflected) % size;
}

Movement movement(const Pad& op, const Shape& x, const std::vector<int64_t>& in_strides,
                  const std::vector<int64_t>& out_strides) {
  Movement result;
  for (size_t d = 0; d < x.size(); ++d) {
    const int64_t first = std::max<int64_t>(-op.pads_begin[d], 0);
    const int64_t end = x[d] - std::max<int64_t>(-op.pads_end[d], 0);
    result.add_dimension(std::max<int64_t>(end - first, 0), in_strides[d], out_strides[d]);
    result.in_offset += first * in_strides[d];
    result.out_offset += std::max<int64_t>(op.pads_begin[d], 0) * out_strides[d];
  }
  return result;
}

// A repeating pad of one dimension as the Gather it is.
Gather gather_of(const Pad& op, const Shape& x, int64_t axis) {
  const auto d = static_cast<size_t>(axis);
  Gather gather;
  gather.axis = axis;
  for (int64_t i = -op.pads_begin[d]; i < x[d] + op.pads_end[d]; ++i)
    gather.indices.push_back(repeated_position(i, x[d], op.mode));
  gather.indices_shape = {static_cast<int64_t>(gather.indices.size())};
  return gather;
}

}  // namespace

std::vector<int64_t> Pad::padded_axes() const {
  std::vector<int64_t> axes;
  for (size_t d = 0; d < pads_begin.size(); ++d)
    if (pads_begin[d] != 0 || pads_end[d] != 0) axes.push_back(static_cast<int64_t>(d));
  return axes;
}

void Pad::attributes(AttributeWriter& writer) const {
  writer.add("mode", kModeNames[static_cast<size_t>(mode)]);
  if (mode == PadMode::Constant) writer.add("value", value);
  writer.add("pads_begin", pads_begin);
  writer.add("pads_end", pads_end);
}

std::vector<TensorType> Pad::infer(const std::vector<const TensorType*>& inputs) const {
  require_inputs(inputs, 1, 1);
  TensorType result = *inputs[0];
  if (pads_begin.size() != result.shape.size() || pads_end.size() != result.shape.size())
    throw Error(fmt::format("has pads for {} dimensions of {}", pads_begin.size(), to_string(result.shape)));
  for (size_t d = 0; d < result.shape.size(); ++d) {
    const int64_t begin = pads_begin[d], end = pads_end[d], size = result.shape[d];
    if (mode != PadMode::Constant && (begin < 0 || end < 0 || (size == 0 && begin + end > 0)))
      throw Error(fmt::format("pads {} and {} of axis {} of {} in mode {}", begin, end, d, to_string(inputs[0]->shape),
                              kModeNames[static_cast<size_t>(mode)]));
    if (__builtin_add_overflow(size, begin, &result.shape[d]) ||
        __builtin_add_overflow(result.shape[d], end, &result.shape[d]) || result.shape[d] < 0 || begin < -size ||
        end < -size)
      throw Error(fmt::format("pads {} and {} of axis {} of {}", begin, end, d, to_string(inputs[0]->shape)));
  }
  return {result};
}

std::vector<Array> Pad::evaluate(const std::vector<const Array*>& inputs) const {
  const Array& x = *inputs[0];
  const Shape shape = infer({&x.type()})[0].shape;
  if (mode == PadMode::Constant)
    return {moved(x, shape, movement(*this, x.shape(), row_major_strides(x.shape()), row_major_strides(shape)), value)};
  Array result = x;
  for (const int64_t axis : padded_axes()) result = gather_of(*this, result.shape(), axis).evaluate({&result})[0];
  return {result};
}

std::unique_ptr<Op> Pad::permuted(const Permutation& permutation, const Node& node) const {
  (void)node;
  auto op = std::make_unique<Pad>(*this);
  op->pads_begin = permute(pads_begin, permutation);
  op->pads_end = permute(pads_end, permutation);
  return op;
}

void Pad::emit(const Node& node, emit::Context& context) const {
  const std::vector<int64_t> axes = padded_axes();
  if (mode == PadMode::Constant || axes.empty()) {
    const bool grows = std::any_of(axes.begin(), axes.end(), [&](int64_t axis) {
      return pads_begin[static_cast<size_t>(axis)] > 0 || pads_end[static_cast<size_t>(axis)] > 0;
    });
    emit_movement(
        node, 0,
        movement(*this, node.in(0).shape(), device_strides(node.in(0), context), device_strides(node.out(), context)),
        context, grows ? std::optional(value) : std::nullopt);
  } else if (axes.size() == 1) {
    gather_of(*this, node.in(0).shape(), axes[0]).emit(node, context);
  } else {
    throw Error(fmt::format("pads {} dimensions in mode {}; supported is one at a time", axes.size(),
                            kModeNames[static_cast<size_t>(mode)]));
  }
}

namespace {

// Takes the negative pads out of `pad`: what they leave of a tensor of shape `x`.
Slice taken_crop(Pad& pad, const Shape& x) {
  Slice crop;
  crop.starts.assign(x.size(), 0);
  crop.steps.assign(x.size(), 1);
  crop.shape = x;
  for (size_t d = 0; d < x.size(); ++d) {
    const int64_t begin = std::max<int64_t>(-pad.pads_begin[d], 0), end = std::max<int64_t>(-pad.pads_end[d], 0);
    if (begin + end > x[d])
      throw Error(fmt::format("pads {} and {} of axis {} of {}", pad.pads_begin[d], pad.pads_end[d], d, to_string(x)));
    crop.shape[d] -= begin + end;
    if (crop.shape[d] > 0) crop.starts[d] = begin;
    pad.pads_begin[d] += begin;
    pad.pads_end[d] += end;
  }
  return crop;
}

// Repeating modes pad one dimension after the other.
Value* add_repeating(import::OnnxContext& context, Value* x, const Pad& pad) {
  const size_t rank = x->shape().size();
  for (const int64_t axis : pad.padded_axes()) {
    const auto d = static_cast<size_t>(axis);
    auto single = std::make_unique<Pad>();
    single->mode = pad.mode;
    single->pads_begin.assign(rank, 0);
    single->pads_end.assign(rank, 0);
    single->pads_begin[d] = pad.pads_begin[d];
    single->pads_end[d] = pad.pads_end[d];
    x = context.add(std::move(single), {x});
  }
  return x;
}

PadMode parsed_mode(import::OnnxContext& context) {
  const std::string mode = context.text("mode", "constant");
  const size_t modes = context.opset() >= 19 ? std::size(kModeNames) : std::size(kModeNames) - 1;
  for (size_t i = 0; i < modes; ++i)
    if (mode == kModeNames[i]) return static_cast<PadMode>(i);
  context.fail(fmt::format("mode '{}'; supported are constant, reflect, edge and, from opset 19, wrap", mode));
}

}  // namespace

std::vector<Value*> import_pad(import::OnnxContext& context) {
  Value* x = context.input(0);
  const size_t rank = x->shape().size();
  Pad pad;
  pad.mode = parsed_mode(context);
  const bool attributes = context.opset() < 11;
  const std::vector<int64_t> pads = attributes ? context.integers("pads") : context.constant(1, "pads").integers();
  if (attributes)
    pad.value = context.number("value", 0.0);
  else if (context.optional_input(2) != nullptr && context.constant(2, "constant_value").size() > 0)
    pad.value = context.constant(2, "constant_value").number(0);
  std::vector<int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (context.opset() >= 18)
    if (const auto given = axes_argument(context, 3, 18)) axes = normalized_axes(*given, rank);
  if (pads.size() != 2 * axes.size()) context.fail(fmt::format("has {} pads, wanted {}", pads.size(), 2 * axes.size()));
  pad.pads_begin.assign(rank, 0);
  pad.pads_end.assign(rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    constexpr int64_t kLargest = kMaximumElements;
    const int64_t begin = pads[i], end = pads[axes.size() + i];
    if (std::max(std::abs(std::max(begin, -kLargest - 1)), std::abs(std::max(end, -kLargest - 1))) > kLargest)
      context.fail(fmt::format("pads {} and {} of axis {}", begin, end, axes[i]));
    pad.pads_begin[static_cast<size_t>(axes[i])] = begin;
    pad.pads_end[static_cast<size_t>(axes[i])] = end;
  }
  if (pad.padded_axes().empty()) return {x};
  Pad rest = pad;
  const Slice crop = taken_crop(rest, x->shape());
  // A constant that is cropped and padded is one step, unless nothing of it remains.
  if (pad.mode == PadMode::Constant && element_count(crop.shape) > 0)
    return {context.add(std::make_unique<Pad>(pad), {x})};
  if (crop.shape != x->shape()) x = context.add(std::make_unique<Slice>(crop), {x});
  if (pad.mode != PadMode::Constant) return {add_repeating(context, x, rest)};
  return {context.add(std::make_unique<Pad>(rest), {x})};
}

}  // namespace linnet::ops
