#include "converter/treat/layer.hpp"

#include <fmt/format.h>

#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::treat {

using namespace ir;

namespace {

constexpr size_t kWeights = 1;

Layer window_layer(Node* node, int64_t groups, bool transposed) {
  const Shape& shape = node->in(kWeights).shape();
  const int64_t taps = element_count({shape.begin() + 2, shape.end()});
  if (transposed) return {node, kWeights, shape[1] * groups, shape[0] / groups, taps, groups, true};
  return {node, kWeights, shape[0], shape[1], taps, groups, false};
}

}  // namespace

std::string Layer::name() const {
  return input == ops::Recurrent::kRecurrentWeights ? node->name + " recurrent" : node->name;
}

size_t Layer::element(int64_t row, int64_t column) const {
  const int64_t tap = column / inputs, in = column % inputs;
  if (!transposed) return static_cast<size_t>((row * inputs + in) * taps + tap);
  const int64_t outputs = rows / groups, group = row / outputs;
  return static_cast<size_t>(((group * inputs + in) * outputs + row % outputs) * taps + tap);
}

Matrix Layer::read() const {
  const Array& array = *node->in(input).constant;
  Matrix weights(rows, columns());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns(); ++column) weights(row, column) = array.number(element(row, column));
  return weights;
}

void Layer::write(Graph& graph, const Matrix& weights) const {
  Value* old = node->inputs[input];
  std::vector<double> numbers(static_cast<size_t>(rows * columns()));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns(); ++column) numbers[element(row, column)] = weights(row, column);
  graph.set_input(node, input,
                  graph.add_constant(old->name, Array::of_doubles(old->shape(), std::move(numbers), old->type.dtype)));
  if (old->uses.empty() && !graph.is_output(old)) graph.remove(old);
}

std::vector<Layer> find_layers(const Graph& graph) {
  std::vector<Layer> layers;
  const auto add = [&](const Layer& layer) {
    const Value& weights = layer.node->in(layer.input);
    if (weights.constant && passes::is_floating(weights) && weights.constant->all_finite() &&
        weights.constant->size() > 0)
      layers.push_back(layer);
  };
  for (const auto& owned : graph.nodes()) {
    Node* node = owned.get();
    if (const auto* conv = node->as<ops::Conv>()) {
      add(window_layer(node, conv->groups, false));
    } else if (const auto* transposed = node->as<ops::ConvTranspose>()) {
      add(window_layer(node, transposed->groups, true));
    } else if (node->as<ops::Linear>() != nullptr) {
      add({node, kWeights, node->in(kWeights).shape()[0], node->in(kWeights).shape()[1], 1, 1, false});
    } else if (node->as<ops::Recurrent>() != nullptr) {
      for (const size_t input : {ops::Recurrent::kWeights, ops::Recurrent::kRecurrentWeights})
        add({node, input, node->in(input).shape()[0], node->in(input).shape()[1], 1, 1, false});
    }
  }
  return layers;
}

}  // namespace linnet::treat
