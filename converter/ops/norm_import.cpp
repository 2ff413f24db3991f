#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/movement.hpp"
#include "converter/ops/norm.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::ops {

using import::OnnxContext;
using kernels::BinaryFunction;
using kernels::NormKind;
using kernels::ReduceKind;

namespace {

void require_rank(OnnxContext& context, size_t least) {
  const Shape& shape = context.input(0)->shape();
  if (shape.size() < least)
    context.fail(fmt::format("input of shape {}, supported are rank {} and more", to_string(shape), least));
}

Value* expand(OnnxContext& context, Value* value, const Shape& shape) {
  if (value->shape() == shape) return value;
  auto op = std::make_unique<Expand>();
  op->shape = shape;
  return context.add(std::move(op), {value});
}

void require_broadcast(OnnxContext& context, const Value* parameter, const Shape& row, std::string_view what) {
  if (!broadcasts_to(parameter->shape(), row))
    context.fail(fmt::format("{} has shape {}, supported are shapes that broadcast to {}", what,
                             to_string(parameter->shape()), to_string(row)));
}

// Parameters [groups] or [channels] as [channels].
Value* per_channel(OnnxContext& context, size_t index, int64_t given, int64_t channels, std::string_view what) {
  Value* parameter = context.input(index);
  if (parameter->shape() != Shape{given})
    context.fail(fmt::format("{} has shape {}, expected {}", what, to_string(parameter->shape()), given));
  require_static(context, parameter, what);
  if (given == channels) return parameter;
  Value* column = reshape(context, parameter, {given, 1});
  return reshape(context, expand(context, column, {given, channels / given}), {channels});
}

}  // namespace

std::vector<Value*> import_layer_normalization(OnnxContext& context) {
  require_rank(context, 1);
  Value* x = context.input(0);
  auto op = std::make_unique<RowNorm>();
  op->axis = normalized_axis(context.integer("axis", -1), x->shape().size());
  op->epsilon = context.number("epsilon", 1e-5);
  context.integer("stash_type", 1);
  for (size_t i = 1; i < context.output_count(); ++i) {
    if (context.output_used(i))
      context.fail(fmt::format("output {} ({}) is used, supported is output 0 only", i, i == 1 ? "Mean" : "InvStdDev"));
  }
  const Shape row(x->shape().begin() + op->axis, x->shape().end());
  Value *gain = context.input(1), *shift = context.optional_input(2);
  require_broadcast(context, gain, row, "Scale");
  if (shift != nullptr) require_broadcast(context, shift, row, "B");
  if (context.is_static(gain) && (shift == nullptr || context.is_static(shift))) {
    std::vector<Value*> inputs = {x, expand(context, gain, row)};
    if (shift != nullptr) inputs.push_back(expand(context, shift, row));
    return {context.add(std::move(op), inputs)};
  }
  Value* y = binary(context, BinaryFunction::Mul, context.add(std::move(op), {x}), gain);
  return {shift != nullptr ? binary(context, BinaryFunction::Add, y, shift) : y};
}

std::vector<Value*> import_instance_normalization(OnnxContext& context) {
  require_rank(context, 3);
  Value* x = context.input(0);
  auto op = std::make_unique<GroupNorm>();
  const int64_t channels = op->groups = x->shape()[1];
  op->epsilon = context.number("epsilon", 1e-5);
  return {context.add(std::move(op), {x, per_channel(context, 1, channels, channels, "scale"),
                                      per_channel(context, 2, channels, channels, "B")})};
}

// Until opset 20 scale and bias have one element per group, from 21 on one per channel.
std::vector<Value*> import_group_normalization(OnnxContext& context) {
  require_rank(context, 2);
  Value* x = context.input(0);
  auto op = std::make_unique<GroupNorm>();
  const int64_t channels = x->shape()[1];
  if (!context.has("num_groups")) context.fail("attribute num_groups is missing");
  op->groups = context.integer("num_groups", 1);
  op->epsilon = context.number("epsilon", 1e-5);
  context.integer("stash_type", 1);
  if (op->groups < 1 || channels % op->groups != 0)
    context.fail(fmt::format("num_groups is {}, supported are divisors of the {} channels", op->groups, channels));
  const int64_t given = context.opset() < 21 ? op->groups : channels;
  return {context.add(std::move(op), {x, per_channel(context, 1, given, channels, "scale"),
                                      per_channel(context, 2, given, channels, "bias")})};
}

// A vector of zeros stays one.
std::vector<Value*> import_lp_normalization(OnnxContext& context) {
  require_rank(context, 1);
  Value* x = context.input(0);
  const size_t rank = x->shape().size();
  const int64_t axis = normalized_axis(context.integer("axis", -1), rank);
  const int64_t p = context.integer("p", 2);
  constexpr double kSmallest = std::numeric_limits<float>::min();
  if (p == 1) {
    Value* norm = reduce(context, ReduceKind::L1, x, {axis});
    Value* positive = binary(context, BinaryFunction::Max, norm, scalar(context, kSmallest, x, "epsilon"));
    return {binary(context, BinaryFunction::Div, x, positive)};
  }
  if (p != 2) context.fail(fmt::format("p is {}, supported are 1 and 2", p));
  Permutation to_last(rank);
  for (size_t d = 0; d < rank; ++d) to_last[d] = static_cast<int64_t>(d);
  std::rotate(to_last.begin() + axis, to_last.begin() + axis + 1, to_last.end());
  auto op = std::make_unique<RowNorm>();
  op->kind = NormKind::L2;
  op->axis = static_cast<int64_t>(rank) - 1;
  op->epsilon = kSmallest;
  Value* y = context.add(std::move(op), {transpose(context, x, to_last)});
  return {transpose(context, y, inverse(to_last))};
}

// (x - mean) / (standard deviation + 1e-9). The addition matters where all elements are equal only, and so may be made
// inside of the root.
std::vector<Value*> import_mean_variance_normalization(OnnxContext& context) {
  Value* x = context.input(0);
  constexpr double kVariance = 1e-18;
  std::vector<int64_t> axes = normalized_axes(context.integers("axes", {0, 2, 3}), x->shape().size());
  if (axes.empty()) context.fail("the list of axes is empty");
  std::sort(axes.begin(), axes.end());
  Value* centred = binary(context, BinaryFunction::Sub, x, reduce(context, ReduceKind::Mean, x, axes));
  Value* variance = reduce(context, ReduceKind::Mean, binary(context, BinaryFunction::Mul, centred, centred), axes);
  Value* positive = binary(context, BinaryFunction::Add, variance, scalar(context, kVariance, x, "epsilon"));
  return {binary(context, BinaryFunction::Div, centred, unary(context, {Function::Sqrt}, positive))};
}

}  // namespace linnet::ops
