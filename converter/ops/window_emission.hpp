// Emission of operators with sliding windows.
#pragma once

#include <vector>

#include "converter/ops/emission.hpp"
#include "converter/ops/window.hpp"
#include "kernels/pack.hpp"

namespace linnet::ops {

// Throws ir::Error unless the layout was already changed to channels last.
void require_channels_last(bool channels_last);

// The tensor as [N, H, W, C], with H = 1 for one-dimensional images.
uint32_t image_tensor(const ir::Value& value, emit::Context& context);

// What the packing functions read: weights in the order [outputs of all groups, inputs of a group, kernel...].
struct PackedSource {
  PackedSource(std::shared_ptr<const std::vector<float>> values, const ir::Shape& shape, const ir::Array* bias,
               int64_t groups);
  PackedSource(const PackedSource&) = delete;
  PackedSource& operator=(const PackedSource&) = delete;

  std::shared_ptr<const std::vector<float>> values;
  std::vector<float> biases;
  kernels::ConvWeights weights;
};

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
