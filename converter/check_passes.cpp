#include "converter/check_passes.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "converter/passes/rewrite.hpp"

namespace linnet {

using namespace ir;

namespace {

Array random_input(const TensorType& type, std::mt19937& random) {
  const auto count = static_cast<size_t>(element_count(type.shape));
  if (is_floating(type.dtype)) {
    std::vector<double> values(count);
    for (double& value : values) value = static_cast<float>(random() * (4.0 / std::mt19937::max()) - 2.0);
    return Array::of_doubles(type.shape, std::move(values), type.dtype);
  }
  std::vector<int64_t> values(count);
  const uint32_t span = type.dtype == DType::boolean ? 2 : type.quantization ? 128 : 8;
  for (int64_t& value : values) value = random() % span;
  return Array::of_integers(type.shape, std::move(values), type.dtype);
}

}  // namespace

PassChecker::PassChecker(const Graph& graph) {
  std::mt19937 random(1);
  for (const Value* input : graph.inputs) inputs_.push_back(random_input(input->type, random));
  outputs_ = run(graph);
}

std::vector<Array> PassChecker::run(const Graph& graph) const {
  std::vector<Array> inputs;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Value& input = *graph.inputs[i];
    const Array array = inputs_[i].cast(input.type.dtype).with_quantization(input.type.quantization);
    inputs.push_back(input.source_permutation.empty() ? array : passes::transposed(array, input.source_permutation));
  }
  std::vector<Array> outputs = evaluate(graph, inputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Permutation& permutation = graph.outputs[i]->source_permutation;
    if (!permutation.empty()) outputs[i] = passes::transposed(outputs[i], passes::inverse(permutation));
  }
  return outputs;
}

void PassChecker::check(const Graph& graph, std::string_view pass, double tolerance) {
  std::vector<Array> outputs = run(graph);
  for (size_t o = 0; o < outputs.size(); ++o) {
    const std::string& name = graph.outputs[o]->name;
    if (outputs[o].shape() != outputs_[o].shape())
      throw Error(fmt::format("pass {} changed the shape of output {} from {} to {}", pass, name,
                              to_string(outputs_[o].shape()), to_string(outputs[o].shape())));
    double largest = 0, error = 0;
    for (size_t i = 0; i < outputs[o].size(); ++i) {
      const double before = outputs_[o].number(i), after = outputs[o].number(i);
      if (!std::isfinite(before)) continue;
      largest = std::max(largest, std::fabs(before));
      error = std::isfinite(after) ? std::max(error, std::fabs(after - before)) : INFINITY;
    }
    if (error > tolerance * std::max(largest, 1e-6))
      throw Error(
          fmt::format("pass {} changed output {} by {:.3g}; its largest element is {:.3g}, allowed is {:.0g} of that",
                      pass, name, error, largest, tolerance));
  }
  outputs_ = std::move(outputs);
}

}  // namespace linnet
