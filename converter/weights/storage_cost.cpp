#include "converter/weights/storage_cost.hpp"

#include <algorithm>

#include "converter/passes/winograd_cost.hpp"
#include "kernels/sparse/plan.hpp"

namespace linnet::weights {

namespace {

constexpr int64_t kFewestRows = 5;  // fewer rows of a product take as long: multiply-adds wait for each other

constexpr int64_t kTogether = 16;  // inputs of a pixel at a tap, or pixels in lanes, that take as long as fewer

// Least squares over the layers of sparse_bench on AVX2 and AVX-512, nearer to the one that gains less: of a kept
// weight, of an input or copied input of a pixel, and of an output of a pixel.
struct Costs {
  double weight, input, output;
};
constexpr Costs kByBlock[] = {{2.2, 7, 16}, {1.4, 7, 18}, {1.4, 8, 1}};
constexpr Costs kInt8 = {2, 18, 18};
constexpr double kInt8FewPixels = 8;  // of a kept weight, where vectors are not full
// For the inputs of one pixel: of a kept weight, and of any.
constexpr double kPixelWeight[] = {46, 24, 10}, kPixelAny = 0.3;

int place(int64_t block) {
  return block == 1 ? 0 : block == 4 ? 1 : 2;
}

int64_t filled(int64_t count) {
  return (count + kTogether - 1) / kTogether * kTogether;
}

}  // namespace

double dense_cost(const LayerSize& layer, bool int8) {
  const int64_t weights = layer.k() * layer.outputs;
  if (int8) return static_cast<double>(std::max(layer.pixels, kFewestRows) * weights);
  return passes::with_weights(static_cast<double>(std::max(layer.pixels, kFewestRows) * weights), weights, 1);
}

double sparse_cost(const LayerSize& layer, int64_t block, double density, int64_t bytes) {
  const auto pixels = static_cast<double>(block == kernels::kPanel ? layer.pixels : filled(layer.pixels)),
             k = static_cast<double>(layer.k()), outputs = static_cast<double>(layer.outputs),
             inputs = static_cast<double>(layer.taps * filled(layer.inputs));
  const Costs& costs = kByBlock[place(block)];
  double arithmetic = pixels * (density * costs.weight * k * outputs + costs.input * inputs + costs.output * outputs);
  if (layer.image_pixels <= kernels::kSparseFewPixels) {
    const auto products = static_cast<double>(layer.pixels) * k * outputs;
    arithmetic = products * (density * kPixelWeight[place(block)] + kPixelAny);
  }
  return passes::with_weights(arithmetic, bytes / 4, 1);
}

double sparse_int8_cost(const LayerSize& layer, double density) {
  const auto pixels = static_cast<double>(std::max(layer.pixels, kFewestRows));
  const double weight = layer.image_pixels <= kernels::kSparseFewPixels ? kInt8FewPixels : kInt8.weight;
  return pixels * (density * weight * static_cast<double>(layer.k() * layer.outputs) +
                   kInt8.input * static_cast<double>(layer.k()) + kInt8.output * static_cast<double>(layer.outputs));
}

}  // namespace linnet::weights
