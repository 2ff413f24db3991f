#include "converter/quantize/constants.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace linnet::quantize {

using namespace ir;

namespace {

constexpr int kLargest = 127;

double clamped(double steps, double limit) {
  return std::clamp(std::nearbyint(steps), -limit, limit);
}

double squared_error(const std::vector<double>& weights, double scale) {
  double error = 0;
  for (const double weight : weights) {
    const double difference = weight - scale * clamped(weight / scale, kLargest);
    error += difference * difference;
  }
  return error;
}

// Of one output, or of all.
double scale_of(const std::vector<double>& weights, WeightScale rule) {
  constexpr int kCandidates = 60;
  constexpr double kFirst = 0.4;
  double largest = 0;
  for (const double weight : weights) largest = std::max(largest, std::abs(weight));
  double best = largest / kLargest;
  if (best == 0) return best;
  if (const auto step = common_step(weights.data(), weights.size(), -kLargest, kLargest)) {
    const auto steps = static_cast<int>(std::nearbyint(largest / *step));
    return *step / (kLargest / steps);
  }
  if (rule == WeightScale::max) return best;
  double least = squared_error(weights, best);
  for (int i = 0; i < kCandidates; ++i) {
    const double scale = largest / kLargest * (kFirst + (1 - kFirst) * i / kCandidates);
    const double error = squared_error(weights, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

// Of a weight, what rounding a scale and a product with it to float may have changed.
constexpr double kRounding = 4e-7;

bool are_multiples(const double* weights, size_t count, double step, int least, int most) {
  return std::all_of(weights, weights + count, [&](double weight) {
    const double steps = std::nearbyint(weight / step);
    return steps >= least && steps <= most && std::abs(weight - steps * step) <= kRounding * std::abs(weight);
  });
}

}  // namespace

std::optional<double> common_step(const double* weights, size_t count, int least, int most) {
  double largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(weights[i]));
  for (int steps = 1; largest > 0 && steps <= std::max(-least, most); ++steps)
    if (are_multiples(weights, count, largest / steps, least, most)) return largest / steps;
  return std::nullopt;
}

Array quantized_weights(const Array& weights, std::optional<size_t> outputs, const WeightOptions& options,
                        const std::vector<double>& smallest) {
  const bool several = outputs && !options.per_tensor;
  const Shape& shape = weights.shape();
  const auto scales = several ? static_cast<size_t>(shape[*outputs]) : 1;
  size_t inner = 1;
  for (size_t d = several ? *outputs + 1 : 0; d < shape.size(); ++d) inner *= static_cast<size_t>(shape[d]);
  const auto output_of = [&](size_t i) { return i / inner % scales; };
  std::vector<std::vector<double>> parts(scales);
  for (size_t i = 0; i < weights.size(); ++i) parts[output_of(i)].push_back(weights.number(i));
  Quantization quantization{{}, std::vector<int64_t>(scales, 0), static_cast<int64_t>(outputs.value_or(0))};
  for (size_t s = 0; s < scales; ++s) {
    const double least = several ? smallest[s] : *std::max_element(smallest.begin(), smallest.end());
    const double scale = std::max(scale_of(parts[s], options.scale), least);
    quantization.scales.push_back(static_cast<float>(scale));
  }
  std::vector<int64_t> values(weights.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int64_t>(
        clamped(weights.number(i) / static_cast<double>(quantization.scales[output_of(i)]), kLargest));
  return Array::of_integers(shape, std::move(values), DType::i8).with_quantization(std::move(quantization));
}

std::vector<double> smallest_scales(size_t outputs, const Array* bias, float x_scale) {
  constexpr double kLargestBias = 1 << 29, kLeast = 1e-12;
  std::vector<double> result(outputs, kLeast);
  for (size_t n = 0; bias != nullptr && n < result.size(); ++n)
    result[n] = std::max(result[n], std::abs(bias->number(n)) / static_cast<double>(x_scale) / kLargestBias);
  return result;
}

Array quantized_bias(const Array& bias, float x_scale, const Quantization& weights) {
  Quantization quantization = weights;
  for (float& scale : quantization.scales) scale *= x_scale;
  quantization.axis = 0;
  constexpr double kLimit = std::numeric_limits<int32_t>::max();
  std::vector<int64_t> values(bias.size());
  for (size_t n = 0; n < values.size(); ++n) {
    const double scale =
        static_cast<double>(x_scale) * static_cast<double>(weights.scales[weights.per_tensor() ? 0 : n]);
    values[n] = static_cast<int64_t>(clamped(bias.number(n) / scale, kLimit));
  }
  return Array::of_integers(bias.shape(), std::move(values), DType::i32).with_quantization(std::move(quantization));
}

Array quantized_constant(const Array& numbers, const Quantization& quantization) {
  std::vector<int64_t> values(numbers.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double steps = std::nearbyint(numbers.number(i) / static_cast<double>(quantization.scale())) +
                         static_cast<double>(quantization.zero_point());
    values[i] = static_cast<int64_t>(std::clamp(steps, -128.0, 127.0));
  }
  return Array::of_integers(numbers.shape(), std::move(values), DType::i8).with_quantization(quantization);
}

}  // namespace linnet::quantize
