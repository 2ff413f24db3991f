#include <algorithm>

#include "converter/ops/axes.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/reduce.hpp"

namespace linnet::ops {

using import::OnnxContext;
using kernels::BinaryFunction;
using kernels::ReduceKind;

namespace {

struct Reduction {
  std::vector<int64_t>
      axes;  // ascending; empty: nothing is reduced, only the element-wise part of the operator is left
  bool keep_dims;
};

std::vector<int64_t> all_axes(size_t rank) {
  std::vector<int64_t> axes(rank);
  for (size_t d = 0; d < rank; ++d) axes[d] = static_cast<int64_t>(d);
  return axes;
}

// The axes became an input at opset 13 for ReduceSum and at 18 for the others.
Reduction read_reduction(OnnxContext& context) {
  const size_t rank = context.input(0)->shape().size();
  const int input_since = context.op_type() == "ReduceSum" ? 13 : 18;
  const std::optional<std::vector<int64_t>> given = axes_argument(context, 1, input_since);
  const bool keep_dims = context.integer("keepdims", 1) != 0;
  const bool skip = context.opset() >= input_since && context.integer("noop_with_empty_axes", 0) != 0;
  if (!given || given->empty()) {
    if (given && !skip) context.warn("the list of axes is empty: everything is reduced");
    return {skip ? std::vector<int64_t>() : all_axes(rank), keep_dims};
  }
  std::vector<int64_t> axes = normalized_axes(*given, rank);
  std::sort(axes.begin(), axes.end());
  return {axes, keep_dims};
}

Value* without_axes(OnnxContext& context, Value* y, const Reduction& reduction) {
  if (reduction.keep_dims) return y;
  Shape shape;
  for (size_t d = 0; d < y->shape().size(); ++d) {
    if (!std::binary_search(reduction.axes.begin(), reduction.axes.end(), static_cast<int64_t>(d)))
      shape.push_back(y->shape()[d]);
  }
  return reshape(context, y, shape);
}

// What a reduction over no axes leaves.
Value* element_wise(OnnxContext& context, ReduceKind kind, Value* x) {
  if (kind == ReduceKind::L1 || kind == ReduceKind::L2) return unary(context, {Function::Abs}, x);
  if (kind == ReduceKind::SumSquare) return binary(context, BinaryFunction::Mul, x, x);
  return x;
}

Value* reduced(OnnxContext& context, ReduceKind kind, Value* x, const Reduction& reduction) {
  return reduction.axes.empty() ? element_wise(context, kind, x) : reduce(context, kind, x, reduction.axes);
}

std::vector<Value*> import_reduction(OnnxContext& context, ReduceKind kind) {
  const Reduction reduction = read_reduction(context);
  return {without_axes(context, reduced(context, kind, context.input(0), reduction), reduction)};
}

}  // namespace

std::vector<Value*> import_reduce_mean(OnnxContext& context) {
  return import_reduction(context, ReduceKind::Mean);
}
std::vector<Value*> import_reduce_sum(OnnxContext& context) {
  return import_reduction(context, ReduceKind::Sum);
}
std::vector<Value*> import_reduce_max(OnnxContext& context) {
  return import_reduction(context, ReduceKind::Max);
}
std::vector<Value*> import_reduce_min(OnnxContext& context) {
  return import_reduction(context, ReduceKind::Min);
}
std::vector<Value*> import_reduce_prod(OnnxContext& context) {
  return import_reduction(context, ReduceKind::Prod);
}
std::vector<Value*> import_reduce_l1(OnnxContext& context) {
  return import_reduction(context, ReduceKind::L1);
}
std::vector<Value*> import_reduce_l2(OnnxContext& context) {
  return import_reduction(context, ReduceKind::L2);
}
std::vector<Value*> import_reduce_sum_square(OnnxContext& context) {
  return import_reduction(context, ReduceKind::SumSquare);
}

std::vector<Value*> import_reduce_log_sum(OnnxContext& context) {
  const Reduction reduction = read_reduction(context);
  Value* sum = reduced(context, ReduceKind::Sum, context.input(0), reduction);
  return {without_axes(context, unary(context, {Function::Log}, sum), reduction)};
}

// log(sum(exp(x))) = m + log(sum(exp(x - m))) with the maximum m, which does not overflow.
std::vector<Value*> import_reduce_log_sum_exp(OnnxContext& context) {
  const Reduction reduction = read_reduction(context);
  Value* x = context.input(0);
  if (reduction.axes.empty()) return {x};
  Value* maximum = reduce(context, ReduceKind::Max, x, reduction.axes);
  Value* powers = unary(context, {Function::Exp}, binary(context, BinaryFunction::Sub, x, maximum));
  Value* sum = reduce(context, ReduceKind::Sum, powers, reduction.axes);
  Value* y = binary(context, BinaryFunction::Add, unary(context, {Function::Log}, sum), maximum);
  return {without_axes(context, y, reduction)};
}

}  // namespace linnet::ops
