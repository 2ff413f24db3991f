// Gemm and MatMul: a product with constants on the right is a Linear, every other one a MatMul.
#include <fmt/format.h>

#include <algorithm>

#include "converter/import/onnx_context.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/reshape.hpp"

namespace linnet::ops {

using import::OnnxContext;
using kernels::BinaryFunction;

namespace {

const Permutation kSwapped = {1, 0};

Value* scaled(OnnxContext& context, Value* value, double factor, std::string_view what) {
  if (factor == 1.0) return value;
  return binary(context, BinaryFunction::Mul, value, scalar(context, factor, value, what));
}

// `value` as the bias [outputs] of a Linear, or null where it differs between rows or depends on data.
Value* as_bias(OnnxContext& context, Value* value, int64_t outputs) {
  const Shape& shape = value->shape();
  const int64_t count = element_count(shape);
  const bool per_output = count == 1 || (count == outputs && !shape.empty() && shape.back() == outputs);
  if (!per_output || !context.is_static(value)) return nullptr;
  if (count == outputs) return reshape(context, value, {outputs});
  auto op = std::make_unique<Expand>();
  op->shape = {outputs};
  return context.add(std::move(op), {reshape(context, value, {1})});
}

Value* linear(OnnxContext& context, Value* x, Value* weights, Value* bias) {
  return context.add(std::make_unique<Linear>(), {x, weights, bias});
}

Value* matmul(OnnxContext& context, Value* a, Value* b) {
  return context.add(std::make_unique<MatMul>(), {a, b});
}

}  // namespace

std::vector<Value*> import_gemm(OnnxContext& context) {
  Value *a = context.input(0), *b = context.input(1), *c = context.optional_input(2);
  const double alpha = context.number("alpha", 1.0), beta = context.number("beta", 1.0);
  const bool trans_a = context.integer("transA", 0) != 0, trans_b = context.integer("transB", 0) != 0;
  if (a->shape().size() != 2 || b->shape().size() != 2) {
    context.fail(fmt::format("operands of shapes {} and {}, supported are two matrices", to_string(a->shape()),
                             to_string(b->shape())));
  }
  if (beta == 0.0) c = nullptr;
  if (c != nullptr) c = scaled(context, c, beta, "beta");
  const int64_t outputs = b->shape()[trans_b ? 0 : 1];
  Value* y = nullptr;
  if (context.is_static(b) && !context.is_static(a)) {
    Value* x = trans_a ? transpose(context, a, kSwapped) : a;
    Value* weights = scaled(context, trans_b ? b : transpose(context, b, kSwapped), alpha, "alpha");
    Value* bias = c == nullptr ? nullptr : as_bias(context, c, outputs);
    y = linear(context, x, weights, bias);
    if (bias != nullptr) c = nullptr;
  } else {
    auto op = std::make_unique<MatMul>();
    if (trans_a) op->a_permutation = kSwapped;
    if (trans_b) op->b_permutation = kSwapped;
    op->scale = alpha;
    y = context.add(std::move(op), {a, b});
  }
  if (c == nullptr) return {y};
  const Shape shape = y->shape();
  if (!broadcasts_to(c->shape(), shape)) {
    context.fail(fmt::format("input 2 (C) of shape {} does not broadcast to the product's shape {}",
                             to_string(c->shape()), to_string(shape)));
  }
  return {binary(context, BinaryFunction::Add, y, c)};
}

std::vector<Value*> import_mat_mul(OnnxContext& context) {
  Value *a = context.input(0), *b = context.input(1);
  const Shape a_shape = a->shape(), b_shape = b->shape();
  if (a_shape.empty() || b_shape.empty()) {
    context.fail(fmt::format("operands of shapes {} and {}, supported are rank 1 and more", to_string(a_shape),
                             to_string(b_shape)));
  }
  // A constant matrix, alone in its batch, on the right.
  const bool matrix = b_shape.size() >= 2 && b_shape.size() <= std::max<size_t>(2, a_shape.size()) &&
                      std::all_of(b_shape.begin(), b_shape.end() - 2, [](int64_t size) { return size == 1; });
  if (matrix && context.is_static(b) && !context.is_static(a)) {
    Value* plain = reshape(context, b, {b_shape[b_shape.size() - 2], b_shape.back()});
    return {linear(context, a, transpose(context, plain, kSwapped), nullptr)};
  }
  // Vectors get a dimension that the result loses again.
  if (a_shape.size() == 1) a = reshape(context, a, {1, a_shape[0]});
  if (b_shape.size() == 1) b = reshape(context, b, {b_shape[0], 1});
  Value* y = matmul(context, a, b);
  Shape shape = y->shape();
  if (b_shape.size() == 1) shape.pop_back();
  if (a_shape.size() == 1) shape.erase(shape.end() - (b_shape.size() == 1 ? 1 : 2));
  return {reshape(context, y, shape)};
}

}  // namespace linnet::ops
