// Axis arithmetic shared by the operators and their importers.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "converter/import/onnx_context.hpp"
#include "converter/ir/array.hpp"

namespace linnet::ops {

// -rank..rank-1 to 0..rank-1; throws Error outside.
int64_t normalized_axis(int64_t axis, size_t rank);
std::vector<int64_t> normalized_axes(std::vector<int64_t> axes,
                                     size_t rank);  // in the given order; throws Error for an axis given twice

// The axes of an operator that has them as an attribute below `input_since` and as a constant input from there on.
std::optional<std::vector<int64_t>> axes_argument(import::OnnxContext& context, size_t input, int input_since);

// Where dimension `axis` goes when dimensions are permuted.
int64_t permuted_axis(int64_t axis, const ir::Permutation& permutation);

// Products of the sizes before and after an axis.
struct AxisSplit {
  int64_t outer = 1, size = 1, inner = 1;
};
AxisSplit split_at(const ir::Shape& shape, int64_t axis);

// Throws Error unless there are between `minimum` and `maximum` inputs and the first `minimum` are present.
void require_inputs(const std::vector<const ir::TensorType*>& inputs, size_t minimum, size_t maximum);

}  // namespace linnet::ops
