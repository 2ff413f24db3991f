// Reads a TensorFlow Lite model into the graph. Tensors keep the file's order of dimensions: images are channels-last.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::import {

struct TfliteModel {
  std::unique_ptr<ir::Graph> graph;
  std::vector<std::string> open_inputs;  // whose first dimension is open and was set to 1
  std::vector<std::string> warnings;
};

// The subgraph of the signature of this name, with its names of inputs and outputs, or, where it is empty, the first
// subgraph with the names of its tensors. `input_shapes` overrides the shapes of inputs, by name; an open first
// dimension that is not given is 1 where it is a batch of independent samples (samples.hpp). Every operator is checked;
// throws ir::Problems with all problems of the model, or ir::Error where the file cannot be read at all.
TfliteModel import_tflite(const std::filesystem::path& file, const std::map<std::string, ir::Shape>& input_shapes,
                          const std::string& signature);

}  // namespace linnet::import
