#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/treat/apply.hpp"

namespace linnet::treat {

namespace {

bool is_kept(const std::vector<uint8_t>& kept, int64_t index) {
  return kept.empty() || kept[static_cast<size_t>(index)] != 0;
}

// As the file will hold it.
double rounded(double number) {
  return static_cast<double>(static_cast<float>(number));
}

// Weights of one group, sorted, with the sums in front of each that make any run's mean and error.
class Sorted {
 public:
  explicit Sorted(std::vector<std::pair<double, double>> weighted) : weighted_(std::move(weighted)) {
    std::sort(weighted_.begin(), weighted_.end());
    for (const auto& [number, weight] : weighted_) {
      weights_.push_back(weights_.back() + weight);
      sums_.push_back(sums_.back() + weight * number);
    }
  }
  size_t size() const { return weighted_.size(); }
  double number(size_t i) const { return weighted_[i].first; }
  double mean(size_t begin, size_t end) const {
    return (sums_[end] - sums_[begin]) / (weights_[end] - weights_[begin]);
  }
  size_t first_above(double number) const {
    return static_cast<size_t>(std::upper_bound(weighted_.begin(), weighted_.end(),
                                                std::pair(number, std::numeric_limits<double>::infinity())) -
                               weighted_.begin());
  }
  double error(const std::vector<double>& entries) const {
    double error = 0;
    size_t begin = 0;
    for (size_t e = 0; e < entries.size(); ++e) {
      const size_t end = e + 1 < entries.size() ? first_above((entries[e] + entries[e + 1]) / 2) : size();
      for (; begin < end; ++begin) {
        const double difference = weighted_[begin].first - entries[e];
        error += weighted_[begin].second * difference * difference;
      }
    }
    return error;
  }

 private:
  std::vector<std::pair<double, double>> weighted_;
  std::vector<double> weights_ = {0}, sums_ = {0};
};

// Lloyd's iteration: entries become the means of the weights that are nearest to them.
std::vector<double> settled(const Sorted& sorted, std::vector<double> entries) {
  constexpr int kMostRounds = 300;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<double> before = entries;
    size_t begin = 0;
    for (size_t e = 0; e < entries.size(); ++e) {
      const bool final = e + 1 == entries.size();
      const size_t end = final ? sorted.size() : sorted.first_above((before[e] + before[e + 1]) / 2);
      if (end > begin) entries[e] = sorted.mean(begin, end);
      begin = std::max(begin, end);
    }
    std::sort(entries.begin(), entries.end());
    if (entries == before) break;
  }
  return entries;
}

std::vector<double> codebook(const std::vector<std::pair<double, double>>& weighted, size_t count) {
  if (weighted.empty()) return std::vector<double>(count, 0.0);
  const Sorted sorted(weighted);
  std::vector<double> different;
  for (size_t i = 0; i < sorted.size() && different.size() <= count; ++i)
    if (different.empty() || different.back() != sorted.number(i)) different.push_back(sorted.number(i));
  if (different.size() <= count) {
    different.resize(count, different.back());
    return different;
  }
  std::vector<double> distances, quantiles, best;
  const double low = sorted.number(0), high = sorted.number(sorted.size() - 1);
  for (size_t e = 0; e < count; ++e) {
    distances.push_back(low + (high - low) * static_cast<double>(e) / static_cast<double>(count - 1));
    quantiles.push_back(sorted.number((2 * e + 1) * sorted.size() / (2 * count)));
  }
  double least = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& start : {distances, quantiles}) {
    const std::vector<double> entries = settled(sorted, start);
    const double error = sorted.error(entries);
    if (error < least) {
      least = error;
      best = entries;
    }
  }
  return best;
}

void set_groups(const Layer& layer, Grouping grouping, Levels* levels) {
  constexpr int64_t kColumns = 32;
  levels->rows_per_group = grouping == Grouping::tensor ? layer.rows : 1;
  levels->columns_per_group = grouping == Grouping::columns_32 ? kColumns : layer.columns();
  levels->groups_per_row = (layer.columns() + levels->columns_per_group - 1) / levels->columns_per_group;
}

}  // namespace

Levels grid_levels(const Layer& layer, const Matrix& weights, const std::vector<uint8_t>& kept, const Grid& grid) {
  Levels levels;
  levels.grid = grid;
  const int half = (1 << (grid.bits - 1)) - 1;
  levels.first = grid.scheme == Scheme::symmetric ? -half : 0;
  levels.last = grid.scheme == Scheme::symmetric ? half : (1 << grid.bits) - 1;
  set_groups(layer, grid.grouping, &levels);
  const auto groups = static_cast<size_t>((layer.rows / levels.rows_per_group) * levels.groups_per_row);
  std::vector<double> low(groups, std::numeric_limits<double>::infinity()), high(groups, -low[0]);
  for (int64_t i = 0; i < weights.size(); ++i) {
    if (!is_kept(kept, i)) continue;
    const size_t group = levels.group(i / layer.columns(), i % layer.columns());
    low[group] = std::min(low[group], weights.data()[i]);
    high[group] = std::max(high[group], weights.data()[i]);
  }
  for (size_t group = 0; group < groups; ++group) {
    const bool any = low[group] <= high[group], symmetric = grid.scheme == Scheme::symmetric;
    const double largest = any ? std::max(-low[group], high[group]) : 0, width = any ? high[group] - low[group] : 0;
    levels.steps.push_back(rounded(symmetric ? largest / half : width / levels.last));
    levels.offsets.push_back(symmetric || !any ? 0 : rounded(low[group]));
  }
  return levels;
}

Levels cluster_levels(const Layer& layer, const Matrix& weights, const std::vector<uint8_t>& kept,
                      const Cluster& cluster, const Matrix* energies) {
  constexpr int64_t kRows = 16;
  Levels levels;
  levels.last = cluster.entries - 1;
  levels.rows_per_group = cluster.per_16_outputs ? kRows : layer.rows;
  levels.columns_per_group = layer.columns();
  for (int64_t begin = 0; begin < layer.rows; begin += levels.rows_per_group) {
    const int64_t first = begin * layer.columns(),
                  last = std::min(begin + levels.rows_per_group, layer.rows) * layer.columns();
    std::vector<std::pair<double, double>> weighted;
    for (int64_t i = first; i < last; ++i)
      if (is_kept(kept, i)) weighted.emplace_back(weights.data()[i], energies != nullptr ? energies->data()[i] : 1.0);
    for (const double entry : codebook(weighted, static_cast<size_t>(cluster.entries)))
      levels.entries.push_back(rounded(entry));
  }
  return levels;
}

std::vector<int16_t> codes_of(const Matrix& weights, const Levels& levels) {
  std::vector<int16_t> codes;
  codes.reserve(static_cast<size_t>(weights.size()));
  for (int64_t row = 0; row < weights.rows(); ++row)
    for (int64_t column = 0; column < weights.cols(); ++column)
      codes.push_back(static_cast<int16_t>(levels.nearest(levels.group(row, column), weights(row, column))));
  return codes;
}

}  // namespace linnet::treat
