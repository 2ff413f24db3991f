#include "converter/weights/layers.hpp"

#include <algorithm>

#include "converter/ops/cast.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/reshape.hpp"
#include "converter/ops/slice.hpp"

namespace linnet::weights {

using namespace ir;

namespace {

bool only_moves(const Node& node) {
  return node.as<ops::Reshape>() != nullptr || node.as<ops::Transpose>() != nullptr || node.as<ops::Cast>() != nullptr;
}

bool cuts_or_joins(const Node& node) {
  return only_moves(node) || node.as<ops::Slice>() != nullptr || node.as<ops::Concat>() != nullptr;
}

LayerWeight trace(Node* layer) {
  LayerWeight found{layer, layer->inputs[kWeights], true};
  const int64_t count = element_count(found.shape());
  while (found.source != nullptr && !found.source->constant) {
    const Node& node = *found.source->producer;
    if (!only_moves(node)) found.moved_only = false;
    const auto next = std::find_if(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
      return input != nullptr && is_floating(input->type.dtype) && element_count(input->shape()) == count;
    });
    found.source = next != node.inputs.end() ? *next : nullptr;
  }
  return found;
}

int64_t groups_of(const Node& layer) {
  if (const auto* conv = layer.as<ops::Conv>()) return conv->groups;
  if (const auto* conv = layer.as<ops::ConvTranspose>()) return conv->groups;
  return 1;
}

}  // namespace

bool is_layer(const Node& node) {
  const bool known =
      node.as<ops::Conv>() != nullptr || node.as<ops::ConvTranspose>() != nullptr || node.as<ops::Linear>() != nullptr;
  return known && is_floating(node.in(kWeights).type.dtype) && !is_static(node.inputs[0]) &&
         is_static(node.inputs[kWeights]);
}

std::vector<LayerWeight> find_weights(const Graph& graph) {
  std::vector<LayerWeight> result;
  for (const auto& node : graph.nodes()) {
    if (!is_layer(*node)) continue;
    const LayerWeight weight = trace(node.get());
    if (weight.source != nullptr) result.push_back(weight);
  }
  return result;
}

std::vector<size_t> output_channels(const Node& layer) {
  const Shape& shape = layer.in(kWeights).shape();
  const bool transposed = layer.as<ops::ConvTranspose>() != nullptr;
  const auto taps = static_cast<size_t>(element_count({shape.begin() + 2, shape.end()}));
  const auto second = static_cast<size_t>(shape[1]);
  const auto inputs_per_group = static_cast<size_t>(shape[0] / groups_of(layer));
  std::vector<size_t> channels(static_cast<size_t>(element_count(shape)));
  for (size_t i = 0; i < channels.size(); ++i) {
    const size_t first = i / (taps * second);
    channels[i] = transposed ? first / inputs_per_group * second + i / taps % second : first;
  }
  return channels;
}

Fans fans(const Node& layer) {
  const Shape& shape = layer.in(kWeights).shape();
  const int64_t taps = element_count({shape.begin() + 2, shape.end()});
  const int64_t first = shape[0] / groups_of(layer) * taps, second = shape[1] * taps;
  return layer.as<ops::ConvTranspose>() != nullptr ? Fans{first, second} : Fans{second, first};
}

std::vector<RecurrentMatrix> recurrent_matrices(const Node& layer) {
  std::vector<RecurrentMatrix> result;
  const int64_t hidden = layer.in(ops::Recurrent::kRecurrentWeights).shape()[1];
  for (const size_t index : {ops::Recurrent::kWeights, ops::Recurrent::kRecurrentWeights}) {
    std::vector<Value*> pending = {layer.inputs[index]}, sources;
    while (!pending.empty()) {
      Value* value = pending.back();
      pending.pop_back();
      if (value->constant) {
        sources.push_back(value);
      } else if (const Node* node = value->producer; node != nullptr && cuts_or_joins(*node)) {
        pending.insert(pending.end(), node->inputs.rbegin(), node->inputs.rend());
      }
    }
    result.push_back({std::move(sources), {layer.in(index).shape()[1], hidden}});
  }
  return result;
}

void remove_unused_constants(Graph& graph) {
  std::vector<Value*> unused;
  for (const auto& value : graph.values())
    if (value->constant && value->uses.empty() && !graph.is_output(value.get())) unused.push_back(value.get());
  for (Value* value : unused) graph.remove(value);
}

}  // namespace linnet::weights
