#include "converter/passes/winograd_cost.hpp"

#include <algorithm>

#include "kernels/winograd/plan.hpp"

namespace linnet::passes {

namespace {

// Least squares over the layers of winograd_bench on AVX2; on AVX2 and AVX-512 the predicted ratios are within a
// quarter of the measured ones, 8% in the mean.
constexpr double kProduct = 1.17;       // a multiply-add of the products, which are short
constexpr double kProductStart = 1.5;   // per sum of products
constexpr double kInputTransform = 3;   // per transformed input
constexpr double kOutputTransform = 6;  // per product transformed back
constexpr double kNearWeight = 8;       // a weight that comes from a last-level cache
constexpr double kFarWeight = 22;       // a weight that comes from memory
constexpr int64_t kFewestRows = 4;      // fewer rows of a product take as long: multiply-adds wait for each other
constexpr double kOwnCache = 1 << 18;   // weights that stay beside the data
constexpr double kSharedCache = 1 << 22;

int64_t padded_outputs(const Convolution3x3& layer) {
  return kernels::panel_floats(layer.out_channels, 0);
}

// What one pass over the weights adds to the arithmetic.
double weights_cost(int64_t weights) {
  const auto count = static_cast<double>(weights);
  return kNearWeight * std::max(0.0, std::min(count, kSharedCache) - kOwnCache) +
         kFarWeight * std::max(0.0, count - kSharedCache);
}

}  // namespace

double direct_cost(const Convolution3x3& layer) {
  const int64_t weights = 9 * layer.in_channels * padded_outputs(layer);
  return static_cast<double>(std::max(layer.batch * layer.out_h * layer.out_w, kFewestRows) * weights) +
         weights_cost(weights);
}

double winograd_cost(const Convolution3x3& layer, int64_t tile) {
  const int64_t tiles = layer.batch * ((layer.out_h + tile - 1) / tile) * ((layer.out_w + tile - 1) / tile);
  const kernels::WinogradPlan plan =
      kernels::plan_winograd2d(static_cast<int32_t>(tile), static_cast<int32_t>(layer.in_channels), tiles,
                               kernels::traits(kernels::IsaId::avx2));
  const int64_t points = kernels::winograd_multiplications(static_cast<int32_t>(tile));
  const auto inputs = static_cast<double>(layer.in_channels), outputs = static_cast<double>(layer.out_channels);
  const double transforms = static_cast<double>(tiles) * (kInputTransform * inputs + kOutputTransform * outputs);
  const double products =
      static_cast<double>(std::max(tiles, kFewestRows) * padded_outputs(layer)) * (kProduct * inputs + kProductStart);
  const int64_t passes = (tiles + plan.tiles - 1) / plan.tiles;
  return static_cast<double>(points) * (transforms + products) +
         static_cast<double>(passes) * weights_cost(points * layer.in_channels * padded_outputs(layer));
}

}  // namespace linnet::passes
