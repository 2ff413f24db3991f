#include "converter/main/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/main/device_arrays.hpp"
#include "converter/ops/quantize.hpp"

namespace linnet::tools {
namespace {

// Position of a view's first element in the whole tensor.
size_t first_element(const linnet_tensor_view& view) {
  return view.first_line == 0 ? 0
                              : static_cast<size_t>(view.first_line) * static_cast<size_t>(view.shape[2]) *
                                    static_cast<size_t>(view.shape[3]);
}

// What an element stands for.
double real_number(double element, const std::optional<ir::Quantization>& quantization) {
  if (!quantization || !quantization->per_tensor()) return element;
  return static_cast<double>(quantization->scale()) * (element - static_cast<double>(quantization->zero_point()));
}

// Elements [first, first + got.size()) of a tensor; returns whether all are equal.
bool add_elements(const OutputSamples& got, const ir::Array& reference, size_t first, const ir::Array* original,
                  TensorError* error) {
  const std::optional<ir::Quantization>& quantization = reference.type().quantization;
  error->integer = !reference.floating();
  size_t different = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double element = got.number(i), wanted = reference.number(first + i);
    const bool same = element == wanted || element == static_cast<double>(static_cast<float>(wanted)) ||
                      (std::isnan(element) && std::isnan(wanted));
    if (!same) ++different;
    const double number = real_number(element, quantization);
    error->add(number, real_number(wanted, quantization));
    if (original == nullptr) continue;
    if (!error->quantization) error->quantization.emplace();
    error->quantization->add(number, original->number(first + i));
  }
  error->elements += got.size();
  error->different += different;
  return different == 0;
}

// Without arithmetic of real numbers, in which passes may change the rounding.
bool only_integers(const ir::Graph& graph) {
  for (const auto& node : graph.nodes()) {
    if (node->as<ops::Quantize>() != nullptr) continue;
    for (const ir::Value* output : node->outputs)
      if (output != nullptr && ir::is_floating(output->type.dtype)) return false;
  }
  return true;
}

}  // namespace

void Noise::add(double got, double wanted) {
  const double difference = got == wanted || (std::isnan(got) && std::isnan(wanted)) ? 0 : got - wanted;
  error += difference * difference;
  reference += std::isfinite(wanted) ? wanted * wanted : 0;
}

double Noise::sqnr() const {
  return error == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(reference / error);
}

void TensorError::add(double got, double reference) {
  const bool same = got == reference || (std::isnan(got) && std::isnan(reference));
  const double error = same ? 0 : std::abs(got - reference);
  largest_error = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(largest_error, error);
  if (std::isfinite(reference)) largest_reference = std::max(largest_reference, std::abs(reference));
  noise.add(got, reference);
}

void Comparer::tap(int step, int output, const linnet_tensor_view& view) {
  const StepFacts& facts = named_.steps.at(static_cast<size_t>(step));
  const TensorFacts& tensor = named_.tensors.at(facts.outputs.at(static_cast<size_t>(output)));
  const auto reference = references_.find(tensor.name);
  const OutputSamples got = gathered(view);
  const size_t first = first_element(view), whole = static_cast<size_t>(ir::element_count(tensor.shape));
  if (reference == references_.end() || reference->second.size() != whole || first + got.size() > whole) {
    if (first_run_) ++result_.unmatched;
    return;
  }
  const auto [place, added] = index_.try_emplace(tensor.name, result_.layers.size());
  if (added) result_.layers.push_back({tensor.name, facts.op, shape_text(tensor.shape)});
  const ir::Array* original = original_ == nullptr ? nullptr : original_->layer(tensor.name, tensor.shape);
  const bool equal = add_elements(got, reference->second, first, original, &result_.layers[place->second]);
  const auto [known, seen_first] = equal_.try_emplace(tensor.name, equal);
  if (!seen_first) known->second = known->second && equal;
}

void Comparer::run(Device& device, const std::vector<InputSamples>& samples, const std::vector<InputSamples>& real,
                   size_t run) {
  store_sample(device, samples, run);
  references_.clear();
  equal_.clear();
  graph_.run(device_inputs(device, *conversion_.graph),
             [&](const ir::Node& node, const std::vector<ir::Array>& outputs) {
               for (size_t i = 0; i < outputs.size(); ++i) references_[node.outputs[i]->name] = outputs[i];
             });
  if (original_ != nullptr) original_->run(device, real, run);
  device.run();
  find_inexact_layers();
  const std::vector<ir::Value*> ports = program_inputs(*conversion_.source);
  std::vector<ir::Array> inputs;
  for (size_t i = 0; i < samples.size(); ++i)
    inputs.push_back(sample_array(device, static_cast<int>(i), samples[i], run, false, ports[i]->type));
  compare_outputs(device, source_.run(inputs));
  first_run_ = false;
}

// A value that no step gives is equal where its node's inputs are: it is another view of these, or within a step.
void Comparer::find_inexact_layers() {
  std::unordered_set<const ir::Value*> differing;
  for (const auto& node : conversion_.graph->nodes()) {
    const bool inputs_equal = std::none_of(node->inputs.begin(), node->inputs.end(),
                                           [&](const ir::Value* input) { return differing.count(input) > 0; });
    for (const ir::Value* output : node->outputs) {
      if (output == nullptr) continue;
      const auto seen = equal_.find(output->name);
      const bool equal = seen == equal_.end() ? inputs_equal : seen->second;
      if (!equal) differing.insert(output);
      if (equal || !inputs_equal || seen == equal_.end()) continue;
      TensorError& layer = result_.layers[index_.at(output->name)];
      if (layer.integer) layer.inexact = true;
    }
  }
}

void Comparer::compare_outputs(Device& device, const std::vector<ir::Array>& references) {
  const bool exact = only_integers(*conversion_.source);
  const std::vector<ir::Value*> outputs = program_outputs(*conversion_.source);
  for (size_t i = 0; i < references.size(); ++i) {
    const linnet_tensor_view view = device.output(static_cast<int>(i));
    if (result_.outputs.size() <= i) {
      result_.outputs.push_back({outputs[i]->name, "output", shape_text(source_shape(view))});
    }
    TensorError& error = result_.outputs[i];
    OutputSamples got{"", view.type, {}, std::vector<unsigned char>(view.bytes), 1};
    load_output(view, got.bytes.data());
    if (!add_elements(got, references[i], 0, nullptr, &error) && error.integer && exact) error.inexact = true;
    const ir::Array* original = original_ == nullptr ? nullptr : original_->output(device, static_cast<int>(i));
    if (original == nullptr) continue;
    if (!error.quantization) error.quantization.emplace();
    const OutputSamples on_device = gathered(view);
    for (size_t e = 0; e < on_device.size(); ++e) {
      error.quantization->add(real_number(on_device.number(e), references[i].type().quantization), original->number(e));
    }
  }
}

}  // namespace linnet::tools
