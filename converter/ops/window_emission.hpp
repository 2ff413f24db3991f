// Emission of operators with sliding windows.
#pragma once

#include <algorithm>
#include <vector>

#include "converter/ops/emission.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/window.hpp"
#include "kernels/pack.hpp"

namespace linnet::ops {

// Throws ir::Error unless the layout was already changed to channels last.
void require_channels_last(bool channels_last);

// The tensor as [N, H, W, C], with H = 1 for one-dimensional images.
uint32_t image_tensor(const ir::Value& value, emit::Context& context);

// Weights of a transposed convolution, [C, M / groups, kernel...], as [M, C / groups, kernel...]: their shape, and
// their elements.
ir::Shape outputs_first(const ir::Shape& shape, int64_t groups);
template <class T>
std::vector<T> outputs_first(const ir::Array& weights, const std::vector<T>& values, int64_t groups) {
  const int64_t in_channels = weights.shape()[0] / groups, out_channels = weights.shape()[1];
  const int64_t kernel = static_cast<int64_t>(values.size()) / (weights.shape()[0] * out_channels);
  std::vector<T> result(values.size());
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t c = 0; c < in_channels; ++c) {
      for (int64_t m = 0; m < out_channels; ++m) {
        const T* source = values.data() + ((g * in_channels + c) * out_channels + m) * kernel;
        std::copy_n(source, kernel, result.data() + ((g * out_channels + m) * in_channels + c) * kernel);
      }
    }
  }
  return result;
}

// The same of real numbers, or of int8 weights with scales for the outputs of all groups, which come first as well. Of
// the result it gives the weights back, with scales along dimension 1.
ir::Array outputs_first(const ir::Array& weights, int64_t groups);

// Kernel, strides and dilations, of which the phases of a transposed convolution are made.
kernels::Window device_window(const Window2D& window);

// What the packing functions read: weights in the order [outputs of all groups, inputs of a group, kernel...].
template <class Weight>
kernels::ConvWeightsOf<Weight> packed_source(const Weight* weights, const ir::Shape& shape, const float* bias,
                                             int64_t groups) {
  kernels::ConvWeightsOf<Weight> source = {};
  source.data = weights;
  source.kernel_h = shape.size() == 4 ? device_int(shape[2]) : 1;
  source.kernel_w = device_int(shape.back());
  source.in_channels = device_int(shape[1]);
  source.out_channels = device_int(shape[0] / groups);
  source.groups = device_int(groups);
  source.x_stride = 1;
  source.y_stride = source.kernel_w;
  source.input_stride = source.y_stride * source.kernel_h;
  source.output_stride = source.input_stride * source.in_channels;
  source.bias = bias;
  return source;
}

// Calls pack(kernels::ConvWeights), or pack(kernels::ConvFloat32x8Weights) of int8 weights, with the weights
// [outputs of all groups, inputs of a group, kernel...] and their bias, which may be null.
template <class Pack>
auto with_packed_source(const ir::Array& weights, const ir::Array* bias, int64_t groups, Pack pack) {
  const std::vector<float> biases = bias ? bias->floats() : std::vector<float>();
  const float* const bias_data = bias ? biases.data() : nullptr;
  if (weights.type().quantization) {
    const Int8Weights integers(weights);
    kernels::ConvFloat32x8Weights source = packed_source(integers.values.data(), weights.shape(), bias_data, groups);
    source.scales = integers.scales.data();
    return pack(source);
  }
  const auto floats = weights.shared_floats();
  return pack(packed_source(floats->data(), weights.shape(), bias_data, groups));
}

template <class Builder>
void add_window(Builder& table, const Window2D& window) {
  table.add_kernel_h(device_int(window.kernel_h));
  table.add_kernel_w(device_int(window.kernel_w));
  table.add_stride_h(device_int(window.stride_h));
  table.add_stride_w(device_int(window.stride_w));
  table.add_dilation_h(device_int(window.dilation_h));
  table.add_dilation_w(device_int(window.dilation_w));
  table.add_pad_top(device_int(window.pad_top));
  table.add_pad_left(device_int(window.pad_left));
}

}  // namespace linnet::ops
