// neon_layers float|int8 [LAYER N [KERNELS]]: runs a layer N times or, with N = 0, once, to check its outputs against
// sums in double. What N and 2 N times take more is the layer. Without LAYER: prints the layers and their
// multiply-accumulates.
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

// Numbers from -range to range, the same for the same seed.
template <class T>
void fill(std::vector<T>& values, size_t count, uint32_t seed, double range) {
  values.resize(count + 16);  // kernels may read past packed weights, XNNPACK's also past rows
  for (T& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<T>(range * ((seed >> 8) / 8388608.0 - 1.0));
  }
}

int64_t inputs_of_output(const Layer& layer) {
  return int64_t{layer.kernel} * layer.kernel * (layer.depthwise ? 1 : layer.in_channels);
}

template <class T>
LayerData<T> make_data(const Layer& layer) {
  const bool integers = LayerData<T>::kIntegers;
  const size_t pixels = static_cast<size_t>(layer.size) * layer.size, outputs = layer.out_channels;
  const auto inputs = static_cast<size_t>(inputs_of_output(layer));
  LayerData<T> data;
  fill(data.x, pixels * layer.in_channels, 1, integers ? 128.0 : 1.0);
  fill(data.weights, inputs * outputs, 2, integers ? 128.0 : 1.0);
  fill(data.bias, outputs, 3, integers ? 10000.0 : 1.0);
  data.y.assign(pixels * outputs, T{});
  for (size_t i = 0; i < outputs; ++i) {  // sums of random products reach over the outputs' range
    data.factors.push_back(static_cast<float>(0.02 * static_cast<double>(8 + i % 7) / std::sqrt(inputs) / 8.0));
  }
  return data;
}

template <class T>
double sum_of_products(const Layer& layer, const LayerData<T>& data, int oy, int ox, int output) {
  double sum = data.bias[output];
  const int inputs = layer.depthwise ? 1 : layer.in_channels;
  const double zero = LayerData<T>::kIntegers ? kInputZeroPoint : 0.0;
  for (int ky = 0; ky < layer.kernel; ++ky) {
    for (int kx = 0; kx < layer.kernel; ++kx) {
      const int iy = oy + ky - layer.kernel / 2, ix = ox + kx - layer.kernel / 2;
      if (iy < 0 || iy >= layer.size || ix < 0 || ix >= layer.size) continue;
      const T* x = &data.x[(static_cast<size_t>(iy) * layer.size + ix) * layer.in_channels];
      const T* w = &data.weights[static_cast<size_t>(ky * layer.kernel + kx) * inputs * layer.out_channels];
      for (int i = 0; i < inputs; ++i) {
        sum += (static_cast<double>(x[layer.depthwise ? output : i]) - zero) * w[i * layer.out_channels + output];
      }
    }
  }
  return sum;
}

bool is_right(double sum, float /*factor*/, float got) {
  return std::fabs(got - std::min(std::max(sum, 0.0), 6.0)) < 1e-4;
}

bool is_right(double sum, float factor, int8_t got) {
  const float scaled = std::nearbyint(static_cast<float>(sum) * factor);
  return static_cast<float>(got) == std::min(std::max(scaled + kOutputZeroPoint, -128.0f), 127.0f);
}

template <class T>
bool outputs_are_right(const Layer& layer, const LayerData<T>& data) {
  for (int y = 0; y < layer.size; ++y) {
    for (int x = 0; x < layer.size; ++x) {
      for (int output = 0; output < layer.out_channels; ++output) {
        const double sum = sum_of_products(layer, data, y, x, output);
        const T got = data.y[(static_cast<size_t>(y) * layer.size + x) * layer.out_channels + output];
        if (is_right(sum, data.factors[output], got)) continue;
        std::fprintf(stderr, "%s: line %d column %d output %d is %g, of a sum of %g\n", layer.name, y, x, output,
                     static_cast<double>(got), sum);
        return false;
      }
    }
  }
  return true;
}

template <class T>
int run_layer(const Layer& layer, int count, const char* kernels) {
  LayerData<T> data = make_data<T>(layer);
  const std::function<void()> run = prepare(layer, data, kernels);
  if (!run) {
    std::fprintf(stderr, "%s: no such kernels\n", kernels);
    return 2;
  }
  for (int i = 0; i < count; ++i) run();
  if (count > 0) return 0;
  run();
  return outputs_are_right(layer, data) ? 0 : 1;
}

}  // namespace
}  // namespace linnet::bench

int main(int argc, char** argv) {
  using namespace linnet::bench;
  const bool integers = argc > 1 && std::strcmp(argv[1], "int8") == 0;
  if (argc == 2) {
    for (const Layer& layer : kLayers) {
      const double macs = static_cast<double>(layer.size) * layer.size * layer.out_channels *
                          static_cast<double>(inputs_of_output(layer));
      std::printf("%s %.0f\n", layer.name, macs);
    }
    return 0;
  }
  for (const Layer& layer : kLayers) {
    if (argc < 4 || std::strcmp(layer.name, argv[2]) != 0) continue;
    return (integers ? run_layer<int8_t> : run_layer<float>)(layer, std::atoi(argv[3]), argc > 4 ? argv[4] : "");
  }
  std::fprintf(stderr, "usage: neon_layers float|int8 [LAYER N [KERNELS]]\n");
  return 2;
}
