#include "converter/quantize/resize.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "converter/ops/quantize.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::quantize {

using namespace ir;

namespace {

// Of weights, in bits. Sums of two axes, 8 + 11 + 11 bits, leave 32 bits room for magnitudes of kLargestSum together.
constexpr int64_t kFraction = 11;
constexpr double kLargestSum = 1.9;

template <class Visit>
void for_each_output(const ops::Resample& resample, Visit&& visit) {
  const auto taps = static_cast<std::ptrdiff_t>(resample.taps);
  for (auto first = resample.weights.begin(); first != resample.weights.end(); first += taps)
    visit(first, first + taps);
}

// Rounded so that their sum stays 1; the largest takes what is missing.
void set_integer_weights(ops::Resample* resample) {
  std::vector<double> rounded;
  for_each_output(*resample, [&](auto first, auto last) {
    const auto begin = static_cast<std::ptrdiff_t>(rounded.size());
    std::transform(first, last, std::back_inserter(rounded),
                   [](double weight) { return std::nearbyint(std::ldexp(weight, kFraction)); });
    const double missing = std::ldexp(1.0, kFraction) - std::accumulate(rounded.begin() + begin, rounded.end(), 0.0);
    *std::max_element(rounded.begin() + begin, rounded.end()) += missing;
  });
  resample->weights = std::move(rounded);
  resample->bias.clear();
}

}  // namespace

bool is_mean(const ops::Resample& resample) {
  bool mean = std::all_of(resample.bias.begin(), resample.bias.end(), [](double bias) { return bias == 0.0; });
  for_each_output(resample, [&](auto first, auto last) {
    const double sum = std::accumulate(first, last, 0.0);
    const double magnitudes =
        std::accumulate(first, last, 0.0, [](double all, double weight) { return all + std::abs(weight); });
    mean = mean && std::abs(sum - 1.0) < 1e-6 && magnitudes <= kLargestSum;
  });
  return mean;
}

std::unordered_set<const Value*> sums_between(const Graph& graph, const std::unordered_set<const Node*>& nodes) {
  std::unordered_set<const Value*> sums;
  const auto resamples = [&](const Node* node) {
    return node != nullptr && node->as<ops::Resample>() != nullptr && nodes.count(node) > 0;
  };
  for (const auto& node : graph.nodes()) {
    const Value* y = node->outputs[0];
    if (resamples(node.get()) && sums.count(node->inputs[0]) == 0 && passes::single_use(graph, y) &&
        resamples(y->uses.front().node))
      sums.insert(y);
  }
  return sums;
}

void resample_integers(Graph& graph, const std::vector<Node*>& nodes, const std::unordered_set<const Value*>& sums) {
  std::unordered_map<const Value*, Value*> wide;  // integers of `sums`
  for (Node* node : nodes) {
    const auto* real = node->as<ops::Resample>();
    if (real == nullptr) continue;
    const Node* view = passes::producer_of<ops::Quantize>(node->inputs[0]);
    const auto sum = wide.find(node->inputs[0]);
    if (sum == wide.end() && view == nullptr) continue;
    Value* x = sum != wide.end() ? sum->second : view->inputs[0];
    const bool first = sums.count(node->outputs[0]) > 0;
    auto op = std::make_unique<ops::Resample>(*real);
    set_integer_weights(op.get());
    op->integer = {first ? DType::i32 : DType::i8, *x->type.quantization, Rounding::tflite};
    op->shift = first ? 0 : sum != wide.end() ? 2 * kFraction : kFraction;
    Node* integers = graph.add(std::move(op), {x}, graph.unique_name(node->name), node);
    integers->sources = node->sources;
    integers->origin = node->origin;
    if (first) {
      wide[node->outputs[0]] = integers->outputs[0];
      continue;
    }
    auto numbers = std::make_unique<ops::Quantize>();
    numbers->to = DType::f32;
    numbers->rounding = Rounding::nearest;
    passes::replace(graph, node, std::move(numbers), {integers->outputs[0]});
  }
}

}  // namespace linnet::quantize
