#include "converter/ops/elementwise.hpp"

#include <fmt/format.h>

#include "converter/ops/broadcast.hpp"
#include "converter/ops/emission.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/integer_emission.hpp"

namespace linnet::ops {

namespace {

constexpr size_t kBinaryDimensions = 6;  // of the file format

bool on_integers(Function function) {
  return function == Function::Identity || function == Function::Relu || function == Function::Abs ||
         function == Function::Neg;
}

void require_integer_operands(const Binary& op, const TensorType& a, const TensorType& b) {
  using kernels::BinaryFunction;
  require_quantized(a, "a");
  require_quantized(b, "b");
  require_signed_words(a, *op.integer, "a");
  require_signed_words(b, *op.integer, "b");
  const bool bytes_only = op.function == BinaryFunction::Div || op.function == BinaryFunction::SquaredDifference;
  if (op.function == BinaryFunction::Pow || (bytes_only && a.dtype == DType::i16))
    throw Error(fmt::format("{} of {}", ops::name(op.function), to_string(a)));
  integer_sum(op.function, a, b, *op.integer, op.shifts);
  const bool picks = op.function == BinaryFunction::Max || op.function == BinaryFunction::Min;
  const bool equal = a.quantization == b.quantization && a.quantization == op.integer->quantization;
  if (picks && !equal && op.integer->rounding != Rounding::tflite)
    throw Error(
        fmt::format("{} of {} and {}; supported are equal scales", ops::name(op.function), to_string(a), to_string(b)));
}

int64_t apply_integer(Function function, int64_t x, DType dtype) {
  const bool is_signed = dtype != DType::u64,
             negates = function == Function::Neg || (function == Function::Abs && x < 0);
  if (function == Function::Relu) return is_signed && x < 0 ? 0 : x;
  if (!is_signed && function == Function::Abs) return x;
  if (!negates) return x;
  const auto result = static_cast<int64_t>(-static_cast<uint64_t>(x));
  if (x != 0 && (result == x || Array::of_integers({}, {result}).cast(dtype).integer(0) != result))
    throw Error(fmt::format("{} of {} is outside the range of {}", ir::name(function), x, ir::name(dtype)));
  return result;
}

}  // namespace

void Unary::attributes(AttributeWriter& writer) const {
  writer.add("function", function);
  writer.add("integer", integer);
  if (table) writer.add("table", std::vector<int64_t>(table->begin(), table->end()));
}

std::vector<TensorType> Unary::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  if (integer) {
    require_quantized(x, "x");
    require_signed_words(x, *integer, "x");
    if (x.dtype == DType::i16) require_int16_function(function, *integer);
    if (table && x.dtype != DType::i8) throw Error(fmt::format("a table of {}; supported is i8", to_string(x)));
    if (function.function == Function::Neg && integer->rounding == Rounding::tflite &&
        (x.quantization->zero_point() != 0 || integer->type(x.shape) != x))
      throw Error(
          fmt::format("Neg of {}; supported with integers are equal scales and a zero point of 0", to_string(x)));
    return {integer->type(x.shape)};
  }
  require_not_quantized(x, "x");
  if (!on_integers(function.function)) require_floating(x, "x");
  if (x.dtype == DType::boolean) throw Error("x has element type bool, supported are numbers");
  return {x};
}

std::vector<Array> Unary::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array& x = *inputs[0];
  if (x.floating()) return {finish(x.shape(), x.doubles(), x.dtype(), function)};
  std::vector<int64_t> values = x.integers();
  for (int64_t& value : values) value = apply_integer(function.function, value, x.dtype());
  return {Array::of_integers(x.shape(), std::move(values), x.dtype())};
}

std::unique_ptr<Op> Unary::permuted(const Permutation&, const Node&) const {
  return clone();
}

bool Unary::in_place(const Node&, size_t index) const {
  return index == 0;
}

void Unary::emit(const Node& node, emit::Context& context) const {
  if (integer) return emit_integer(*this, node, context);
  require_float_arithmetic(node);
  const fb::Activation activation = emit::Context::activation(function);
  const auto table = fb::CreateUnary(context.builder(), &activation);
  context.step(node, table, {context.tensor(node.in(0))}, {context.tensor(node.out())});
}

