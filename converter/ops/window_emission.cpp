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

PackedSource::PackedSource(std::shared_ptr<const std::vector<float>> floats, const Shape& shape, const Array* bias,
                           int64_t groups)
    : values(std::move(floats)), biases(bias ? bias->floats() : std::vector<float>()) {
  const int32_t kernel_h = shape.size() == 4 ? device_int(shape[2]) : 1, kernel_w = device_int(shape.back());
  const int32_t in_channels = device_int(shape[1]);
  weights.data = values->data();
  weights.x_stride = 1;
  weights.y_stride = kernel_w;
  weights.input_stride = weights.y_stride * kernel_h;
  weights.output_stride = weights.input_stride * in_channels;
  weights.bias = bias ? biases.data() : nullptr;
  weights.groups = device_int(groups);
  weights.in_channels = in_channels;
  weights.out_channels = device_int(shape[0] / groups);
  weights.kernel_h = kernel_h;
  weights.kernel_w = kernel_w;
}

}  // namespace linnet::ops
