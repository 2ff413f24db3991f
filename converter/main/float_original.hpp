// The float model that a quantized one was made from, evaluated by the reference beside it.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "converter/pipeline.hpp"
#include "targets/desktop/lib/samples.hpp"

namespace linnet::tools {

class FloatOriginal {
 public:
  // Reads an ONNX or TensorFlow Lite file. Its inputs are the device's of the same names or, where a name is missing,
  // all in their order; shapes must agree in the source's or in the device's order of dimensions. Throws ToolError
  // with kModelError.
  FloatOriginal(const std::string& file, const Device& device);

  // Evaluates run `run` of `samples`, which hold real numbers (SampleOptions::real).
  void run(const Device& device, const std::vector<InputSamples>& samples, size_t run);

  // What a tensor of this name and shape (as on the device) held in the last run; null where there is none.
  const ir::Array* layer(const std::string& name, const ir::Shape& shape) const;

  // Output `index` of the device, in its order of dimensions: the one of the same name or, where that is missing, at
  // the same place; null where there is none of the same shape.
  const ir::Array* output(const Device& device, int index);

 private:
  Conversion conversion_;
  std::string file_;
  std::vector<size_t> inputs_;  // of the graph, by the device's
  std::unordered_map<std::string, ir::Array> layers_;
  std::vector<ir::Array> results_;              // of the last run, in the graph's order of dimensions
  std::unordered_map<int, ir::Array> outputs_;  // in the device's

  ir::Array input(const Device& device, int index, const InputSamples& samples, size_t run) const;
};

}  // namespace linnet::tools
