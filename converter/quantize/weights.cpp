#include "converter/quantize/weights.hpp"

#include <algorithm>
#include <cmath>

#include "converter/ops/conv.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/window_emission.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/quantize/constants.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

constexpr int kLargest = 127;
constexpr int kMostSteps = 128;  // int8 holds -128
// Of one output's weights.
double scale_of(const double* weights, size_t count) {
  const auto less = [](double a, double b) { return std::abs(a) < std::abs(b); };
  const double largest = std::abs(*std::max_element(weights, weights + count, less));
  if (largest == 0) return 1;
  return common_step(weights, count, -kMostSteps, kLargest).value_or(largest / kLargest);
}

// The positions of a node's weights among its inputs; none where it has none that may be int8 beside real numbers.
std::vector<size_t> weight_inputs(const Node& node) {
  if (const auto* conv = node.as<ops::Conv>()) return conv->integer ? std::vector<size_t>() : std::vector<size_t>{1};
  if (const auto* linear = node.as<ops::Linear>())
    return linear->integer ? std::vector<size_t>() : std::vector<size_t>{1};
  if (const auto* transposed = node.as<ops::ConvTranspose>())
    return transposed->integer ? std::vector<size_t>() : std::vector<size_t>{1};
  if (node.as<ops::Recurrent>() != nullptr) return {ops::Recurrent::kWeights, ops::Recurrent::kRecurrentWeights};
  return {};
}

// Outputs of a layer with weights of this shape.
int64_t outputs_of(const Node& node, const Shape& weights) {
  const auto* transposed = node.as<ops::ConvTranspose>();
  return transposed != nullptr ? weights[1] * transposed->groups : weights[0];
}

Array int8_weights_of(const Node& node, const Array& weights) {
  const auto* transposed = node.as<ops::ConvTranspose>();
  if (transposed == nullptr) return int8_weights(weights);
  return ops::outputs_first(int8_weights(ops::outputs_first(weights, transposed->groups)), transposed->groups);
}

// The field of layers that can quantize their inputs at run time; null of others.
bool* dynamic_of(Node& node) {
  if (auto* linear = node.as<ops::Linear>()) return &linear->dynamic;
  if (auto* recurrent = node.as<ops::Recurrent>()) return &recurrent->dynamic;
  return nullptr;
}

// Why its weights stay float; empty where they do not.
std::string reason_to_stay(const Node& node, const std::vector<size_t>& positions, bool wanted, bool dynamic) {
  if (!wanted && dynamic) return "only linear and recurrent layers quantize their inputs at run time";
  if (!wanted) return "--weights leaves it as it is";
  int64_t elements = 0, outputs = 0;
  for (const size_t position : positions) {
    const Value& weights = node.in(position);
    if (!weights.constant) return "its weights depend on the model's inputs";
    if (!weights.constant->all_finite()) return "its weights are not all finite";
    elements += element_count(weights.shape());
    outputs += outputs_of(node, weights.shape());
  }
  return elements < 2 * outputs ? "its outputs have one weight each" : "";
}

}  // namespace

Array int8_weights(const Array& weights) {
  const std::vector<double> numbers = weights.doubles();
  const auto outputs = static_cast<size_t>(weights.shape()[0]);
  const size_t count = numbers.size() / outputs;
  Quantization quantization{{}, std::vector<int64_t>(outputs, 0), 0};
  std::vector<int64_t> values;
  for (size_t n = 0; n < outputs; ++n) {
    const auto scale = static_cast<float>(scale_of(&numbers[n * count], count));
    quantization.scales.push_back(scale);
    for (size_t i = n * count; i < (n + 1) * count; ++i) {
      const double steps = scale > 0 ? std::nearbyint(numbers[i] / static_cast<double>(scale)) : 0;
      values.push_back(static_cast<int64_t>(std::clamp(steps, double{-kMostSteps}, double{kLargest})));
    }
  }
  return Array::of_integers(weights.shape(), std::move(values), DType::i8).with_quantization(std::move(quantization));
}

report::Int8Weights quantize_weights(Graph& graph, const WeightTargets& targets, passes::PassLog& log) {
  report::Int8Weights result;
  passes::sweep(graph, [&](Node* node) {
    const std::vector<size_t> positions = weight_inputs(*node);
    if (positions.empty()) return;
    bool* const dynamic = targets.dynamic ? dynamic_of(*node) : nullptr;
    const bool wanted = dynamic != nullptr || targets.wanted(*node);
    if (node->in(positions[0]).type.quantization) {
      if (!wanted) return;
    } else if (const std::string reason = reason_to_stay(*node, positions, wanted, targets.dynamic); !reason.empty()) {
      result.float_reasons.emplace(node->name, reason);
      return;
    }
    for (const size_t position : positions) {
      Value* weights = node->inputs[position];
      if (!weights->type.quantization) {
        graph.set_input(node, position, graph.add_constant(weights->name, int8_weights_of(*node, *weights->constant)));
        if (weights->uses.empty() && !graph.is_output(weights)) graph.remove(weights);
      }
      const Shape& shape = node->in(position).shape();
      result.bytes += element_count(shape) + int64_t{sizeof(float)} * outputs_of(*node, shape);
      result.float_bytes += int64_t{sizeof(float)} * element_count(shape);
    }
    if (dynamic != nullptr) *dynamic = true;
    graph.infer(node);
    log.add("{} multiplies {} by int8 weights", node->name,
            dynamic != nullptr ? "inputs quantized at run time" : "its inputs");
    ++result.layers;
  });
  return result;
}

}  // namespace linnet::quantize
