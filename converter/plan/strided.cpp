#include "converter/plan/strided.hpp"

#include "converter/ops/gather.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reduce_axes.hpp"
#include "converter/ops/resample.hpp"
#include "converter/ops/softmax.hpp"

namespace linnet::plan {

namespace {

using namespace linnet::ir;

int64_t columns(const Value& value) {
  return value.shape().empty() ? 1 : value.shape().back();
}

// [outer, size, inner] of operators that work along axes, as their steps have it.
std::optional<ops::AxisSplit> axis_view(const Node& node) {
  const Shape& shape = node.in(0).shape();
  if (const auto* reduce = node.as<ops::Reduce>()) return ops::reduced_view(reduce->axes, shape);
  if (const auto* arg_max = node.as<ops::ArgMax>()) return ops::split_at(shape, arg_max->axis);
  if (const auto* softmax = node.as<ops::Softmax>()) return ops::split_at(shape, softmax->axis);
  if (const auto* gather = node.as<ops::Gather>()) return ops::split_at(shape, gather->axis);
  if (const auto* pad = node.as<ops::Pad>(); pad != nullptr && pad->mode != ops::PadMode::Constant)
    return ops::split_at(shape, pad->padded_axes().front());
  if (const auto* resample = node.as<ops::Resample>()) return ops::split_at(shape, resample->axis);
  if (const auto* norm = node.as<ops::RowNorm>()) {
    const auto row = shape.begin() + norm->axis;
    return ops::AxisSplit{element_count({shape.begin(), row}), element_count({row, shape.end()}), 1};
  }
  return std::nullopt;
}

bool keeps_rows(const Node& node) {
  return columns(node.in(0)) == columns(node.out());
}

}  // namespace

bool reads_rows(const Node& node, size_t index) {
  if (node.op->is_view()) return keeps_rows(node);
  const auto view = axis_view(node);
  if (!view || index != 0 || columns(node.in(0)) == view->size * view->inner) return true;
  return node.as<ops::Reduce>() != nullptr && columns(node.in(0)) == view->inner;
}

bool writes_rows(const Node& node) {
  if (node.op->is_view()) return keeps_rows(node);
  const auto view = axis_view(node);
  if (!view) return true;
  if (node.as<ops::Softmax>() != nullptr || node.as<ops::RowNorm>() != nullptr)
    return columns(node.out()) == view->size * view->inner;
  return columns(node.out()) == view->inner;
}

}  // namespace linnet::plan
