#include "converter/passes/winograd_cost.hpp"

#include <algorithm>

#include "kernels/winograd/plan.hpp"

namespace linnet::passes {

namespace {

// Least squares over the layers of winograd_bench on AVX2: the predicted ratios are within 13% of those measured there,
// 6% in the mean. On AVX-512 it is 10% in the mean; there a layer waits longer for its weights, and those that have
// many gain up to 39% less than predicted.
constexpr double kProduct = 1.09;        // a multiply-add of the products, which are short
constexpr double kInputTransform = 4.6;  // per transformed input
constexpr double kOutputTransform = 10;  // per product transformed back
constexpr double kFetchedWeight = 9;     // a weight from memory, fetched beside the arithmetic
constexpr double kStreamedWeight = 21;   // at least so much, whatever the arithmetic
constexpr int64_t kFewestRows = 5;       // fewer rows of a product take as long: multiply-adds wait for each other
constexpr int64_t kOwnCache = 1 << 17;   // weights that stay beside the data

int64_t padded_outputs(const Convolution3x3& layer) {
  return kernels::panel_floats(layer.out_channels, 0);
}

}  // namespace

double with_weights(double arithmetic, int64_t weights, int64_t passes) {
  const auto fetched = static_cast<double>(passes * std::max<int64_t>(0, weights - kOwnCache));
  return std::max(arithmetic + kFetchedWeight * fetched, kStreamedWeight * fetched);
}

double direct_cost(const Convolution3x3& layer) {
  const int64_t weights = 9 * layer.in_channels * padded_outputs(layer);
  const int64_t rows = std::max(layer.batch * layer.out_h * layer.out_w, kFewestRows);
  return with_weights(static_cast<double>(rows * weights), weights, 1);
}

double winograd_cost(const Convolution3x3& layer, int64_t tile) {
  const int64_t tiles = layer.batch * ((layer.out_h + tile - 1) / tile) * ((layer.out_w + tile - 1) / tile);
  const kernels::WinogradPlan plan =
      kernels::plan_winograd2d(static_cast<int32_t>(tile), static_cast<int32_t>(layer.in_channels), tiles,
                               kernels::traits(kernels::IsaId::avx2));
  const int64_t points = kernels::winograd_multiplications(static_cast<int32_t>(tile));
  const double transforms = kInputTransform * static_cast<double>(tiles * layer.in_channels) +
                            kOutputTransform * static_cast<double>(tiles * layer.out_channels);
  const int64_t weights = layer.in_channels * padded_outputs(layer);
  const double products = kProduct * static_cast<double>(std::max(tiles, kFewestRows) * weights);
  return with_weights(static_cast<double>(points) * (transforms + products), points * weights,
                      (tiles + plan.tiles - 1) / plan.tiles);
}

}  // namespace linnet::passes
