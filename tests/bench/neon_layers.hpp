// Layers of well-known networks that neon_layers (linnet) and, from a checkout of XNNPACK, neon_layers_xnnpack run, so
// that neon.sh can count the instructions of both.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>

namespace linnet::bench {

// A square convolution of stride 1 that keeps the image's size, with bias and ReLU6. Channels last.
struct Layer {
  const char* name;
  int size, in_channels, out_channels, kernel;
  bool depthwise;  // then in_channels = out_channels
};

// Of int8 layers; ReLU6 is a range of the outputs. No weight is -128.
constexpr int kInputZeroPoint = -5, kOutputZeroPoint = -128;

// Element: float or int8_t.
template <class Element>
struct LayerData {
  static constexpr bool kIntegers = std::is_same_v<Element, int8_t>;
  std::vector<Element> x;                                           // [size, size, in_channels]
  std::vector<Element> weights;                                     // [kernel, kernel, in_channels or 1, out_channels]
  std::vector<std::conditional_t<kIntegers, int32_t, float>> bias;  // [out_channels]
  std::vector<float> factors;                                       // of int8, from sums to outputs, [out_channels]
  std::vector<Element> y;                                           // [size, size, out_channels]
};

// Packs the weights and returns what computes y once; `kernels` names a choice of kernels, or is "". Both arguments
// outlive the function. An empty function: there is no such choice.
std::function<void()> prepare(const Layer& layer, LayerData<float>& data, const char* kernels);
std::function<void()> prepare(const Layer& layer, LayerData<int8_t>& data, const char* kernels);

}  // namespace linnet::bench
