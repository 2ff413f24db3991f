#include "converter/main/float_original.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "converter/main/commands.hpp"
#include "converter/main/device_arrays.hpp"
#include "converter/passes/rewrite.hpp"
#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

Conversion converted(const std::string& file) {
  ConvertOptions options;
  options.stop_after = "legalize_layout";  // channels last, and nothing fused yet
  return convert_file(file, options);
}

ir::Permutation permutation_of(const linnet_tensor_view& view) {
  return ir::Permutation(view.source_dimension, view.source_dimension + view.dimensions);
}

ir::Shape device_shape(const linnet_tensor_view& view) {
  return ir::Shape(view.shape, view.shape + view.dimensions);
}

ir::Shape source_shape_of(const ir::Value& value) {
  ir::Shape shape = value.shape();
  for (size_t d = 0; d < value.source_permutation.size(); ++d)
    shape[static_cast<size_t>(value.source_permutation[d])] = value.shape()[d];
  return shape;
}

// Of the values with these names that of the device's tensor, or the one at its place where a name is missing.
std::vector<size_t> places(const std::vector<std::string>& names, const std::vector<ir::Value*>& values) {
  std::vector<size_t> result;
  for (const std::string& name : names) {
    const auto found = std::find_if(values.begin(), values.end(), [&](const auto* one) { return one->name == name; });
    if (found == values.end()) break;
    result.push_back(static_cast<size_t>(found - values.begin()));
  }
  if (result.size() == names.size()) return result;
  result.resize(names.size());
  for (size_t i = 0; i < result.size(); ++i) result[i] = i;
  return result;
}

}  // namespace

FloatOriginal::FloatOriginal(const std::string& file, const Device& device)
    : conversion_(converted(file)), file_(file) {
  const ir::Graph& graph = *conversion_.graph;
  if (!graph.states.empty()) throw ToolError(kModelError, file + ": has state; a float original has none");
  const auto wanted = static_cast<size_t>(device.info().inputs);
  if (graph.inputs.size() != wanted) {
    throw ToolError(kModelError,
                    fmt::format("{}: has {} inputs, the quantized model {}", file, graph.inputs.size(), wanted));
  }
  inputs_ = places(input_names(device), graph.inputs);
}

ir::Array FloatOriginal::input(const Device& device, int index, const InputSamples& samples, size_t run) const {
  const linnet_tensor_view view = device.input(index);
  const ir::Value& value = *conversion_.graph->inputs[inputs_[static_cast<size_t>(index)]];
  const ir::Array source =
      sample_array(device, index, samples, run, true, {value.type.dtype, source_shape(view), std::nullopt});
  const ir::Array on_device = passes::transposed(source, permutation_of(view));
  if (on_device.shape() == value.shape()) return on_device;
  if (source.shape() == source_shape_of(value) && !value.source_permutation.empty()) {
    return passes::transposed(source, value.source_permutation);
  }
  if (source.shape() == value.shape()) return source;
  throw ToolError(kModelError,
                  fmt::format("{}: input '{}' has shape {}, the quantized model's '{}' {}", file_, value.name,
                              shape_text(source_shape_of(value)), input_names(device)[static_cast<size_t>(index)],
                              shape_text(source.shape())));
}

void FloatOriginal::run(const Device& device, const std::vector<InputSamples>& samples, size_t run) {
  const ir::Graph& graph = *conversion_.graph;
  std::vector<ir::Array> arrays(graph.inputs.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    arrays[inputs_[i]] = input(device, static_cast<int>(i), samples[i], run);
  }
  layers_.clear();
  outputs_.clear();
  results_ = ir::evaluate(graph, arrays, [&](const ir::Node& node, const std::vector<ir::Array>& values) {
    for (size_t i = 0; i < values.size(); ++i) layers_[node.outputs[i]->name] = values[i];
  });
}

const ir::Array* FloatOriginal::layer(const std::string& name, const ir::Shape& shape) const {
  const auto found = layers_.find(name);
  return found == layers_.end() || found->second.shape() != shape ? nullptr : &found->second;
}

const ir::Array* FloatOriginal::output(const Device& device, int index) {
  if (const auto known = outputs_.find(index); known != outputs_.end()) return &known->second;
  const ir::Graph& graph = *conversion_.graph;
  const size_t place = places(output_names(device), graph.outputs)[static_cast<size_t>(index)];
  if (place >= results_.size()) return nullptr;
  const linnet_tensor_view view = device.output(index);
  const ir::Value& value = *graph.outputs[place];
  ir::Array array = results_[place];
  if (array.shape() != device_shape(view)) {
    if (!value.source_permutation.empty()) array = passes::transposed(array, passes::inverse(value.source_permutation));
    if (array.shape() != source_shape(view)) return nullptr;
    array = passes::transposed(array, permutation_of(view));
  }
  return &outputs_.emplace(index, std::move(array)).first->second;
}

}  // namespace linnet::tools
