// How many samples of a labelled set a classifier reads right.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/quantize/calibrate.hpp"

namespace linnet::quantize {

// Labels are one per sample: the index of the largest element of the graph's only output. Throws ir::Error, which
// begins with "--labels", where the graph has several outputs or its output several dimensions above 1, there are not
// as many labels as samples, or a label is no index of the output.
void check_labels(const ir::Graph& graph, const std::vector<int64_t>& labels, size_t samples);

// What a graph gives for every sample, beside the float graph's outputs.
struct Trial {
  size_t correct = 0;
  double error = 0;  // sum of squared differences of all outputs
};

class LabelledSet {
 public:
  // All arguments must outlive it; check_labels holds.
  LabelledSet(const ir::Graph& real, const std::vector<Sample>& samples, const std::vector<int64_t>& labels);
  Trial run(const ir::Graph& graph) const;
  size_t size() const { return samples_.size(); }
  size_t float_correct() const { return float_correct_; }

 private:
  const std::vector<Sample>& samples_;
  const std::vector<int64_t>& labels_;
  std::vector<std::vector<float>> wanted_;
  size_t float_correct_ = 0;
};

}  // namespace linnet::quantize
