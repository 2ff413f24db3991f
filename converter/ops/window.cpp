#include "converter/ops/window.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "engine/check.hpp"

namespace linnet::ops {

using namespace linnet::ir;
using import::OnnxContext;

Window2D window_2d(const WindowAttributes& window) {
  const auto pair = [&](const std::vector<int64_t>& values, int64_t fill, int64_t& h, int64_t& w) {
    h = values.size() == 2 ? values[0] : fill;
    w = values.back();
  };
  Window2D result;
  pair(window.kernel, 1, result.kernel_h, result.kernel_w);
  pair(window.strides, 1, result.stride_h, result.stride_w);
  pair(window.dilations, 1, result.dilation_h, result.dilation_w);
  pair(window.pads_begin, 0, result.pad_top, result.pad_left);
  pair(window.pads_end, 0, result.pad_bottom, result.pad_right);
  return result;
}

Image image(const Shape& shape, bool channels_last) {
  const std::vector<int64_t> spatial = spatial_sizes(shape, channels_last);
  return {shape[0], channels_last ? shape.back() : shape[1], spatial.size() == 2 ? spatial[0] : 1, spatial.back()};
}

std::vector<int64_t> spatial_sizes(const Shape& shape, bool channels_last) {
  const auto begin = shape.begin() + (channels_last ? 1 : 2);
  return std::vector<int64_t>(begin, begin + static_cast<int64_t>(shape.size()) - 2);
}

Shape image_shape(int64_t batch, int64_t channels, const std::vector<int64_t>& spatial, bool channels_last) {
  Shape shape = {batch};
  if (!channels_last) shape.push_back(channels);
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  if (channels_last) shape.push_back(channels);
  return shape;
}

int64_t window_extent(int64_t kernel, int64_t dilation) {
  return (kernel - 1) * dilation + 1;
}

void check_window(const WindowAttributes& window, const Shape& shape) {
  if (shape.size() != 3 && shape.size() != 4) {
    throw Error(fmt::format("input has shape {}, supported are one and two spatial dimensions (rank 3 and 4)",
                            to_string(shape)));
  }
  const auto check = [&](const std::vector<int64_t>& values, std::string_view what, int64_t least) {
    if (values.size() != shape.size() - 2) {
      throw Error(fmt::format("{} has {} values for {} spatial dimensions", what, values.size(), shape.size() - 2));
    }
    for (const int64_t value : values) {
      if (value < least || value >= engine::kWindowLimit) {
        throw Error(fmt::format("{} is [{}], supported are {} to {}", what, fmt::join(values, ", "), least,
                                engine::kWindowLimit - 1));
      }
    }
  };
  check(window.kernel, "kernel shape", 1);
  check(window.strides, "strides", 1);
  check(window.dilations, "dilations", 1);
  check(window.pads_begin, "pads (begin)", 0);
  check(window.pads_end, "pads (end)", 0);
  constexpr int64_t kMostTaps = std::numeric_limits<int32_t>::max();
  int64_t taps = 1;
  for (const int64_t size : window.kernel) {
    if (size > kMostTaps / taps) {
      throw Error(fmt::format("kernel shape [{}] has too many taps, supported are up to {}",
                              fmt::join(window.kernel, ", "), kMostTaps));
    }
    taps *= size;
  }
}

void check_spans(const WindowAttributes& window, const std::vector<int64_t>& in, const std::vector<int64_t>& out) {
  for (size_t d = 0; d < in.size(); ++d) {
    const int64_t span = engine::window_span(in[d], out[d], window.kernel[d], window.strides[d], window.dilations[d],
                                             window.pads_begin[d] + window.pads_end[d]);
    if (span < engine::kWindowLimit) continue;
    throw Error(fmt::format(
        "spatial dimension {}: input {} + output {} x stride {} + kernel {} x dilation {} + padding {} is {}, "
        "supported are sums up to {}",
        d, in[d], out[d], window.strides[d], window.kernel[d], window.dilations[d],
        window.pads_begin[d] + window.pads_end[d], span, engine::kWindowLimit - 1));
  }
}

Range inside(int64_t count, int64_t stride, int64_t offset, int64_t limit) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t end = offset >= limit ? 0 : (limit - 1 - offset) / stride + 1;
  return {std::min(begin, count), std::clamp<int64_t>(end, std::min(begin, count), count)};
}

