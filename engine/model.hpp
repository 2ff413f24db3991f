// A model file as a verified view: nothing is copied, and whatever open_model() accepted may be used without further
// checks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/error.hpp"
#include "schema/model_generated.h"

namespace linnet::engine {

// The format version this engine was written for (Model.version); older ones are accepted from kOldestFormatVersion on.
constexpr uint32_t kFormatVersion = 4;
constexpr uint32_t kOldestFormatVersion = 1;

// Every weight block is followed by this many readable bytes inside its vector.
constexpr int64_t kBlockPadding = 64;

constexpr int kMaxInputs = 3;
constexpr int kMaxOutputs = 3;

// One tensor, resolved. In memory it is `rows` runs of `columns` elements (the last dimension), `row_stride` elements
// apart.
struct TensorInfo {
  int32_t index;  // in Model.tensors
  fb::DataType type;
  int32_t element_bytes;
  int32_t dimensions;
  int32_t shape[LINNET_MAX_DIMENSIONS];
  int32_t rows, columns, row_stride;
  int32_t rolling_lines;    // lines of the image that memory holds at a time; 0: all
  ptrdiff_t offset;         // bytes from the start of the arena's tensor region, or of the constant's block
  const uint8_t* constant;  // start of the constant's block; null where the tensor lives in the arena
  float scale;              // 0: not quantized
  int32_t zero_point;

  int32_t elements() const { return rows * columns; }
  int64_t extent() const {
    const int64_t held = rolling_lines > 0 ? static_cast<int64_t>(rolling_lines) * shape[2] : rows;
    return (held - 1) * row_stride + columns;
  }
  int64_t extent_bytes() const { return extent() * element_bytes; }
  bool dense() const { return rows == 1 || row_stride == columns; }
  // The distance in elements between consecutive runs of `block` elements in row-major order, or 0 where that distance
  // is not constant (a slice whose rows are not of that length).
  int32_t block_stride(int64_t block) const {
    if (dense()) return static_cast<int32_t>(block);
    return columns == block ? row_stride : 0;
  }
};

struct ModelView {
  const fb::Model* root = nullptr;

  int32_t step_count() const { return root->steps() == nullptr ? 0 : static_cast<int32_t>(root->steps()->size()); }
  int32_t tensor_count() const {
    return root->tensors() == nullptr ? 0 : static_cast<int32_t>(root->tensors()->size());
  }
  int32_t input_count() const { return root->inputs() == nullptr ? 0 : static_cast<int32_t>(root->inputs()->size()); }
  int32_t output_count() const {
    return root->outputs() == nullptr ? 0 : static_cast<int32_t>(root->outputs()->size());
  }
  const fb::Step& step(int32_t index) const { return *root->steps()->Get(static_cast<uint32_t>(index)); }

  // Usable bytes of a block, without its padding; negative where there is no such block or it is too short for any use.
  int64_t block_bytes(uint32_t index) const;
  const uint8_t* block(uint32_t index) const { return root->buffers()->Get(index)->data()->data(); }
  const float* floats(uint32_t index) const { return reinterpret_cast<const float*>(block(index)); }
  const int32_t* integers(uint32_t index) const { return reinterpret_cast<const int32_t*>(block(index)); }

  TensorInfo tensor(uint32_t index) const;

  int32_t cascade_count() const {
    return root->cascades() == nullptr ? 0 : static_cast<int32_t>(root->cascades()->size());
  }
  const fb::Cascade& cascade(int32_t index) const { return *root->cascades()->Get(static_cast<uint32_t>(index)); }

  int32_t state_count() const { return root->states() == nullptr ? 0 : static_cast<int32_t>(root->states()->size()); }
  const fb::State& state(int32_t index) const { return *root->states()->Get(static_cast<uint32_t>(index)); }
};

// Output lines of a step that are computed in one call, counted through all images; count < 0: all of them.
struct LineRange {
  int32_t begin = 0, count = -1;
};

// One step with its tensors resolved. Within a cascade, offsets of rolling tensors are those that line 0 would have.
struct StepView {
  const ModelView& model;
  const fb::Step& step;
  int32_t input_count;
  TensorInfo inputs[kMaxInputs];
  TensorInfo output;  // the first; of most operators the only one
  int32_t output_count;
  TensorInfo more_outputs[kMaxOutputs - 1];
  LineRange lines;

  const TensorInfo& output_at(int32_t i) const { return i == 0 ? output : more_outputs[i - 1]; }
};

StepView view_step(const ModelView& model, int32_t index);

// There is a tensor `index`, and it is in the arena, whole and dense.
bool check_whole(const ModelView& model, uint32_t index, Error* error);

// Checks everything in `bytes` (its alignment, the FlatBuffer's structure, version, tensors, steps and their
// parameters).
bool open_model(const void* bytes, size_t size, ModelView* model, Error* error);

int32_t element_bytes(fb::DataType type);

// Sum and product of two non-negative numbers, at most INT64_MAX.
inline int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

inline int64_t saturating_multiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

}  // namespace linnet::engine
