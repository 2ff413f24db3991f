// neon_layers LAYER N [KERNELS]: runs a layer N times after having checked, with N = 0, its outputs against sums in
// double. What N and 2 N times take more is the layer.
#include "tests/bench/neon_layers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace linnet::bench {
namespace {

constexpr Layer kLayers[] = {
    {"1x1_28x28_192_to_32", 28, 192, 32, 1, false},
    {"1x1_14x14_96_to_576", 14, 96, 576, 1, false},
    {"3x3_14x14_64_to_64", 14, 64, 64, 3, false},
    {"depthwise_3x3_14x14_384", 14, 384, 384, 3, true},
};

void fill(std::vector<float>& values, size_t count, uint32_t seed) {
  values.resize(count + 16);  // kernels may read past packed weights, XNNPACK's also past rows
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / 8388608.0f - 1.0f;
  }
}

LayerData make_data(const Layer& layer) {
  const size_t pixels = static_cast<size_t>(layer.size) * layer.size;
  const size_t inputs = static_cast<size_t>(layer.kernel) * layer.kernel * (layer.depthwise ? 1 : layer.in_channels);
  LayerData data;
  fill(data.x, pixels * layer.in_channels, 1);
  fill(data.weights, inputs * layer.out_channels, 2);
  fill(data.bias, static_cast<size_t>(layer.out_channels), 3);
  data.y.assign(pixels * layer.out_channels, 0.0f);
  return data;
}

double expected(const Layer& layer, const LayerData& data, int oy, int ox, int output) {
  double sum = data.bias[output];
  const int inputs = layer.depthwise ? 1 : layer.in_channels;
  for (int ky = 0; ky < layer.kernel; ++ky) {
    for (int kx = 0; kx < layer.kernel; ++kx) {
      const int iy = oy + ky - layer.kernel / 2, ix = ox + kx - layer.kernel / 2;
      if (iy < 0 || iy >= layer.size || ix < 0 || ix >= layer.size) continue;
      const float* x = &data.x[(static_cast<size_t>(iy) * layer.size + ix) * layer.in_channels];
      const float* w = &data.weights[static_cast<size_t>(ky * layer.kernel + kx) * inputs * layer.out_channels];
      for (int i = 0; i < inputs; ++i) {
        sum += static_cast<double>(x[layer.depthwise ? output : i]) * w[i * layer.out_channels + output];
      }
    }
  }
  return std::min(std::max(sum, 0.0), 6.0);
}

bool outputs_are_right(const Layer& layer, const LayerData& data) {
  for (int y = 0; y < layer.size; ++y) {
    for (int x = 0; x < layer.size; ++x) {
      for (int output = 0; output < layer.out_channels; ++output) {
        const double wanted = expected(layer, data, y, x, output);
        const float got = data.y[(static_cast<size_t>(y) * layer.size + x) * layer.out_channels + output];
        if (std::fabs(got - wanted) < 1e-4) continue;
        std::fprintf(stderr, "%s: line %d column %d output %d is %g, wanted %g\n", layer.name, y, x, output, got,
                     wanted);
        return false;
      }
    }
  }
  return true;
}

}  // namespace
}  // namespace linnet::bench

int main(int argc, char** argv) {
  using namespace linnet::bench;
  if (argc < 3) {
    for (const Layer& layer : kLayers) {
      const double macs = static_cast<double>(layer.size) * layer.size * layer.kernel * layer.kernel *
                          layer.out_channels * (layer.depthwise ? 1 : layer.in_channels);
      std::printf("%s %.0f\n", layer.name, macs);
    }
    return argc == 1 ? 0 : 2;
  }
  for (const Layer& layer : kLayers) {
    if (std::strcmp(layer.name, argv[1]) != 0) continue;
    LayerData data = make_data(layer);
    const std::function<void()> run = prepare(layer, data, argc > 3 ? argv[3] : "");
    if (!run) break;
    const int count = std::atoi(argv[2]);
    for (int i = 0; i < count; ++i) run();
    if (count > 0) return 0;
    run();
    return outputs_are_right(layer, data) ? 0 : 1;
  }
  std::fprintf(stderr, "%s: no such layer or no such kernels\n", argv[1]);
  return 2;
}
