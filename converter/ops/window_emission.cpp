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
