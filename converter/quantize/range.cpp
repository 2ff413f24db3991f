#include "converter/quantize/range.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "converter/ir/error.hpp"

namespace linnet::quantize {

namespace {

constexpr size_t kBins = 2048;
constexpr int kLevels = 256;
// Candidates keep from this fraction of each side to all of it.
constexpr double kSmallestFraction = 0.1;
constexpr int kFractions = 46;

constexpr std::string_view kPercentile = "percentile=", kHeader = "linnet ranges 1";

}  // namespace

void Range::add(const Range& other) {
  low = std::min(low, other.low);
  high = std::max(high, other.high);
}

RangeMethod parse_range_method(std::string_view text) {
  if (text == "minmax") return {RangeRule::minmax};
  if (text == "mse") return {RangeRule::mse};
  if (text == "kl") return {RangeRule::kl};
  if (text.starts_with(kPercentile)) {
    std::istringstream number{std::string(text.substr(kPercentile.size()))};
    double percentile = 0;
    if (number >> percentile && number.eof() && percentile > 50 && percentile <= 100)
      return {RangeRule::percentile, percentile};
  }
  throw ir::Error(fmt::format("{}: expected minmax, percentile=P with P above 50 and at most 100, mse or kl", text));
}

std::string to_string(const RangeMethod& method) {
  switch (method.rule) {
    case RangeRule::minmax:
      return "minmax";
    case RangeRule::percentile:
      return fmt::format("{}{}", kPercentile, method.percentile);
    case RangeRule::mse:
      return "mse";
    default:
      return "kl";
  }
}

Histogram::Histogram(const Range& range) : whole_(range), counts_(kBins) {
  whole_.add({0, 0});
  width_ = (whole_.high - whole_.low) / static_cast<double>(kBins);
}

void Histogram::add(float number) {
  if (number == 0 || width_ <= 0) return;
  const double bin = (static_cast<double>(number) - whole_.low) / width_;
  ++counts_[std::min(static_cast<size_t>(std::max(bin, 0.0)), kBins - 1)];
}

Range Histogram::range(const RangeMethod& method) const {
  if (width_ <= 0) return whole_;
  switch (method.rule) {
    case RangeRule::percentile:
      return percentile(method.percentile);
    case RangeRule::mse:
      return least([this, moments = moments()](const Range& range) { return squared_error(range, moments); });
    case RangeRule::kl:
      return least([this](const Range& range) { return divergence(range); });
    default:
      return whole_;
  }
}

Range Histogram::percentile(double percentile) const {
  uint64_t all = 0;
  for (const uint64_t count : counts_) all += count;
  const double outside = static_cast<double>(all) * (100 - percentile) / 100;
  size_t first = 0, last = kBins;
  for (uint64_t below = counts_[0]; first + 1 < kBins && static_cast<double>(below) <= outside; below += counts_[first])
    ++first;
  for (uint64_t above = counts_[kBins - 1]; last > first + 1 && static_cast<double>(above) <= outside;
       above += counts_[last - 1])
    --last;
  Range range{whole_.low + static_cast<double>(first) * width_, whole_.low + static_cast<double>(last) * width_};
  range.add({0, 0});
  return range;
}

template <class Cost>
Range Histogram::least(const Cost& cost) const {
  Range best = whole_;
  double least = std::numeric_limits<double>::infinity();
  const auto fraction = [](int i) { return 1 - (1 - kSmallestFraction) * i / (kFractions - 1); };
  for (int l = 0; l < (whole_.low < 0 ? kFractions : 1); ++l) {
    for (int h = 0; h < (whole_.high > 0 ? kFractions : 1); ++h) {
      const Range range{whole_.low * fraction(l), whole_.high * fraction(h)};
      const double current = cost(range);
      if (current >= least) continue;
      least = current;
      best = range;
    }
  }
  return best;
}

Histogram::Moments Histogram::moments() const {
  Moments moments(kBins + 1);
  for (size_t bin = 0; bin < kBins; ++bin) {
    const auto count = static_cast<double>(counts_[bin]);
    const auto& [counts, sums, squares] = moments[bin];
    moments[bin + 1] = {counts + count, sums + count * center(bin), squares + count * center(bin) * center(bin)};
  }
  return moments;
}

double Histogram::squared_error(const Range& range, const Moments& moments) const {
  const double step = (range.high - range.low) / (kLevels - 1);
  const auto bins_below = [&](double number) {
    return static_cast<size_t>(std::clamp(std::ceil((number - whole_.low) / width_ - 0.5), 0.0, double{kBins}));
  };
  const size_t first = bins_below(range.low), last = std::max(bins_below(range.high), first);
  const auto clipped = [&](size_t begin, size_t end, double to) {
    const auto &a = moments[begin], &b = moments[end];
    return (b[2] - a[2]) - 2 * to * (b[1] - a[1]) + to * to * (b[0] - a[0]);
  };
  const double inside = moments[last][0] - moments[first][0];
  return clipped(0, first, range.low) + inside * step * step / 12 + clipped(last, kBins, range.high);
}

// The reference counts what lies outside at the ends of the range, the int8 distribution does not: it is what a level's
// bins have, spread over those of them that have any.
double Histogram::divergence(const Range& range) const {
  const double step = (range.high - range.low) / kLevels;
  std::vector<double> clipped(kBins);
  std::array<double, kLevels> sums{}, used{};
  const auto level = [&](size_t bin) {
    return static_cast<size_t>(std::clamp((center(bin) - range.low) / step, 0.0, kLevels - 1.0));
  };
  size_t first = kBins, last = 0;
  for (size_t bin = 0; bin < kBins; ++bin) {
    if (center(bin) < range.low || center(bin) > range.high) continue;
    first = std::min(first, bin);
    last = bin;
    clipped[bin] = static_cast<double>(counts_[bin]);
    sums[level(bin)] += clipped[bin];
  }
  if (first > last) return std::numeric_limits<double>::infinity();
  for (size_t bin = 0; bin < kBins; ++bin) {
    if (center(bin) < range.low) clipped[first] += static_cast<double>(counts_[bin]);
    if (center(bin) > range.high) clipped[last] += static_cast<double>(counts_[bin]);
  }
  double all = 0, inside = 0;
  for (size_t bin = first; bin <= last; ++bin) {
    used[level(bin)] += clipped[bin] > 0 ? 1 : 0;
    all += clipped[bin];
  }
  for (const double sum : sums) inside += sum;
  double result = 0;
  for (size_t bin = first; bin <= last; ++bin) {
    if (clipped[bin] == 0) continue;
    const double p = clipped[bin] / all, q = sums[level(bin)] / used[level(bin)] / inside;
    result += p * std::log(p / std::max(q, 1e-9));
  }
  return result;
}

ir::Quantization int8_quantization(const Range& range) {
  constexpr double kSteps = kLevels - 1, kLowest = -128, kHighest = 127;
  const double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  const auto scale = static_cast<float>((high - low) / kSteps);
  if (!(scale >= std::numeric_limits<float>::min())) return {{1.0f}, {0}};
  const double zero_point = std::clamp(std::nearbyint(kLowest - low / static_cast<double>(scale)), kLowest, kHighest);
  return {{scale}, {static_cast<int64_t>(zero_point)}};
}

std::string to_text(const Ranges& ranges) {
  std::string text = fmt::format("{}\n", kHeader);
  for (const auto& [name, range] : ranges) text += fmt::format("{} {} {}\n", range.low, range.high, name);
  return text;
}

Ranges parse_ranges(std::string_view text) {
  Ranges ranges;
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != kHeader)
    throw ir::Error(fmt::format("line 1 is '{}'; wanted is '{}'", line, kHeader));
  for (int number = 2; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    Range range;
    std::string name;
    if (!(words >> range.low >> range.high) || words.get() != ' ' || !std::getline(words, name) ||
        !(range.low <= range.high) || !std::isfinite(range.low) || !std::isfinite(range.high))
      throw ir::Error(fmt::format("line {} is '{}'; wanted is 'LOW HIGH NAME' with LOW <= HIGH", number, line));
    if (!ranges.emplace(name, range).second) throw ir::Error(fmt::format("line {} names '{}' again", number, name));
  }
  return ranges;
}

}  // namespace linnet::quantize
