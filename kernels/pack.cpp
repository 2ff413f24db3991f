#include "kernels/pack.hpp"

#include <cstring>

#include "kernels/conv_transpose/pack_phases.hpp"
#include "kernels/winograd/points.hpp"

namespace linnet::kernels {
namespace {

// One section of `group`: the taps that selected(ky, kx) names. Returns the end of what it wrote.
template <class Weight, class Selected>
Weight* pack_section(const ConvWeightsOf<Weight>& w, int32_t group, Selected selected, Weight* out) {
  const ptrdiff_t first = static_cast<ptrdiff_t>(group) * w.out_channels;
  for (int32_t column = 0, width; column < w.out_channels; column += width) {
    const int32_t left = w.out_channels - column;
    width = left > kTailPanel ? kPanel : kTailPanel;
    const auto put = [&](const float* numbers) {
      for (int32_t i = 0; i < width; ++i, out += sizeof(float) / sizeof(Weight)) {
        const float number = numbers && i < left ? numbers[first + column + i] : 0.0f;
        std::memcpy(out, &number, sizeof(number));
      }
    };
    put(w.bias);
    if (sizeof(Weight) == 1) put(w.scales);
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        if (!selected(ky, kx)) continue;
        for (int32_t input = 0; input < w.in_channels; ++input) {
          const Weight* tap = w.data + ky * w.y_stride + kx * w.x_stride + input * w.input_stride;
          for (int32_t i = 0; i < width; ++i)
            *out++ = i < left ? tap[(first + column + i) * w.output_stride] : Weight{0};
        }
      }
    }
  }
  return out;
}

template <class Weight>
void pack_groups(const ConvWeightsOf<Weight>& w, Weight* packed) {
  for (int32_t group = 0; group < w.groups; ++group) {
    packed = pack_section(
        w, group, [](int32_t, int32_t) { return true; }, packed);
  }
}

template <class Weight>
int64_t phase_elements(const ConvWeightsOf<Weight>& w, const Window& window) {
  int64_t elements = 0;
  for_each_phase(w, window,
                 [&](const PhaseTaps&, int64_t k) { elements += panel_elements<Weight>(w.out_channels, k); });
  return w.groups * elements;
}

template <class Weight>
void pack_phases(const ConvWeightsOf<Weight>& w, const Window& window, Weight* packed) {
  for (int32_t group = 0; group < w.groups; ++group) {
    for_each_phase(w, window, [&](const PhaseTaps& taps, int64_t) { packed = pack_section(w, group, taps, packed); });
  }
}

template <class Weight>
ConvWeightsOf<Weight> channels_as_outputs(const ConvWeightsOf<Weight>& w) {
  ConvWeightsOf<Weight> result = w;
  result.groups = 1;
  result.in_channels = 1;
  result.out_channels = w.groups;
  return result;
}

}  // namespace

void pack_gemm(const float* w, ptrdiff_t k_stride, ptrdiff_t n_stride, const float* bias, int32_t n, int32_t k,
               float* packed) {
  pack_conv2d({w, n_stride, k_stride, 0, 0, bias, 1, k, n, 1, 1}, packed);
}

void pack_gemm_float32x8(const int8_t* w, ptrdiff_t k_stride, ptrdiff_t n_stride, const float* scales,
                         const float* bias, int32_t n, int32_t k, int8_t* packed) {
  pack_groups<int8_t>({w, n_stride, k_stride, 0, 0, bias, 1, k, n, 1, 1, scales}, packed);
}

int64_t conv2d_packed_floats(const ConvWeights& w) {
  return w.groups * panel_floats(w.out_channels, static_cast<int64_t>(w.kernel_h) * w.kernel_w * w.in_channels);
}

void pack_conv2d(const ConvWeights& w, float* packed) {
  pack_groups(w, packed);
}

int64_t conv2d_float32x8_packed_bytes(const ConvFloat32x8Weights& w) {
  return w.groups * panel_float32x8_bytes(w.out_channels, int64_t{w.kernel_h} * w.kernel_w * w.in_channels);
}

void pack_conv2d_float32x8(const ConvFloat32x8Weights& w, int8_t* packed) {
  pack_groups(w, packed);
}

int32_t winograd2d_rows(int32_t tile, int32_t in_channels) {
  return winograd_multiplications(tile) * (in_channels + 1);
}

void winograd2d_matrix(const ConvWeights& w, int32_t tile, float* matrix) {
  const int32_t side = tile + 2;
  for (int32_t py = 0; py < side; ++py) {
    for (int32_t px = 0; px < side; ++px) {
      const WinogradTaps y = winograd_taps(tile, py), x = winograd_taps(tile, px);
      for (int32_t output = 0; output < w.out_channels; ++output) *matrix++ = 0.0f;
      for (int32_t input = 0; input < w.in_channels; ++input) {
        for (int32_t output = 0; output < w.out_channels; ++output) {
          const float* taps = w.data + input * w.input_stride + output * w.output_stride;
          double sum = 0;
          for (int32_t i = 0; i < 9; ++i)
            sum += y.tap[i / 3] * x.tap[i % 3] * taps[i / 3 * w.y_stride + i % 3 * w.x_stride];
          *matrix++ = static_cast<float>(sum);
        }
      }
    }
  }
}

int64_t depthwise_packed_floats(const ConvWeights& w) {
  return panel_floats(w.groups, static_cast<int64_t>(w.kernel_h) * w.kernel_w);
}

void pack_depthwise(const ConvWeights& w, float* packed) {
  pack_groups(channels_as_outputs(w), packed);
}

int64_t depthwise_float32x8_packed_bytes(const ConvFloat32x8Weights& w) {
  return panel_float32x8_bytes(w.groups, int64_t{w.kernel_h} * w.kernel_w);
}

void pack_depthwise_float32x8(const ConvFloat32x8Weights& w, int8_t* packed) {
  pack_groups(channels_as_outputs(w), packed);
}

int64_t conv_transpose2d_packed_floats(const ConvWeights& w, const Window& window) {
  return phase_elements(w, window);
}

void pack_conv_transpose2d(const ConvWeights& w, const Window& window, float* packed) {
  pack_phases(w, window, packed);
}

int64_t conv_transpose2d_float32x8_packed_bytes(const ConvFloat32x8Weights& w, const Window& window) {
  return phase_elements(w, window);
}

void pack_conv_transpose2d_float32x8(const ConvFloat32x8Weights& w, const Window& window, int8_t* packed) {
  pack_phases(w, window, packed);
}

}  // namespace linnet::kernels
