#include "converter/ops/import_helpers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "converter/ops/cast.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/reduce_axes.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::ops {

using import::Context;
using kernels::ReduceKind;

bool is_static(const Value* value) {
  std::vector<const Value*> pending = {value};
  std::unordered_set<const Value*> seen;
  while (!pending.empty()) {
    const Value* current = pending.back();
    pending.pop_back();
    if (current == nullptr || current->constant || !seen.insert(current).second) continue;
    if (current->producer == nullptr) return false;
    pending.insert(pending.end(), current->producer->inputs.begin(), current->producer->inputs.end());
  }
  return true;
}

void require_static(Context& context, const Value* value, std::string_view what) {
  if (!context.is_static(value)) {
    context.fail(fmt::format("{} ({}) depends on the model's inputs, supported are constants", what, value->name));
  }
}

std::optional<Array> static_input(Context& context, size_t index, std::string_view what) {
  if (!context.is_static(context.input(index))) return std::nullopt;
  return context.constant(index, what);
}

Value* reshape(Context& context, Value* value, const Shape& shape) {
  if (value->shape() == shape) return value;
  auto op = std::make_unique<Reshape>();
  op->shape = shape;
  return context.add(std::move(op), {value});
}

Value* transpose(Context& context, Value* value, const Permutation& permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return value;
  auto op = std::make_unique<Transpose>();
  op->permutation = permutation;
  return context.add(std::move(op), {value});
}

Value* cast(Context& context, Value* value, DType dtype) {
  if (value->type.dtype == dtype) return value;
  auto op = std::make_unique<Cast>();
  op->to = dtype;
  return context.add(std::move(op), {value});
}

Value* binary(Context& context, kernels::BinaryFunction function, Value* a, Value* b) {
  auto op = std::make_unique<Binary>();
  op->function = function;
  return context.add(std::move(op), {a, b});
}

Value* unary(Context& context, const Activation& function, Value* x) {
  auto op = std::make_unique<Unary>();
  op->function = function;
  return context.add(std::move(op), {x});
}

Value* scalar(Context& context, double value, const Value* like, std::string_view what) {
  return context.add_constant(Array::scalar(value, like->type.dtype), what);
}

Value* reduce(Context& context, ReduceKind kind, Value* x, const std::vector<int64_t>& axes) {
  const std::vector<std::vector<int64_t>> runs = adjacent_runs(axes, x->shape());
  const bool root = kind == ReduceKind::L2 && runs.size() > 1;
  const ReduceKind first = root ? ReduceKind::SumSquare : kind;
  const bool absolute = kind == ReduceKind::L1 || kind == ReduceKind::L2 || kind == ReduceKind::SumSquare;
  const ReduceKind later = absolute ? ReduceKind::Sum : kind;
  for (size_t i = 0; i < runs.size(); ++i) {
    auto op = std::make_unique<Reduce>();
    op->kind = i == 0 ? first : later;
    op->axes = runs[i];
    x = context.add(std::move(op), {x});
  }
  return root ? unary(context, {Function::Sqrt}, x) : x;
}

}  // namespace linnet::ops
