#include "converter/ops/matmul.hpp"

#include <fmt/format.h>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"
#include "converter/ops/parallel.hpp"

namespace linnet::ops {

namespace {

constexpr size_t kBatchDimensions = 4;  // of the file format

// An operand as its permutation presents it.
struct Operand {
  Shape batch;
  std::vector<int64_t> batch_strides;
  int64_t rows, columns, row_stride, column_stride;
};

Operand operand(const Shape& shape, const std::vector<int64_t>& strides, const Permutation& permutation) {
  Operand result;
  result.batch = permutation.empty() ? shape : permute(shape, permutation);
  result.batch_strides = permutation.empty() ? strides : permute(strides, permutation);
  const auto pop = [](std::vector<int64_t>& values) {
    const int64_t last = values.back();
    values.pop_back();
    return last;
  };
  result.columns = pop(result.batch);
  result.rows = pop(result.batch);
  result.column_stride = pop(result.batch_strides);
  result.row_stride = pop(result.batch_strides);
  return result;
}

Operand dense_operand(const Shape& shape, const Permutation& permutation) {
  return operand(shape, row_major_strides(shape), permutation);
}

void check_operand(const MatMul& op, const TensorType& type, const Permutation& permutation, std::string_view what) {
  op.integer ? require_quantized(type, what) : require_floating(type, what);
  if (type.shape.size() < 2)
    throw Error(fmt::format("{} has shape {}, supported are rank 2 and more", what, to_string(type.shape)));
  if (!permutation.empty() && permutation.size() != type.shape.size()) {
    throw Error(fmt::format("{} has shape {} and a permutation of {} dimensions", what, to_string(type.shape),
                            permutation.size()));
  }
}

// Type of the product before c_permutation.
TensorType product_type(const MatMul& op, const std::vector<const TensorType*>& inputs) {
  const TensorType& a_type = required(inputs, 0, "a");
  const TensorType& b_type = required(inputs, 1, "b");
  check_operand(op, a_type, op.a_permutation, "a");
  check_operand(op, b_type, op.b_permutation, "b");
  require_same_dtype(a_type, b_type, "a and b");
  const Operand a = dense_operand(a_type.shape, op.a_permutation), b = dense_operand(b_type.shape, op.b_permutation);
  if (a.columns != b.rows) {
    throw Error(fmt::format("a of {} columns and b of {} rows cannot be multiplied (shapes {} and {})", a.columns,
                            b.rows, to_string(a_type.shape), to_string(b_type.shape)));
  }
  Shape shape = broadcast(a.batch, b.batch);
  shape.push_back(a.rows);
  shape.push_back(b.columns);
  return op.integer ? op.integer->type(shape) : TensorType{a_type.dtype, shape};
}

}  // namespace

void MatMul::attributes(AttributeWriter& writer) const {
  if (!a_permutation.empty()) writer.add("a_permutation", a_permutation);
  if (!b_permutation.empty()) writer.add("b_permutation", b_permutation);
  if (!c_permutation.empty()) writer.add("c_permutation", c_permutation);
  if (scale != 1.0) writer.add("scale", scale);
  writer.add("fused", fused);
  writer.add("integer", integer);
}

std::vector<TensorType> MatMul::infer(const std::vector<const TensorType*>& inputs) const {
  TensorType type = product_type(*this, inputs);
  if (c_permutation.empty()) return {type};
  if (c_permutation.size() != type.shape.size() || c_permutation.back() + 1 != static_cast<int64_t>(type.shape.size()))
    throw Error(fmt::format("a product of shape {} and a permutation of {} dimensions that must keep the last one",
                            to_string(type.shape), c_permutation.size()));
  type.shape = permute(type.shape, c_permutation);
  return {type};
}

std::vector<Array> MatMul::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const TensorType type = product_type(*this, types_of(inputs));
  const Operand a = dense_operand(inputs[0]->shape(), a_permutation),
                b = dense_operand(inputs[1]->shape(), b_permutation);
  const Shape batch(type.shape.begin(), type.shape.end() - 2);
  std::vector<std::array<int64_t, 2>> starts;
  const std::array<std::vector<int64_t>, 2> strides = {broadcast_strides(a.batch, a.batch_strides, batch),
                                                       broadcast_strides(b.batch, b.batch_strides, batch)};
  for_each_position(batch, strides, [&](const std::array<int64_t, 2>& offsets) { starts.push_back(offsets); });
  const std::vector<double> x = inputs[0]->doubles(), w = inputs[1]->doubles();
  std::vector<double> y(static_cast<size_t>(element_count(type.shape)), 0.0);
  parallel_for(static_cast<int64_t>(starts.size()) * a.rows, [&](int64_t row) {
    const auto [a_start, b_start] = starts[static_cast<size_t>(row / a.rows)];
    double* y_row = y.data() + row * b.columns;
    for (int64_t k = 0; k < a.columns; ++k) {
      const double factor = x[static_cast<size_t>(a_start + row % a.rows * a.row_stride + k * a.column_stride)];
      const double* b_row = w.data() + b_start + k * b.row_stride;
      for (int64_t n = 0; n < b.columns; ++n) y_row[n] += factor * b_row[n * b.column_stride];
    }
    for (int64_t n = 0; n < b.columns; ++n) y_row[n] *= scale;
  });
  const Array product = finish(type.shape, std::move(y), type.dtype, fused);
  if (c_permutation.empty()) return {product};
  const Shape stored = permute(type.shape, c_permutation);
  const std::vector<int64_t> stored_strides = permute(row_major_strides(type.shape), c_permutation);
  return {product.gathered(stored, strided_offsets(stored, stored_strides))};
}

