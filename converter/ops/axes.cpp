#include "converter/ops/axes.hpp"

#include <set>

#include <fmt/format.h>

namespace linnet::ops {

using ir::Error;

int64_t normalized_axis(int64_t axis, size_t rank) {
  const auto dimensions = static_cast<int64_t>(rank);
  if (axis < -dimensions || axis >= dimensions)
    throw Error(fmt::format("axis {} of a tensor of {} dimensions; supported are {} to {}", axis, rank, -dimensions,
                            dimensions - 1));
  return axis < 0 ? axis + dimensions : axis;
}

std::vector<int64_t> normalized_axes(std::vector<int64_t> axes, size_t rank) {
  std::set<int64_t> seen;
  for (int64_t& axis : axes) {
    axis = normalized_axis(axis, rank);
    if (!seen.insert(axis).second) throw Error(fmt::format("axis {} is given twice", axis));
  }
  return axes;
}

std::optional<std::vector<int64_t>> axes_argument(import::OnnxContext& context, size_t input, int input_since) {
  if (context.opset() < input_since)
    return context.has("axes") ? std::optional(context.integers("axes")) : std::nullopt;
  if (context.optional_input(input) == nullptr) return std::nullopt;
  return context.constant(input, "axes").integers();
}

int64_t permuted_axis(int64_t axis, const ir::Permutation& permutation) {
  return std::find(permutation.begin(), permutation.end(), axis) - permutation.begin();
}

AxisSplit split_at(const ir::Shape& shape, int64_t axis) {
  AxisSplit split;
  for (size_t d = 0; d < shape.size(); ++d) {
    const auto dimension = static_cast<int64_t>(d);
    (dimension < axis ? split.outer : dimension > axis ? split.inner : split.size) *= shape[d];
  }
  return split;
}

void require_inputs(const std::vector<const ir::TensorType*>& inputs, size_t minimum, size_t maximum) {
  if (inputs.size() < minimum || inputs.size() > maximum)
    throw Error(minimum == maximum ? fmt::format("has {} inputs, wanted {}", inputs.size(), minimum)
                                   : fmt::format("has {} inputs, wanted {} to {}", inputs.size(), minimum, maximum));
  for (size_t i = 0; i < minimum; ++i)
    if (inputs[i] == nullptr) throw Error(fmt::format("input {} is absent", i));
}

}  // namespace linnet::ops
