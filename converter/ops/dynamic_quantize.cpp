#include "converter/ops/dynamic_quantize.hpp"

#include "converter/ops/functions.hpp"
#include "converter/ops/int8_weights.hpp"

namespace linnet::ops {

std::vector<TensorType> DynamicQuantize::infer(const std::vector<const TensorType*>& inputs) const {
  const TensorType& x = required(inputs, 0, "x");
  require_floating(x, "x");
  return {{DType::u8, x.shape}, {x.dtype, {}}, {DType::u8, {}}};
}

std::vector<Array> DynamicQuantize::evaluate(const std::vector<const Array*>& inputs) const {
  DynamicallyQuantized x = dynamically_quantized(inputs[0]->floats());
  return {Array::of_integers(inputs[0]->shape(), std::move(x.values), DType::u8),
          Array::scalar(static_cast<double>(x.scale), inputs[0]->dtype()),
          Array::of_integers({}, {x.zero_point}, DType::u8)};
}

}  // namespace linnet::ops
