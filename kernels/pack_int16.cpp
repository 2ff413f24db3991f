#include "kernels/pack_int16.hpp"

#include <cstring>

#include "kernels/conv_transpose/pack_phases.hpp"

namespace linnet::kernels {
namespace {

static_assert(sizeof(SumFactor) == sizeof(int64_t) && sizeof(double) == sizeof(int64_t), "rows of a panel's header");

// A panel of `width` columns, of which `valid` are outputs from `first` on, with the taps that selected(ky, kx) names,
// which are k inputs. Returns the end of what it wrote.
template <class Selected>
int8_t* pack_panel(const ConvInt16Weights& w, ptrdiff_t first, int32_t width, int32_t valid, Selected selected,
                   int64_t k, int8_t* out) {
  const int64_t groups = (k + kPair - 1) / kPair;
  constexpr int32_t kWord = sizeof(int64_t);
  std::memset(out, 0, static_cast<size_t>(width * (kPanelHeader + groups * kPair)));
  int8_t* const weights = out + kPanelHeader * width;
  for (int32_t column = 0; column < valid; ++column) {
    const ptrdiff_t output = first + column;
    if (w.bias) std::memcpy(out + column * kWord, w.bias + output, sizeof(int64_t));
    const void* const factor = w.factors ? static_cast<const void*>(w.factors + output) : w.real_factors + output;
    std::memcpy(out + (width + column) * kWord, factor, sizeof(int64_t));
    int64_t i = 0;
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        if (!selected(ky, kx)) continue;
        for (int32_t input = 0; input < w.in_channels; ++input, ++i) {
          weights[(i / kPair * width + column) * kPair + i % kPair] =
              w.data[output * w.output_stride + input * w.input_stride + ky * w.y_stride + kx * w.x_stride];
        }
      }
    }
  }
  return weights + groups * width * kPair;
}

// One section of `group`. Returns the end of what it wrote.
template <class Selected>
int8_t* pack_section(const ConvInt16Weights& w, int32_t group, Selected selected, int64_t k, int8_t* out) {
  for (int32_t column = 0, width; column < w.out_channels; column += width) {
    const int32_t left = w.out_channels - column;
    width = left > kTailPanel ? kPanel : kTailPanel;
    out = pack_panel(w, static_cast<ptrdiff_t>(group) * w.out_channels + column, width, left < width ? left : width,
                     selected, k, out);
  }
  return out;
}

}  // namespace

int64_t conv2d_int16_packed_bytes(const ConvInt16Weights& w) {
  return w.groups * panel_int16_bytes(w.out_channels, int64_t{w.kernel_h} * w.kernel_w * w.in_channels);
}

void pack_conv2d_int16(const ConvInt16Weights& w, int8_t* packed) {
  const int64_t k = int64_t{w.kernel_h} * w.kernel_w * w.in_channels;
  for (int32_t group = 0; group < w.groups; ++group) packed = pack_section(w, group, every_tap, k, packed);
}

int64_t conv_transpose2d_int16_packed_bytes(const ConvInt16Weights& w, const Window& window) {
  int64_t bytes = 0;
  for_each_phase(w, window, [&](const PhaseTaps&, int64_t k) { bytes += panel_int16_bytes(w.out_channels, k); });
  return w.groups * bytes;
}

void pack_conv_transpose2d_int16(const ConvInt16Weights& w, const Window& window, int8_t* packed) {
  for (int32_t group = 0; group < w.groups; ++group) {
    for_each_phase(w, window,
                   [&](const PhaseTaps& taps, int64_t k) { packed = pack_section(w, group, taps, k, packed); });
  }
}

int64_t depthwise_int16_packed_bytes(const ConvInt16Weights& w) {
  return panel_int16_bytes(w.groups, int64_t{w.kernel_h} * w.kernel_w);
}

void pack_depthwise_int16(const ConvInt16Weights& w, int8_t* packed) {
  ConvInt16Weights channels_as_outputs = w;
  channels_as_outputs.groups = 1;
  channels_as_outputs.in_channels = 1;
  channels_as_outputs.out_channels = w.groups;
  pack_conv2d_int16(channels_as_outputs, packed);
}

}  // namespace linnet::kernels
