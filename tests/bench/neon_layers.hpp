// Layers of well-known networks that neon_layers (linnet) and, from a checkout of XNNPACK, neon_layers_xnnpack run, so
// that neon.sh can count the instructions of both.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace linnet::bench {

// A square convolution of stride 1 that keeps the image's size, with bias and ReLU6. Channels last.
struct Layer {
  const char* name;
  int size, in_channels, out_channels, kernel;
  bool depthwise;  // then in_channels = out_channels
};

struct LayerData {
  std::vector<float> x;        // [size, size, in_channels]
  std::vector<float> weights;  // [kernel, kernel, in_channels or 1, out_channels]
  std::vector<float> bias;     // [out_channels]
  std::vector<float> y;        // [size, size, out_channels]
};

// Packs the weights and returns what computes y once; `kernels` names a choice of kernels, or is "". Both arguments
// outlive the function. An empty function: there is no such choice.
std::function<void()> prepare(const Layer& layer, LayerData& data, const char* kernels);

}  // namespace linnet::bench
