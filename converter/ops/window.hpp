// Sliding windows over images: what convolution, transposed convolution and pooling share.
#pragma once

#include <string>
#include <vector>

#include "converter/import/onnx_context.hpp"

namespace linnet::ops {

// One entry per spatial dimension, as the operators store them.
struct WindowAttributes {
  std::vector<int64_t> kernel, strides, dilations, pads_begin, pads_end;
};

// A one- or two-dimensional window as a two-dimensional one (of height 1).
struct Window2D {
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};
Window2D window_2d(const WindowAttributes& window);

// A tensor of rank 3 or 4 as a batch of images (of height 1).
struct Image {
  int64_t batch = 1, channels = 1, height = 1, width = 1;
  int64_t pixels() const { return height * width; }
};
Image image(const ir::Shape& shape, bool channels_last);

// The spatial sizes of a shape, and a shape made of them.
std::vector<int64_t> spatial_sizes(const ir::Shape& shape, bool channels_last);
ir::Shape image_shape(int64_t batch, int64_t channels, const std::vector<int64_t>& spatial, bool channels_last);

// Pixels that a dilated kernel spans.
int64_t window_extent(int64_t kernel, int64_t dilation);

// Throws ir::Error unless the input has rank 3 or 4 and every attribute one entry per spatial dimension in its valid
// range.
void check_window(const WindowAttributes& window, const ir::Shape& shape);

// Throws ir::Error unless the positions that kernels compute with stay within the device's limit along every spatial
// dimension (engine::window_span).
void check_spans(const WindowAttributes& window, const std::vector<int64_t>& in, const std::vector<int64_t>& out);

// Positions 0 <= i < count with 0 <= i * stride + offset < limit: begin <= i < end.
struct Range {
  int64_t begin, end;
};
Range inside(int64_t count, int64_t stride, int64_t offset, int64_t limit);

// Elements as [N, C, H, W] and back.
std::vector<double> channels_first(const ir::Array& array, bool channels_last);
std::vector<double> from_channels_first(std::vector<double> values, const Image& image, bool channels_last);

// Reads strides, dilations, pads and auto_pad of an ONNX node; SAME_UPPER, SAME_LOWER and VALID become pads for an
// input with these spatial sizes. `window.kernel` is given.
void import_window(import::OnnxContext& context, WindowAttributes& window, const std::vector<int64_t>& sizes);

// Strides, dilations and explicit pads alone; gives auto_pad back.
std::string import_window_attributes(import::OnnxContext& context, WindowAttributes& window);

// Fails unless the input has one or two spatial dimensions.
void require_image(import::OnnxContext& context, const ir::Value* x);

}  // namespace linnet::ops
