#include "converter/passes/channels.hpp"

#include <algorithm>
#include <numeric>

#include "converter/ops/axes.hpp"
#include "converter/ops/batch_norm.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/gather.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"
#include "converter/passes/layer.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

namespace {

int64_t size_along(const Value& value, int64_t axis) {
  return value.shape()[static_cast<size_t>(axis)];
}

std::vector<int64_t> numbers(int64_t count, int64_t first = 0) {
  std::vector<int64_t> result(static_cast<size_t>(count));
  std::iota(result.begin(), result.end(), first);
  return result;
}

// Every output channel is made of the input's channel of the same number.
Flow alike(const Node& node, int64_t axis, int64_t out_axis) {
  return {out_axis, {{0, axis, numbers(size_along(node.in(0), axis))}}};
}

std::optional<Flow> of_reshape(const Node& node, int64_t axis) {
  const Shape &from = node.in(0).shape(), &to = node.out().shape();
  const auto position = static_cast<size_t>(axis);
  for (const Segment& segment : segments(from, to)) {
    if (position < segment.from_begin || position >= segment.from_end) continue;
    if (segment.to_end - segment.to_begin != 1) return std::nullopt;
    int64_t inner = 1;
    for (size_t d = position + 1; d < segment.from_end; ++d) inner *= from[d];
    Flow flow{static_cast<int64_t>(segment.to_begin), {{0, axis, numbers(to[segment.to_begin])}}};
    for (int64_t& channel : flow.operands[0].source) channel = channel / inner % from[position];
    return flow;
  }
  return std::nullopt;
}

std::optional<Flow> of_reduce(const Node& node, const ops::Reduce& op, int64_t axis) {
  if (std::find(op.axes.begin(), op.axes.end(), axis) != op.axes.end()) return std::nullopt;
  const auto before = std::count_if(op.axes.begin(), op.axes.end(), [&](int64_t a) { return a < axis; });
  return alike(node, axis, op.keep_dims ? axis : axis - before);
}

std::optional<Flow> of_gather(const Node& node, const ops::Gather& op, int64_t axis) {
  const auto added = static_cast<int64_t>(op.indices_shape.size()) - 1;
  if (op.axis != axis) return alike(node, axis, op.axis < axis ? axis + added : axis);
  if (added != 0) return std::nullopt;
  return Flow{axis, {{0, axis, op.indices}}};
}

std::optional<Flow> of_slice(const Node& node, const ops::Slice& op, int64_t axis) {
  const auto d = static_cast<size_t>(axis);
  if (op.steps[d] != 1) return std::nullopt;
  return Flow{axis, {{0, axis, numbers(size_along(node.out(), axis), op.starts[d])}}};
}

// Whether a function of single elements, which has one input.
bool is_element_wise(const Node& node) {
  if (node.as<ops::Unary>() != nullptr) return true;
  const auto& quantization = node.in(0).type.quantization;
  return node.as<ops::Quantize>() != nullptr && (!quantization || quantization->per_tensor());
}

}  // namespace

Channels::Channels(const Graph& graph) {
  for (const auto& node : graph.nodes()) {
    int64_t axis = -1;
    if (std::optional<Flow> flow = find_flow(*node)) {
      axis = flow->axis;
      flows_.emplace(node.get(), std::move(*flow));
    } else if (const std::optional<Layer> layer = as_layer(node.get())) {
      axis = layer->channel_axis();
    }
    if (axis >= 0) axes_[node->outputs[0]] = axis;
  }
}

int64_t Channels::axis(const Value* value) const {
  const auto found = axes_.find(value);
  return found != axes_.end() ? found->second : -1;
}

int64_t Channels::count(const Value* value) const {
  return axis(value) < 0 ? 0 : size_along(*value, axis(value));
}

const Flow* Channels::flow(const Node* node) const {
  const auto found = flows_.find(node);
  return found != flows_.end() ? &found->second : nullptr;
}

std::optional<Flow> Channels::find_flow(Node& node) const {
  if (node.outputs.size() != 1 || !node.has(0)) return std::nullopt;
  if (as_layer(&node)) return of_groups(node);
  if (const auto* concat = node.as<ops::Concat>()) return of_concat(node, concat->axis);
  if (node.as<ops::Binary>() != nullptr) return of_binary(node);
  const int64_t axis = this->axis(node.inputs[0]);
  return axis >= 0 ? of_movement(node, axis) : std::nullopt;
}