int64_t MatMul::macs(const Node& node) const {
  return element_count(node.out().shape()) * dense_operand(node.in(0).shape(), a_permutation).columns;
}

void MatMul::emit(const Node& node, emit::Context& context) const {
  if (!integer) require_float_arithmetic(node);
  const Value &x = node.in(0), &w = node.in(1), &y = node.out();
  const Operand a = operand(x.shape(), device_strides(x, context), a_permutation);
  const Operand b = operand(w.shape(), device_strides(w, context), b_permutation);
  const Operand c = operand(y.shape(), device_strides(y, context), inverse(c_permutation));
  StridedLoop loop = {c.batch,
                      {broadcast_strides(a.batch, a.batch_strides, c.batch),
                       broadcast_strides(b.batch, b.batch_strides, c.batch), c.batch_strides}};
  loop.merge();
  if (loop.shape.size() > kBatchDimensions) {
    throw Error(fmt::format("broadcasts {} and {} over {} separate batch dimensions, the device supports {}",
                            to_string(x.shape()), to_string(w.shape()), loop.shape.size(), kBatchDimensions));
  }
  const auto shape = device_ints(context, loop.shape);
  const auto a_strides = device_ints(context, loop.strides[0]), b_strides = device_ints(context, loop.strides[1]),
             c_strides = device_ints(context, loop.strides[2]);
  const fb::Activation activation = emit::Context::activation(fused);
  const std::optional<IntegerProduct> product =
      integer ? std::optional<IntegerProduct>(integer_product(*this, node)) : std::nullopt;
  const auto table = fb::CreateMatMul(
      context.builder(), device_int(a.rows), device_int(b.columns), device_int(a.columns), shape, a_strides, b_strides,
      c_strides, device_int(a.row_stride), device_int(a.column_stride), device_int(b.row_stride),
      device_int(b.column_stride), device_int(c.row_stride), static_cast<float>(scale), product ? nullptr : &activation,
      product ? &product->requantize : nullptr, product ? &product->factor : nullptr);
  context.step(node, table, {context.tensor(x), context.tensor(w)}, {context.tensor(y)});
}

}  // namespace linnet::ops
