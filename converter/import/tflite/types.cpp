// Operators that only change how numbers are stored.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/import/tflite/quantization.hpp"
#include "converter/ops/cast.hpp"
#include "converter/ops/quantize.hpp"

namespace linnet::import::from_tflite {

// Sparse constants are read as dense ones.
std::vector<Value*> import_densify(TfliteContext& context) {
  return {context.input(0)};
}

// To integers, from real numbers or from integers of another scale.
std::vector<Value*> import_quantize(TfliteContext& context) {
  const TensorType type = context.output_type(0);
  if (!type.quantization) context.fail("gives an output without a scale");
  auto op = std::make_unique<ops::Quantize>();
  op->to = type.dtype;
  op->quantization = type.quantization;
  return {context.add(std::move(op), {context.input(0)})};
}

// Of half precision, or quantized.
std::vector<Value*> import_dequantize(TfliteContext& context) {
  Value* x = context.float_input(0);
  if (x->type.quantization) {
    auto op = std::make_unique<ops::Quantize>();
    op->to = dtype_of(context.output_tensor(0).type());
    return {context.add(std::move(op), {x})};
  }
  if (!is_floating(x->type.dtype))
    context.fail(fmt::format("input 0 is {}; supported are constants with scales and FLOAT16", to_string(x->type)));
  const DType dtype = dtype_of(context.output_tensor(0).type());
  if (x->type.dtype == dtype) return {x};
  auto op = std::make_unique<ops::Cast>();
  op->to = dtype;
  return {context.add_folded(std::move(op), x)};
}

}  // namespace linnet::import::from_tflite
