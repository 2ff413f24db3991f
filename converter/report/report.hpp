// What a conversion did and what the model costs; printed by `linnet convert` as text or JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace linnet::report {

struct PassSummary {
  std::string name;
  int64_t nodes_before = 0, nodes_after = 0;
  std::vector<std::string> actions;  // one line per thing done: "folded bn1 into conv1"
  double seconds = 0;
};

struct StepSummary {
  std::string name, op;    // debug name; operator of the schema's union
  std::string output;      // type and shape
  std::string attributes;  // "3x3 stride 2 +Relu"
  std::string arithmetic;  // "float32", "int8" or "int16"; empty where elements are moved
  std::vector<std::string> sources;
  int64_t macs = 0, weight_bytes = 0;
};

// The exact arena of one kind of device, single thread.
struct TargetMemory {
  std::string target;  // "cortex-m", "armv7", "aarch64", "x86 avx2" ...
  int64_t arena_bytes = 0, session_bytes = 0, tensor_bytes = 0, scratch_bytes = 0;
};

// Where and when an activation lives: bytes [offset, offset + bytes) during steps first..last.
struct Placement {
  std::string tensor;
  int64_t offset = 0, bytes = 0;
  int first_step = 0, last_step = 0;
};

// How much a data set changed the statistics of one batch normalization, over its channels; NaN where it
// had none.
struct StatisticsChange {
  std::string layer;
  int64_t channels = 0;
  double largest_mean_shift = 0;  // in standard deviations from before
  double smallest_variance_ratio = 1, largest_variance_ratio = 1;
};

// Weights that several steps have in common and the file holds once.
struct SharedWeights {
  std::vector<std::string> steps;
  int64_t bytes = 0;  // of one copy
  int64_t saved() const { return bytes * (static_cast<int64_t>(steps.size()) - 1); }
};

// A step that computes with real numbers in a model that has integer steps.
struct FloatStep {
  int step = 0;
  std::string reason;
};

// How exact a layer is that computes with int8, beside the float network on the calibration samples.
struct LayerQuality {
  std::string layer, op;
  double sqnr = 0;  // dB; infinite where nothing differs
};

// How many of the labelled samples are read right.
struct Accuracy {
  size_t samples = 0;
  size_t float_correct = 0;  // by the float network
  size_t int8_correct = 0;   // before layers stay float for the accuracy's sake
  size_t correct = 0;        // by the model
  double percent(size_t count) const { return 100.0 * static_cast<double>(count) / static_cast<double>(samples); }
};

// What made int8 steps of a float network.
struct Quantization {
  std::string range;  // the rule, or the file, that ranges are from; empty: nothing was quantized
  int64_t samples = 0;
  std::vector<LayerQuality> layers, outputs;
  std::string equalized;                             // what equalizing layers did; empty: none are
  std::optional<Accuracy> accuracy;                  // absent without labels
  std::map<std::string, std::string> float_reasons;  // why layers stay float, by name
};

// Layers with float arithmetic whose weights became int8.
struct Int8Weights {
  int64_t layers = 0, bytes = 0, float_bytes = 0;    // of their weights and scales, and of the float weights before
  std::map<std::string, std::string> float_reasons;  // why layers keep float weights, by name
};

// A layer whose weights were treated.
struct TreatedLayer {
  std::string layer, op, treatment;
  int64_t weights = 0, nonzero = 0;
  // Squared error of the layer's output on the samples, as a part of its variance, for what the treated layers before
  // it give; NaN where it is not known.
  double error_before = 0, error_after = 0;
  std::string repair;  // how it was repaired; empty: it was not, and there are no errors
};
struct Treatments {
  std::vector<TreatedLayer> layers;
  bool repaired = false;
  int64_t samples = 0;  // of the repair
};

// What a budget chose for the layers that are its own.
struct BudgetLayer {
  std::string layer, op, choice;  // "--sparsify 80%", "as it is"
  int64_t saved = 0;              // bytes of the file
  double loss = 0;                // what it adds to the error, alone
};
struct Budget {
  std::string text;  // empty: there is none
  int64_t limit = 0, untreated_bytes = 0;
  double error = 0;  // squared, of the outputs, as a part of their power, on the samples
  int64_t samples = 0;
  std::vector<BudgetLayer> layers;  // none where nothing had to be chosen
};

// How the weights of a layer that has zeros are stored.
struct StoredLayer {
  std::string layer, op;
  int64_t weights = 0, nonzero = 0;
  std::string storage;
  int64_t bytes = 0, dense_bytes = 0;  // 0: only dense storage exists
  std::string reason;                  // for it
};

// How the weights of a layer that are taken from a grid or codebook are stored.
struct CodedLayer {
  std::string layer, storage;
  int64_t bytes = 0, dense_bytes = 0;
  std::string reason;  // for dense storage
};

// What was removed because it is constant, or because nothing reads it.
struct DeadChannels {
  struct LayerChannels {
    std::string layer;
    int64_t removed = 0, of = 0;  // output channels
  };
  std::vector<LayerChannels> layers;
  int64_t macs_before = 0, macs_after = 0;
};

// A tensor that keeps its value between runs.
struct StateSummary {
  std::string tensor, type;  // type and shape
};

struct Report {
  std::string source_file, tool_version, options;
  std::string source_format;  // "ONNX opset 17"
  int onnx_opset = 0;         // 0 for other formats
  int64_t macs = 0, weight_bytes = 0, file_bytes = 0;
  int64_t tensor_bytes = 0, tensor_lower_bound = 0;
  int64_t state_bytes = 0;  // of tensor_bytes, what a run leaves for the next one
  std::vector<StateSummary> states;
  std::vector<PassSummary> passes;
  int64_t integer_weight_bytes = 0;  // of integer steps, with their biases and factors
  std::vector<StepSummary> steps;
  std::vector<FloatStep> float_steps;
  Quantization quantization;
  Int8Weights int8_weights;
  Budget budget;
  Treatments treatments;
  std::vector<StoredLayer> storages;
  std::vector<CodedLayer> coded_layers;
  DeadChannels dead_channels;
  std::vector<TargetMemory> memory;
  std::vector<Placement> placements;
  std::vector<SharedWeights> shared_weights;
  std::vector<StatisticsChange> statistics;
  std::vector<std::string> open_inputs;  // whose first dimension the source leaves open: a batch, set to 1
  std::vector<std::string> warnings;
};

std::string to_text(const Report& report, bool verbose);
std::string to_json(const Report& report);

}  // namespace linnet::report
