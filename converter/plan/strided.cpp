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

// [outer, size, inner] of operators that work along an axis.
struct AxisView {
  bool any = false;
  int64_t size = 1, inner = 1;
};

AxisView axis_view(const Node& node) {
  std::vector<int64_t> axes;
  if (const auto* reduce = node.as<ops::Reduce>()) axes = reduce->axes;
  if (const auto* arg_max = node.as<ops::ArgMax>()) axes = {arg_max->axis};
  if (const auto* softmax = node.as<ops::Softmax>()) axes = {softmax->axis};
  if (const auto* gather = node.as<ops::Gather>()) axes = {gather->axis};
  if (const auto* pad = node.as<ops::Pad>(); pad != nullptr && pad->mode != ops::PadMode::Constant)
    axes = pad->padded_axes();
  if (const auto* resample = node.as<ops::Resample>()) axes = {resample->axis};
  if (const auto* norm = node.as<ops::RowNorm>()) {
    for (size_t d = static_cast<size_t>(norm->axis); d < node.in(0).shape().size(); ++d)
      axes.push_back(static_cast<int64_t>(d));
  }
  if (axes.empty()) return {};
  const auto view = ops::reduced_view(axes, node.in(0).shape());
  return {true, view.size, view.inner};
}

bool keeps_rows(const Node& node) {
  return columns(node.in(0)) == columns(node.out());
}

}  // namespace

bool reads_rows(const Node& node, size_t index) {
  if (node.op->is_view()) return keeps_rows(node);
  const AxisView view = axis_view(node);
  if (!view.any || index != 0) return true;
  if (columns(node.in(0)) == view.size * view.inner) return true;
  return node.as<ops::Reduce>() != nullptr && columns(node.in(0)) == view.inner;
}

bool writes_rows(const Node& node) {
  if (node.op->is_view()) return keeps_rows(node);
  const AxisView view = axis_view(node);
  if (!view.any) return true;
  if (node.as<ops::Softmax>() != nullptr || node.as<ops::RowNorm>() != nullptr)
    return columns(node.out()) == view.size * view.inner;
  return columns(node.out()) == view.inner;
}

}  // namespace linnet::plan