// Every output of a group reads all inputs of it, so that whole groups go.
std::optional<Flow> Channels::of_groups(Node& node) const {
  const Layer layer = *as_layer(&node);
  const int64_t axis = layer.channel_axis();
  if (layer.groups == 1 || layer.transposed || axis != this->axis(node.inputs[0]) || node.has(kResidual))
    return std::nullopt;
  const int64_t outputs = layer.outputs(), own = outputs / layer.groups, inputs = layer.inputs() / layer.groups;
  Flow flow{axis, {}};
  for (int64_t i = 0; i < inputs; ++i) {
    Operand x{0, axis, numbers(outputs)};
    for (int64_t& channel : x.source) channel = channel / own * inputs + i;
    flow.operands.push_back(std::move(x));
  }
  flow.operands.push_back({kWeights, 0, numbers(outputs)});
  if (node.has(kBias)) flow.operands.push_back({kBias, 0, numbers(outputs)});
  return flow;
}

std::optional<Flow> Channels::of_concat(const Node& node, int64_t axis) const {
  const auto has_axis = [&](const Value* input) { return this->axis(input) >= 0; };
  const auto first = std::find_if(node.inputs.begin(), node.inputs.end(), has_axis);
  if (first == node.inputs.end()) return std::nullopt;
  Flow flow{this->axis(*first), {}};
  const int64_t count = size_along(node.out(), flow.axis);
  int64_t begin = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int64_t size = size_along(node.in(i), flow.axis);
    Operand operand{i, flow.axis, numbers(count)};
    if (axis == flow.axis) {
      for (int64_t& channel : operand.source)
        channel = channel < begin || channel >= begin + size ? -1 : channel - begin;
      begin += size;
    }
    flow.operands.push_back(std::move(operand));
  }
  return flow;
}

// Operands of one element along the axis are broadcast to all channels.
std::optional<Flow> Channels::of_binary(const Node& node) const {
  const auto rank = static_cast<int64_t>(node.out().shape().size());
  Flow flow{-1, {}};
  for (const Value* input : node.inputs)
    if (const int64_t own = axis(input), out = own + rank - static_cast<int64_t>(input->shape().size());
        own >= 0 && size_along(*input, own) == size_along(node.out(), out) && flow.axis < 0)
      flow.axis = out;
  if (flow.axis < 0) return std::nullopt;
  const int64_t count = size_along(node.out(), flow.axis);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int64_t own = flow.axis - rank + static_cast<int64_t>(node.in(i).shape().size());
    if (own >= 0 && (size_along(node.in(i), own) > 1 || count == 1)) flow.operands.push_back({i, own, numbers(count)});
  }
  return flow;
}

// One constant factor or summand per channel.
std::optional<Flow> Channels::of_factors(const Node& node, int64_t axis) const {
  if (axis != this->axis(node.inputs[0])) return std::nullopt;
  Flow flow = alike(node, axis, axis);
  for (size_t i = 1; i < node.inputs.size(); ++i) flow.operands.push_back({i, 0, flow.operands[0].source});
  return flow;
}

std::optional<Flow> Channels::of_movement(const Node& node, int64_t axis) const {
  if (is_element_wise(node)) return alike(node, axis, axis);
  if (const auto* scale = node.as<ops::ScaleShift>()) return of_factors(node, scale->axis);
  if (const auto* pool = node.as<ops::Pool>()) {
    const int64_t channels = pool->channels_last ? static_cast<int64_t>(node.out().shape().size()) - 1 : 1;
    return channels == axis ? std::optional(alike(node, axis, axis)) : std::nullopt;
  }
  if (const auto* resample = node.as<ops::Resample>())
    return resample->axis != axis ? std::optional(alike(node, axis, axis)) : std::nullopt;
  if (const auto* pad = node.as<ops::Pad>()) {
    const std::vector<int64_t> axes = pad->padded_axes();
    const bool apart = std::find(axes.begin(), axes.end(), axis) == axes.end();
    return apart ? std::optional(alike(node, axis, axis)) : std::nullopt;
  }
  if (const auto* reduce = node.as<ops::Reduce>()) return of_reduce(node, *reduce, axis);
  if (const auto* transpose = node.as<ops::Transpose>())
    return alike(node, axis, ops::permuted_axis(axis, transpose->permutation));
  if (node.as<ops::Reshape>() != nullptr) return of_reshape(node, axis);
  if (const auto* slice = node.as<ops::Slice>()) return of_slice(node, *slice, axis);
  if (const auto* gather = node.as<ops::Gather>()) return of_gather(node, *gather, axis);
  return std::nullopt;
}

}  // namespace linnet::passes
