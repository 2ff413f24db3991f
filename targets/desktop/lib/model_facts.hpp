// What a model file says about itself, read from the FlatBuffer alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace linnet::tools {

struct TensorFacts {
  std::string name;  // "tensor12" where names were stripped
  std::string type;
  std::vector<int64_t> shape;         // as on the device
  std::vector<int64_t> source_shape;  // inputs and outputs: as in the source graph
  bool in_arena = false;
  int64_t offset = 0, bytes = 0;        // within the arena's tensor region; bytes from the first to the last element
  int first_step = -1, last_step = -1;  // the steps during which it must keep its contents; -1: never used
  int64_t rolling_lines = 0;            // that are in memory at a time; 0: all
  float scale = 0;                      // of quantized tensors, see linnet_tensor_view
  int zero_point = 0;
};

struct StepFacts {
  std::string name, op, attributes;
  std::string arithmetic;                 // "float32", "int8", "int16"; empty: elements are moved
  std::string rounding;                   // "tflite", "float"; empty where no sums are rounded to integers
  std::vector<uint32_t> inputs, outputs;  // tensors
  std::vector<std::string> sources;
  std::vector<uint32_t> buffers;
  int64_t macs = 0, weight_bytes = 0;
  int64_t live_bytes = 0;  // of the arena's tensor region, while it runs
};

// Steps that run in turns, stripe_lines lines of the last one's output at a time.
struct CascadeFacts {
  int first_step = 0, last_step = 0;
  int64_t stripe_lines = 0;
};

// A tensor that keeps its value between runs, and the one that it becomes then.
struct StateFacts {
  uint32_t tensor = 0, next = 0;
};

struct BufferFacts {
  int64_t bytes = 0;
  std::vector<int> steps;  // that read it
};

struct ModelFacts {
  std::string name, source, options, tool_version;
  uint32_t format_version = 0;
  int64_t macs = 0, weight_bytes = 0, tensor_bytes = 0, tensor_lower_bound = 0, state_bytes = 0;
  std::vector<TensorFacts> tensors;
  std::vector<StepFacts> steps;
  std::vector<CascadeFacts> cascades;
  std::vector<StateFacts> states;
  std::vector<BufferFacts> buffers;
  std::vector<uint32_t> inputs, outputs;
};

// `bytes` is a model that linnet_get_model_info accepted.
ModelFacts read_facts(const void* bytes);

}  // namespace linnet::tools