void Binary::attributes(AttributeWriter& writer) const {
  writer.add("function", ops::name(function));
  writer.add("fused", fused);
  writer.add("integer", integer);
  if (shifts) writer.add("shifts", shifts);
}

std::vector<TensorType> Binary::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& a = required(inputs, 0, "a");
  const TensorType& b = required(inputs, 1, "b");
  require_same_dtype(a, b, "a and b");
  if (integer) {
    require_integer_operands(*this, a, b);
    return {integer->type(broadcast(a.shape, b.shape))};
  }
  require_not_quantized(a, "a");
  require_not_quantized(b, "b");
  if (a.dtype == DType::boolean) throw Error("a has element type bool, supported are numbers");
  if (fused.function != Function::Identity) require_floating(a, "a");
  return {{a.dtype, broadcast(a.shape, b.shape)}};
}

std::vector<Array> Binary::evaluate(const std::vector<const Array*>& inputs) const {
  if (integer) return {evaluate_integer(*this, inputs)};
  const Array &a = *inputs[0], &b = *inputs[1];
  const Shape shape = broadcast(a.shape(), b.shape());
  const std::array<std::vector<int64_t>, 2> strides = {broadcast_strides(a.shape(), shape),
                                                       broadcast_strides(b.shape(), shape)};
  const auto combine = [&](const auto& x, const auto& y) {
    std::decay_t<decltype(x)> result;
    result.reserve(static_cast<size_t>(element_count(shape)));
    for_each_position(shape, strides, [&](const std::array<int64_t, 2>& offsets) {
      result.push_back(apply(function, x[static_cast<size_t>(offsets[0])], y[static_cast<size_t>(offsets[1])]));
    });
    return result;
  };
  if (a.floating()) return {finish(shape, combine(a.doubles(), b.doubles()), a.dtype(), fused)};
  return {Array::of_integers(shape, combine(a.integers(), b.integers())).cast(a.dtype())};  // wraps
}

std::unique_ptr<Op> Binary::permuted(const Permutation&, const Node& node) const {
  const size_t rank = node.out().shape().size();
  for (size_t i = 0; i < 2; ++i) {
    const Shape& shape = node.in(i).shape();
    if (shape.size() != rank && element_count(shape) != 1) return nullptr;
  }
  return clone();
}

bool Binary::in_place(const Node& node, size_t index) const {
  return index < 2 && node.in(index).type.dtype == node.out().type.dtype &&
         node.in(index).shape() == node.out().shape();
}

void Binary::emit(const Node& node, emit::Context& context) const {
  if (!integer) require_float_arithmetic(node);
  const Value& y = node.out();
  StridedLoop loop = {y.shape(), {}};
  for (size_t i = 0; i < 2; ++i) {
    loop.strides.push_back(broadcast_strides(node.in(i).shape(), device_strides(node.in(i), context), y.shape()));
  }
  loop.strides.push_back(device_strides(y, context));
  loop.merge();
  if (loop.strides[2].back() != 1) {  // the output's innermost dimension is contiguous
    loop.shape.push_back(1);
    for (auto& strides : loop.strides) strides.push_back(1);
  }
  if (loop.shape.size() > kBinaryDimensions) {
    throw Error(fmt::format("broadcasts {} and {} over {} separate dimensions, the device supports {}",
                            to_string(node.in(0).shape()), to_string(node.in(1).shape()), loop.shape.size(),
                            kBinaryDimensions));
  }
  const auto shape = device_ints(context, loop.shape);
  const auto a_strides = device_ints(context, loop.strides[0]), b_strides = device_ints(context, loop.strides[1]),
             c_strides = device_ints(context, loop.strides[2]);
  const std::vector<uint32_t> inputs = {context.tensor(node.in(0)), context.tensor(node.in(1))};
  const std::vector<uint32_t> outputs = {context.tensor(y)};
  const fb::Activation activation = emit::Context::activation(integer ? Activation{} : fused);
  fb::BinaryBuilder table(context.builder());
  table.add_function(static_cast<fb::BinaryFunction>(function));
  table.add_shape(shape);
  table.add_a_strides(a_strides);
  table.add_b_strides(b_strides);
  table.add_c_strides(c_strides);
  table.add_activation(&activation);
  if (integer) add_integer_form(*this, node, table);
  context.step(node, table.Finish(), inputs, outputs);
}

}  // namespace linnet::ops
