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

// The weights of a MatMulNBits: [N, K] of (q - zero) * scale, q packed in blocks of an output's inputs, low bits first.
namespace {

struct PackedBlocks {
  int64_t outputs, inputs, block;
  int64_t blocks() const { return (inputs + block - 1) / block; }
};

void require_elements(OnnxContext& context, const Array& array, int64_t wanted, std::string_view what) {
  if (static_cast<int64_t>(array.size()) != wanted)
    context.fail(fmt::format("{} have {} elements, wanted {}", what, array.size(), wanted));
}

int64_t nibble(const Array& packed, int64_t index) {
  return packed.integer(static_cast<size_t>(index / 2)) >> (index % 2 * 4) & 15;
}

Array unpacked(OnnxContext& context, const PackedBlocks& size) {
  constexpr int64_t kZero = 8;
  const Array& packed = context.constant(1, "input 1 (B)");
  const Array& scales = context.constant(2, "input 2 (scales)");
  const Array* zeros = context.optional_input(3) != nullptr ? &context.constant(3, "input 3 (zero_points)") : nullptr;
  const int64_t blocks = size.blocks(), zero_bytes = (blocks + 1) / 2;
  if (packed.dtype() != DType::u8) context.fail(fmt::format("input 1 (B) is {}, wanted u8", to_string(packed.type())));
  require_elements(context, packed, size.outputs * blocks * size.block / 2, "input 1 (B)");
  require_elements(context, scales, size.outputs * blocks, "input 2 (scales)");
  const bool packed_zeros = zeros != nullptr && zeros->dtype() == DType::u8;
  if (zeros != nullptr)
    require_elements(context, *zeros, size.outputs * (packed_zeros ? zero_bytes : blocks), "input 3 (zero_points)");
  std::vector<float> weights(static_cast<size_t>(size.outputs * size.inputs));
  for (int64_t n = 0; n < size.outputs; ++n) {
    for (int64_t k = 0; k < size.inputs; ++k) {
      const int64_t b = n * blocks + k / size.block;
      const int64_t code = nibble(packed, b * size.block + k % size.block);
      double zero = kZero;
      if (packed_zeros) zero = static_cast<double>(nibble(*zeros, n * zero_bytes * 2 + k / size.block));
      if (zeros != nullptr && !packed_zeros) zero = zeros->number(static_cast<size_t>(b));
      weights[static_cast<size_t>(n * size.inputs + k)] =
          static_cast<float>((static_cast<double>(code) - zero) * scales.number(static_cast<size_t>(b)));
    }
  }
  return Array::of_floats({size.outputs, size.inputs}, std::move(weights));
}

}  // namespace

std::vector<Value*> import_mat_mul_n_bits(OnnxContext& context) {
  Value* a = context.input(0);
  const PackedBlocks size = {context.integer("N", 0), context.integer("K", 0), context.integer("block_size", 0)};
  const int64_t bits = context.integer("bits", 4);
  context.integer("accuracy_level", 0);  // what may be rounded while it is computed
  context.integer("weight_prepacked", 0);
  if (bits != 4) context.fail(fmt::format("bits is {}, supported is 4", bits));
  if (size.block < 16 || (size.block & (size.block - 1)) != 0)
    context.fail(fmt::format("block_size is {}, supported are powers of 2 from 16 on", size.block));
  if (context.optional_input(4) != nullptr) context.fail("has an input 4 (g_idx), supported are inputs in order");
  if (size.outputs < 1 || size.inputs < 1 || a->shape().empty() || a->shape().back() != size.inputs)
    context.fail(
        fmt::format("N is {} and K {} for an input of shape {}", size.outputs, size.inputs, to_string(a->shape())));
  Value* weights = context.graph().add_constant(context.node_name() + ".weights", unpacked(context, size));
  Value* bias = context.optional_input(5);
  if (bias != nullptr) {
    require_static(context, bias, "input 5 (bias)");
    bias = as_bias(context, bias, size.outputs);
    if (bias == nullptr) context.fail(fmt::format("input 5 (bias) is not one number for each of {}", size.outputs));
  }
  return {linear(context, a, weights, bias)};
}

}  // namespace linnet::ops
