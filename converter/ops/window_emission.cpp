#include "converter/ops/window_emission.hpp"

namespace linnet::ops {

using namespace linnet::ir;

void require_channels_last(bool channels_last) {
  if (!channels_last) throw Error("has channels-first layout, the device supports channels-last only");
}

uint32_t image_tensor(const Value& value, emit::Context& context) {
  const Image size = image(value.shape(), true);
  return context.tensor(value, {size.batch, size.height, size.width, size.channels});
}

Shape outputs_first(const Shape& shape, int64_t groups) {
  Shape result = shape;
  result[0] = shape[1] * groups;
  result[1] = shape[0] / groups;
  return result;
}

Array outputs_first(const Array& weights, int64_t groups) {
  const Shape shape = outputs_first(weights.shape(), groups);
  if (!weights.type().quantization)
    return Array::of_doubles(shape, outputs_first(weights, weights.doubles(), groups), weights.dtype());
  Quantization quantization = *weights.type().quantization;
  quantization.axis = 1 - quantization.axis;
  return Array::of_integers(shape, outputs_first(weights, weights.integers(), groups), weights.dtype())
      .with_quantization(std::move(quantization));
}

kernels::Window device_window(const Window2D& window) {
  kernels::Window result = {};
  result.kernel_h = device_int(window.kernel_h);
  result.kernel_w = device_int(window.kernel_w);
  result.stride_h = device_int(window.stride_h);
  result.stride_w = device_int(window.stride_w);
  result.dilation_h = device_int(window.dilation_h);
  result.dilation_w = device_int(window.dilation_w);
  return result;
}

}  // namespace linnet::ops
