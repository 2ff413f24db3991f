// Errors of a running model, step by step, against the reference evaluation of its graphs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/ir/states.hpp"
#include "converter/main/float_original.hpp"
#include "targets/desktop/lib/model_facts.hpp"

namespace linnet::tools {

// Powers of a signal and of what differs from it.
struct Noise {
  double error = 0, reference = 0;

  void add(double got, double wanted);
  // Signal to quantization noise ratio, in dB; infinite where nothing differs.
  double sqnr() const;
};

// Errors of one tensor against the reference, over all samples; of quantized tensors in the real numbers that they
// stand for.
struct TensorError {
  std::string name, op, shape;
  bool integer = false;  // must be equal
  size_t elements = 0, different = 0;
  // Elements differ although everything that they are computed from is equal.
  bool inexact = false;
  double largest_error = 0, largest_reference = 0;
  Noise noise = {};
  std::optional<Noise> quantization = std::nullopt;  // against the float original, where it has the tensor

  void add(double got, double reference);
  double relative() const { return largest_error == 0 ? 0 : largest_error / largest_reference; }
};

struct Comparison {
  std::vector<TensorError> layers, outputs;  // layers in the order of the steps
  int unmatched = 0;                         // tensors of the model that the graph does not have
};

class Comparer {
 public:
  // `conversion` and `named` are the model converted again, with names; `original` may be null.
  Comparer(const Conversion& conversion, const ModelFacts& named, FloatOriginal* original)
      : conversion_(conversion),
        named_(named),
        original_(original),
        source_(*conversion.source),
        graph_(*conversion.graph) {}

  // The engine's tap: one output of one step.
  void tap(int step, int output, const linnet_tensor_view& view);

  // `real` holds the samples for the float original.
  void run(Device& device, const std::vector<InputSamples>& samples, const std::vector<InputSamples>& real, size_t run);

  const Comparison& result() const { return result_; }

 private:
  const Conversion& conversion_;
  const ModelFacts& named_;
  FloatOriginal* original_;
  ir::Runs source_, graph_;
  std::unordered_map<std::string, ir::Array> references_;
  std::unordered_map<std::string, size_t> index_;  // into result_.layers
  std::unordered_map<std::string, bool> equal_;    // of what this run's taps saw
  Comparison result_;
  bool first_run_ = true;

  void find_inexact_layers();
  void compare_outputs(Device& device, const std::vector<ir::Array>& references);
};

}  // namespace linnet::tools
