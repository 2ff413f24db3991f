// Checks that several operators share. All return false with `error` filled where the step does not fit.
#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/enums.hpp"
#include "engine/model.hpp"
#include "kernels/contract.hpp"
#include "schema/features.hpp"

namespace linnet::engine {

using Integers = flatbuffers::Vector<int32_t>;

bool check_type(const TensorInfo& tensor, fb::DataType type, Error* error);
// Every input and output is float32, which the build has arithmetic for.
bool check_float(const StepView& step, Error* error);
bool check_activation(const fb::Activation* activation, Error* error);
// The build has the feature, which is number `number` of its kind (LINNET_ERROR_OPERATOR in linnet.h).
enum class FeatureKind : int32_t { Step = 1, Function = 2, Reduction = 3 };
enum class StepFeature : int32_t {
  Cascades = 0,
  Moments = 1,
  Transposed = 2,
  Float32 = 3,
  Int8 = 4,
  States = 5,
  Int16 = 6,
  Int8Weights = 7,
  DynamicInt8 = 8,
  Float32Weights = 9,
  Sparse = 10,
  Codes = 11
};
bool check_feature(bool has, FeatureKind kind, int32_t number, Error* error);
inline bool check_feature(bool has, StepFeature feature, Error* error) {
  return check_feature(has, FeatureKind::Step, static_cast<int32_t>(feature), error);
}
// `epsilon` is finite and not negative; the error gives its bits.
bool check_epsilon(float epsilon, Error* error);

// `a` and `b` have as many rows of as many columns.
bool check_same_rows(const TensorInfo& a, const TensorInfo& b, Error* error);
// The same elements in the same order: equal rows, or both dense with equally many elements.
bool check_elementwise(const TensorInfo& a, const TensorInfo& b, Error* error);
// The optional residual has the output's rows.
bool check_residual(const StepView& step, Error* error, int32_t residual = 1);
// `tensor` has `a` * `b` * `c` elements, all three positive.
bool check_elements(const TensorInfo& tensor, int32_t a, int32_t b, int32_t c, Error* error);
// `tensor` is made of runs of `block` elements at a constant distance.
bool check_blocks(const TensorInfo& tensor, int64_t block, Error* error);

// Buffer `index` holds `count` elements of 4 bytes and the padding behind them.
bool check_words(const StepView& step, uint32_t index, int64_t count, Error* error);
// The `count` integers of buffer `index` are all in 0..limit-1.
bool check_indices(const StepView& step, uint32_t index, int64_t count, int32_t limit, Error* error);

// At most `limit` positive sizes whose product is at most INT32_MAX.
bool check_dimensions(const Integers* shape, int32_t limit, int64_t* product, Error* error);
// `strides` has one entry per dimension of `shape`.
bool check_strides(const Integers* shape, const Integers* strides, Error* error);

inline int32_t length(const Integers* vector) {
  return vector == nullptr ? 0 : static_cast<int32_t>(vector->size());
}

// Positions, in elements, that strided accesses reach. Exact for shapes whose product is at most INT32_MAX.
struct Reach {
  int64_t lowest, highest;

  explicit Reach(int64_t offset) : lowest(offset), highest(offset) {}
  void add(int32_t size, int32_t stride) {
    const int64_t step = static_cast<int64_t>(size - 1) * stride;
    (step < 0 ? lowest : highest) += step;
  }
  void add(const Integers* shape, const Integers* strides) {
    for (int32_t d = 0; d < length(shape); ++d) {
      add(shape->Get(static_cast<uint32_t>(d)), strides->Get(static_cast<uint32_t>(d)));
    }
  }
};
bool check_reach(const TensorInfo& tensor, const Reach& reach, Error* error);

// What bounds every position along an axis that a window slides over, and every sum and product that kernels form of
// them; the sizes, stride and dilation are at least 1 and the padding at least 0. Stays below kWindowLimit.
constexpr int64_t kWindowLimit = int64_t{1} << 30;
inline int64_t window_span(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  return saturating_add(saturating_add(saturating_multiply(out, stride), saturating_multiply(kernel, dilation)),
                        saturating_add(in, pad));
}

// Phases of a transposed convolution, stride_h * stride_w.
constexpr int64_t kMaxPhases = int64_t{1} << 16;

bool check_window(const kernels::Window& window, Error* error);
// An image [N, H, W, C].
bool check_image(const TensorInfo& tensor, Error* error);
// window_span() of one axis; `pad`: on both sides, where both are given.
bool check_span(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t dilation, int64_t pad, Error* error);

template <class Table>
kernels::Window window_of(const Table& table) {
  if constexpr (std::is_same_v<Table, fb::Winograd2D>) {
    return {3, 3, 1, 1, 1, 1, table.pad_top(), table.pad_left()};
  } else {
    return {table.kernel_h(),   table.kernel_w(),   table.stride_h(), table.stride_w(),
            table.dilation_h(), table.dilation_w(), table.pad_top(),  table.pad_left()};
  }
}

}  // namespace linnet::engine
