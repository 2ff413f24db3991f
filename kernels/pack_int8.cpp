#include "kernels/pack_int8.hpp"

#include <cstring>

#include "kernels/conv_transpose/pack_phases.hpp"

namespace linnet::kernels {
namespace {

// A panel of `width` columns, of which `valid` are outputs from `first` on, with the taps that selected(ky, kx) names,
// which are k inputs. Returns the end of what it wrote.
template <class Selected>
int8_t* pack_panel(const ConvInt8Weights& w, ptrdiff_t first, int32_t width, int32_t valid, Selected selected,
                   int64_t k, int8_t* out) {
  const int64_t groups = (k + kDot - 1) / kDot;
  int32_t header[kPanelHeader / 4][kPanel] = {};
  int8_t* const weights = out + kPanelHeader * width;
  std::memset(weights, 0, static_cast<size_t>(groups * width * kDot));
  for (int32_t column = 0; column < valid; ++column) {
    const ptrdiff_t output = first + column;
    int64_t sum = 0, i = 0;
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        if (!selected(ky, kx)) continue;
        for (int32_t input = 0; input < w.in_channels; ++input, ++i) {
          const int8_t weight =
              w.data[output * w.output_stride + input * w.input_stride + ky * w.y_stride + kx * w.x_stride];
          weights[(i / kDot * width + column) * kDot + i % kDot] = weight;
          sum += weight;
        }
      }
    }
    const uint32_t bias = w.bias ? static_cast<uint32_t>(w.bias[output]) : 0;
    header[0][column] = static_cast<int32_t>(bias - static_cast<uint32_t>(w.input_zero_point * sum));
    header[1][column] = static_cast<int32_t>(sum);
    header[2][column] = w.factors[output].multiplier;
    header[3][column] = w.factors[output].shift;
  }
  for (const auto& row : header) {
    std::memcpy(out, row, static_cast<size_t>(width) * sizeof(int32_t));
    out += width * static_cast<int32_t>(sizeof(int32_t));
  }
  return weights + groups * width * kDot;
}

// One section of `group`. Returns the end of what it wrote.
template <class Selected>
int8_t* pack_section(const ConvInt8Weights& w, int32_t group, Selected selected, int64_t k, int8_t* out) {
  for (int32_t column = 0, width; column < w.out_channels; column += width) {
    const int32_t left = w.out_channels - column;
    width = left > kTailPanel ? kPanel : kTailPanel;
    out = pack_panel(w, static_cast<ptrdiff_t>(group) * w.out_channels + column, width, left < width ? left : width,
                     selected, k, out);
  }
  return out;
}

}  // namespace

int64_t conv2d_int8_packed_bytes(const ConvInt8Weights& w) {
  return w.groups * panel_int8_bytes(w.out_channels, int64_t{w.kernel_h} * w.kernel_w * w.in_channels);
}

void pack_conv2d_int8(const ConvInt8Weights& w, int8_t* packed) {
  const int64_t k = int64_t{w.kernel_h} * w.kernel_w * w.in_channels;
  for (int32_t group = 0; group < w.groups; ++group) packed = pack_section(w, group, every_tap, k, packed);
}

int64_t conv_transpose2d_int8_packed_bytes(const ConvInt8Weights& w, const Window& window) {
  int64_t bytes = 0;
  for_each_phase(w, window, [&](const PhaseTaps&, int64_t k) { bytes += panel_int8_bytes(w.out_channels, k); });
  return w.groups * bytes;
}

void pack_conv_transpose2d_int8(const ConvInt8Weights& w, const Window& window, int8_t* packed) {
  for (int32_t group = 0; group < w.groups; ++group) {
    for_each_phase(w, window,
                   [&](const PhaseTaps& taps, int64_t k) { packed = pack_section(w, group, taps, k, packed); });
  }
}

int64_t depthwise_int8_packed_bytes(const ConvInt8Weights& w) {
  return panel_int8_bytes(w.groups, int64_t{w.kernel_h} * w.kernel_w);
}

void pack_depthwise_int8(const ConvInt8Weights& w, int8_t* packed) {
  ConvInt8Weights channels_as_outputs = w;
  channels_as_outputs.groups = 1;
  channels_as_outputs.in_channels = 1;
  channels_as_outputs.out_channels = w.groups;
  pack_conv2d_int8(channels_as_outputs, packed);
}

}  // namespace linnet::kernels
