// QuantizeLinear and DequantizeLinear with constant parameters.
#include <fmt/format.h>

#include <cmath>

#include "converter/import/tensor_reader.hpp"
#include "converter/ops/axes.hpp"
#include "converter/ops/integer.hpp"
#include "converter/ops/quantize.hpp"
#include "converter/ops/quantize_import.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

int64_t block_size(OnnxContext& context) {
  return context.opset() >= 21 ? context.integer("block_size", 0) : 0;
}

int64_t axis_of(OnnxContext& context) {
  return context.opset() >= 13 ? context.integer("axis", 1) : 1;
}

void require_no_blocks(OnnxContext& context) {
  if (const int64_t block = block_size(context); block != 0)
    context.fail(fmt::format("a block_size of {} and x is no constant; supported of such are blocks of 0", block));
}

bool is_quantizable(DType dtype) {
  return dtype == DType::i8 || dtype == DType::u8 || dtype == DType::i16 || dtype == DType::i32;
}

}  // namespace

std::optional<DType> output_dtype(OnnxContext& context, int since) {
  const int64_t value = context.opset() >= since ? context.integer("output_dtype", 0) : 0;
  return value != 0 ? std::optional(import::dtype_of(static_cast<int>(value))) : std::nullopt;
}

Quantization read_quantization(OnnxContext& context, size_t scale_index, size_t zero_point_index, DType dtype,
                               const Shape& shape, int64_t axis) {
  const Array& scales = context.constant(scale_index, "scale");
  const bool given = context.optional_input(zero_point_index) != nullptr;
  const Array zeros = given ? context.constant(zero_point_index, "zero point") : Array();
  const auto fail = [&](size_t index, const std::string& message) {
    context.fail(fmt::format("input {} ({}) {}", index, index == scale_index ? "scale" : "zero point", message));
  };
  if (!scales.floating()) fail(scale_index, fmt::format("is {}; supported are real numbers", to_string(scales.type())));
  if (given && zeros.dtype() != dtype)
    fail(zero_point_index,
         fmt::format("is {} of elements of {}; the types must be equal", to_string(zeros.type()), ir::name(dtype)));
  if (given && zeros.size() != scales.size())
    fail(zero_point_index,
         fmt::format("has shape {}, the scale {}", to_string(zeros.shape()), to_string(scales.shape())));
  Quantization result;
  for (size_t i = 0; i < scales.size(); ++i) {
    const auto scale = static_cast<float>(scales.number(i));
    if (!(scale > 0.0f) || !std::isfinite(scale))
      fail(scale_index, fmt::format("holds {}; supported are positive finite numbers", scale));
    result.scales.push_back(scale);
    result.zero_points.push_back(given ? zeros.integer(i) : 0);
  }
  if (scales.size() == 1) return result;
  result.axis = normalized_axis(axis, shape.size());
  if (scales.shape() != Shape{shape[static_cast<size_t>(result.axis)]})
    fail(scale_index, fmt::format("has shape {} for elements of shape {} (axis {}); supported is one scale, or one per "
                                  "entry of the axis",
                                  to_string(scales.shape()), to_string(shape), axis));
  return result;
}

Value* with_quantization(OnnxContext& context, Value* x, const Quantization& quantization) {
  if (x->type.quantization == quantization) return x;
  if (x->constant) return context.add_constant(x->constant->with_quantization(quantization), "quantized");
  if (context.graph().is_input(x) && x->uses.empty()) {
    x->type.quantization = quantization;
    return x;
  }
  context.fail(
      fmt::format("reads {} as integers with {}; supported are inputs of the model, constants and what was "
                  "quantized so",
                  to_string(x->type), to_string(quantization)));
}

Value* dequantize(OnnxContext& context, Value* x, DType to) {
  auto op = std::make_unique<Quantize>();
  op->to = to;
  op->rounding = Rounding::nearest;
  return context.add(std::move(op), {x});
}

Value* quantize(OnnxContext& context, Value* x, DType to, const Quantization& quantization) {
  auto op = std::make_unique<Quantize>();
  op->to = to;
  op->quantization = quantization;
  op->rounding = Rounding::nearest;
  return context.add(std::move(op), {x});
}

std::vector<Value*> import_dequantize_linear(OnnxContext& context) {
  Value *x = context.input(0), *scale = context.input(1);
  if (x->constant && (block_size(context) != 0 || !is_quantizable(x->type.dtype)))
    return fold_dequantize_linear(context);
  if (!is_quantizable(x->type.dtype))
    context.fail(fmt::format("x is {}; supported are i8, u8, i16 and i32", to_string(x->type)));
  require_no_blocks(context);
  const int64_t axis = axis_of(context);
  const DType to = output_dtype(context, 23).value_or(scale->type.dtype);
  const Quantization quantization = read_quantization(context, 1, 2, x->type.dtype, x->shape(), axis);
  return {dequantize(context, with_quantization(context, x, quantization), to)};
}

std::vector<Value*> import_quantize_linear(OnnxContext& context) {
  Value* x = context.input(0);
  if (context.is_static(x)) return fold_quantize_linear(context);
  if (context.opset() >= 19) context.integer("saturate", 1);  // of 8-bit floats only
  if (context.opset() >= 23) context.integer("precision", 0);
  require_no_blocks(context);
  const int64_t axis = axis_of(context);
  const Value* zero = context.optional_input(2);
  const std::optional<DType> dtype = output_dtype(context, 21);
  const DType to = zero != nullptr ? zero->type.dtype : dtype.value_or(DType::u8);
  if (dtype && *dtype != to)
    context.fail(fmt::format("output_dtype is {}, the zero point has {}", ir::name(*dtype), ir::name(to)));
  if (to != DType::i8 && to != DType::u8 && to != DType::i16)
    context.fail(fmt::format("quantizes to {}; supported are i8, u8 and i16", ir::name(to)));
  return {quantize(context, x, to, read_quantization(context, 1, 2, to, x->shape(), axis))};
}

}  // namespace linnet::ops
