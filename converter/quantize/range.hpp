// From what a tensor holds on calibration samples to the range that its int8 form covers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "converter/ir/array.hpp"

namespace linnet::quantize {

// Real numbers from `low` to `high`.
struct Range {
  double low = 0, high = 0;
  void add(const Range& other);
  friend bool operator==(const Range&, const Range&) = default;
};

// minmax: all that was seen. percentile: what lies between that percentile and its mirror image, 99.99 and 0.01. mse:
// the range whose 256 numbers differ least from what was seen, in squares. kl: the one whose distribution of 256
// numbers has the smallest Kullback-Leibler divergence from what was seen.
enum class RangeRule : uint8_t { minmax, percentile, mse, kl };
struct RangeMethod {
  RangeRule rule = RangeRule::minmax;
  double percentile = 100;
};
RangeMethod parse_range_method(std::string_view text);  // "minmax", "percentile=99.99", "mse", "kl"; throws ir::Error
std::string to_string(const RangeMethod& method);

// How often numbers fall into bins of equal width from the least to the greatest. Zeros are not counted: every range
// holds 0 exactly.
class Histogram {
 public:
  explicit Histogram(const Range& range);
  void add(float number);
  // Within the histogram's own, widened to hold 0.
  Range range(const RangeMethod& method) const;

 private:
  Range whole_;
  double width_;
  std::vector<uint64_t> counts_;

  double center(size_t bin) const { return whole_.low + (static_cast<double>(bin) + 0.5) * width_; }
  Range percentile(double percentile) const;
  template <class Cost>
  Range least(const Cost& cost) const;
  // Of the bins before each one: counts, and the sums of numbers and of their squares.
  using Moments = std::vector<std::array<double, 3>>;
  Moments moments() const;
  double squared_error(const Range& range, const Moments& moments) const;
  double divergence(const Range& range) const;
};

// int8, asymmetric, with 0 among its numbers: scale (high - low) / 255.
ir::Quantization int8_quantization(const Range& range);

// By tensor.
using Ranges = std::map<std::string, Range>;

// A text file: the line "linnet ranges 1", then one line "LOW HIGH NAME" per tensor. Throws ir::Error, naming the line.
std::string to_text(const Ranges& ranges);
Ranges parse_ranges(std::string_view text);

}  // namespace linnet::quantize