std::vector<double> channels_first(const Array& array, bool channels_last) {
  std::vector<double> values = array.doubles();
  if (!channels_last) return values;
  const Image size = image(array.shape(), true);
  std::vector<double> result(values.size());
  const double* source = values.data();
  for (int64_t n = 0; n < size.batch; ++n) {
    double* planes = result.data() + n * size.channels * size.pixels();
    for (int64_t p = 0; p < size.pixels(); ++p) {
      for (int64_t c = 0; c < size.channels; ++c) planes[c * size.pixels() + p] = *source++;
    }
  }
  return result;
}

std::vector<double> from_channels_first(std::vector<double> values, const Image& size, bool channels_last) {
  if (!channels_last) return values;
  std::vector<double> result(values.size());
  double* target = result.data();
  for (int64_t n = 0; n < size.batch; ++n) {
    const double* planes = values.data() + n * size.channels * size.pixels();
    for (int64_t p = 0; p < size.pixels(); ++p) {
      for (int64_t c = 0; c < size.channels; ++c) *target++ = planes[c * size.pixels() + p];
    }
  }
  return result;
}

std::string import_window_attributes(OnnxContext& context, WindowAttributes& window) {
  const size_t rank = window.kernel.size();
  window.strides = context.integers("strides", std::vector<int64_t>(rank, 1));
  window.dilations = context.integers("dilations", std::vector<int64_t>(rank, 1));
  const std::vector<int64_t> pads = context.integers("pads", std::vector<int64_t>(2 * rank, 0));
  std::string auto_pad = context.text("auto_pad", "NOTSET");
  for (const std::vector<int64_t>* values : {&window.strides, &window.dilations}) {
    if (values->size() != rank) {
      context.fail(fmt::format("strides or dilations have {} values for {} spatial dimensions", values->size(), rank));
    }
    for (const int64_t value : *values) {
      if (value >= 1 && value < engine::kWindowLimit) continue;
      context.fail(fmt::format("stride or dilation {}, supported are 1 to {}", value, engine::kWindowLimit - 1));
    }
  }
  for (const int64_t value : window.kernel) {
    if (value >= 1 && value < engine::kWindowLimit) continue;
    context.fail(fmt::format("kernel size {}, supported are 1 to {}", value, engine::kWindowLimit - 1));
  }
  if (pads.size() != 2 * rank) {
    context.fail(fmt::format("pads has {} values for {} spatial dimensions, expected {}", pads.size(), rank, 2 * rank));
  }
  const auto middle = pads.begin() + static_cast<int64_t>(rank);
  window.pads_begin.assign(pads.begin(), middle);
  window.pads_end.assign(middle, pads.end());
  if (auto_pad == "VALID" || auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    window.pads_begin.assign(rank, 0);
    window.pads_end.assign(rank, 0);
  } else if (auto_pad != "NOTSET" && !auto_pad.empty()) {
    context.fail(fmt::format("auto_pad is {}, supported are NOTSET, SAME_UPPER, SAME_LOWER and VALID", auto_pad));
  }
  return auto_pad;
}

void import_window(OnnxContext& context, WindowAttributes& window, const std::vector<int64_t>& sizes) {
  const std::string auto_pad = import_window_attributes(context, window);
  if (auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") return;
  for (size_t d = 0; d < sizes.size(); ++d) {
    const int64_t out = (sizes[d] + window.strides[d] - 1) / window.strides[d];
    const int64_t covered = (out - 1) * window.strides[d] + window_extent(window.kernel[d], window.dilations[d]);
    const int64_t pads = std::max<int64_t>(0, covered - sizes[d]);
    window.pads_begin[d] = auto_pad == "SAME_UPPER" ? pads / 2 : pads - pads / 2;
    window.pads_end[d] = pads - window.pads_begin[d];
  }
}

void require_image(OnnxContext& context, const Value* x) {
  const size_t rank = x->shape().size();
  if (rank != 3 && rank != 4) {
    context.fail(fmt::format("input of shape {}, supported are one and two spatial dimensions (rank 3 and 4)",
                             to_string(x->shape())));
  }
}

}  // namespace linnet::ops
