#include "converter/treat/apply.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace linnet::treat {

namespace {

std::vector<double> magnitudes_of(const Matrix& weights) {
  std::vector<double> magnitudes(weights.data(), weights.data() + weights.size());
  for (double& number : magnitudes) number = std::abs(number);
  std::sort(magnitudes.begin(), magnitudes.end());
  return magnitudes;
}

// Between the two nearest, as numpy.percentile.
double percentile_of(const std::vector<double>& sorted, double percentile) {
  const double position = percentile / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double clipped_error(const Matrix& weights, double limit, const Grid& grid) {
  const Layer shape{nullptr, 1, weights.rows(), weights.cols(), 1, 1, false};
  const Matrix clipped = weights.cwiseMax(-limit).cwiseMin(limit);
  WeightSet set;
  set.levels = grid_levels(shape, clipped, {}, grid);
  set.codes = codes_of(clipped, *set.levels);
  return (set.values(weights.rows(), weights.cols()) - weights).squaredNorm();
}

std::string text_of(const Clip& clip) {
  if (clip.rule == ClipRule::mse) return "clip mse";
  return clip.rule == ClipRule::percentile ? fmt::format("clip percentile={:g}", clip.number)
                                           : fmt::format("clip {:g}", clip.number);
}

std::string text_of(const Sparsify& sparsify) {
  if (sparsify.pattern == Pattern::two_of_four) return "sparse 2:4";
  const std::string amount =
      sparsify.threshold ? fmt::format("tau={:g}", *sparsify.threshold) : fmt::format("{:g}%", 100 * sparsify.part);
  return fmt::format("sparse {} {}{}", amount, name(sparsify.pattern), sparsify.all_layers ? " of all" : "");
}

std::string text_of(const Grid& grid) {
  return fmt::format("{} bits {} per {}", grid.bits, grid.scheme == Scheme::minmax ? "minmax" : "symmetric",
                     grid.grouping == Grouping::tensor    ? "tensor"
                     : grid.grouping == Grouping::channel ? "channel"
                                                          : "32");
}

std::string text_of(const Cluster& cluster) {
  return fmt::format("{} clusters per {}", cluster.entries, cluster.per_16_outputs ? "16 outputs" : "tensor");
}

}  // namespace

std::string to_string(const Treatment& treatment) {
  std::vector<std::string> parts;
  if (treatment.clip) parts.push_back(text_of(*treatment.clip));
  if (treatment.sparsify) parts.push_back(text_of(*treatment.sparsify));
  if (treatment.grid) parts.push_back(text_of(*treatment.grid));
  if (treatment.cluster) parts.push_back(text_of(*treatment.cluster));
  return fmt::format("{}", fmt::join(parts, ", "));
}

double clip_limit(const Matrix& weights, const Clip& clip, const std::optional<Grid>& grid) {
  if (clip.rule == ClipRule::value) return clip.number;
  const std::vector<double> magnitudes = magnitudes_of(weights);
  if (clip.rule == ClipRule::percentile) return percentile_of(magnitudes, clip.number);
  constexpr int kCandidates = 100, kFirst = 10;
  const Grid following = grid.value_or(Grid{8, Scheme::symmetric, Grouping::channel});
  double best = magnitudes.back(), least = clipped_error(weights, best, following);
  for (int i = kCandidates - 1; i >= kFirst; --i) {
    const double limit = magnitudes.back() * i / kCandidates, error = clipped_error(weights, limit, following);
    if (error < least) {
      least = error;
      best = limit;
    }
  }
  return best;
}

WeightSet apply(const Layer& layer, const Treatment& treatment, std::vector<uint8_t> kept, const Matrix* energies,
                Matrix* weights) {
  WeightSet set;
  if (treatment.clip) {
    set.limit = clip_limit(*weights, *treatment.clip, treatment.grid);
    *weights = weights->cwiseMax(-set.limit).cwiseMin(set.limit);
  }
  set.kept = std::move(kept);
  if (treatment.sparsify) set.pattern = treatment.sparsify->pattern;
  for (int64_t i = 0; i < weights->size(); ++i)
    if (!set.keeps(i)) weights->data()[i] = 0;
  if (treatment.grid) set.levels = grid_levels(layer, *weights, set.kept, *treatment.grid);
  if (treatment.cluster) set.levels = cluster_levels(layer, *weights, set.kept, *treatment.cluster, energies);
  if (set.levels) {
    set.codes = codes_of(*weights, *set.levels);
    *weights = set.values(layer.rows, layer.columns());
  }
  return set;
}

}  // namespace linnet::treat
