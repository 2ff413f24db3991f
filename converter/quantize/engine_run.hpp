// A graph that the device can compute, run by the engine in this process.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::quantize {

// One run's inputs: an array per program input, in the order of dimensions that the source has.
using Sample = std::vector<ir::Array>;

// A tensor that a step gives, as real numbers, row-major, in the device's order of dimensions.
struct SeenTensor {
  std::string_view name;
  const std::vector<float>& numbers;
  size_t columns;  // of the last dimension
};
using SeeTensor = std::function<void(const SeenTensor&)>;

class EngineRun {
 public:
  // The graph is as the passes leave it for emission. `see` may be null.
  EngineRun(std::unique_ptr<ir::Graph> graph, SeeTensor see);
  EngineRun(const EngineRun&) = delete;
  EngineRun& operator=(const EngineRun&) = delete;

  // Also sees the graph's inputs. States go from one sample to the next.
  void run(const Sample& sample);
  // Of the last run, as real numbers, row-major, in the device's order of dimensions.
  std::vector<float> output(int index) const;

  ~EngineRun();

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace linnet::quantize
