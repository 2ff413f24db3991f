// Reads an ONNX model into the graph.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "converter/import/constant_input.hpp"
#include "converter/ir/graph.hpp"

namespace linnet::import {

constexpr int kMinimumOpset = 7;
constexpr int kMaximumOpset = 26;

struct OnnxModel {
  std::unique_ptr<ir::Graph> graph;
  int opset = 0;
  std::vector<std::string> warnings;
  std::vector<std::string> open_inputs;          // whose first dimension is open and was set to 1
  std::unordered_set<std::string> placeholders;  // tensors without data, which are 0 in the graph
};

// `input_shapes` overrides the shapes of inputs, by name. A symbolic first dimension that is not given is 1, if it is a
// batch of independent samples (samples.hpp), which the outputs have as their first dimension too, or if the model
// allows no other size; else it is a problem. The inputs in `constants` become constants. Tensors kept in external
// files are looked up beside the model. With `data_may_be_missing`, a floating-point initializer that has no elements
// in the file, or whose external file is absent, is a placeholder. Every tensor and node is checked; throws
// ir::Problems with all problems of the model, or ir::Error where the file cannot be read at all.
OnnxModel import_onnx(const std::filesystem::path& file, const std::map<std::string, ir::Shape>& input_shapes,
                      const std::map<std::string, ConstantInput>& constants = {}, bool data_may_be_missing = false);

}  // namespace linnet::import
