#include "converter/quantize/constants.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace linnet::quantize {

using namespace ir;

namespace {

constexpr double kLargest = 127;

double clamped(double steps, double limit) {
  return std::clamp(std::nearbyint(steps), -limit, limit);
}

double squared_error(const double* weights, size_t count, double scale) {
  double error = 0;
  for (size_t i = 0; i < count; ++i) {
    const double difference = weights[i] - scale * clamped(weights[i] / scale, kLargest);
    error += difference * difference;
  }
  return error;
}

// Of one output, or of all.
double scale_of(const double* weights, size_t count, WeightScale rule) {
  constexpr int kCandidates = 60;
  constexpr double kFirst = 0.4;
  double largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(weights[i]));
  double best = largest / kLargest;
  if (rule == WeightScale::max || best == 0) return best;
  double least = squared_error(weights, count, best);
  for (int i = 0; i < kCandidates; ++i) {
    const double scale = largest / kLargest * (kFirst + (1 - kFirst) * i / kCandidates);
    const double error = squared_error(weights, count, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

Array quantized_weights(const Array& weights, const WeightOptions& options, const std::vector<double>& smallest) {
  const std::vector<double> numbers = weights.doubles();
  const auto outputs = static_cast<size_t>(weights.shape()[0]);
  const size_t scales = options.per_tensor ? 1 : outputs, count = numbers.size() / scales;
  Quantization quantization{{}, std::vector<int64_t>(scales, 0), 0};
  for (size_t s = 0; s < scales; ++s) {
    const auto first = smallest.begin() + static_cast<int64_t>(s);
    const double least = options.per_tensor ? *std::max_element(smallest.begin(), smallest.end()) : *first;
    const double scale = std::max(scale_of(&numbers[s * count], count, options.scale), least);
    quantization.scales.push_back(static_cast<float>(scale));
  }
  std::vector<int64_t> values(numbers.size());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] =
        static_cast<int64_t>(clamped(numbers[i] / static_cast<double>(quantization.scales[i / count]), kLargest));
  return Array::of_integers(weights.shape(), std::move(values), DType::i8).with_quantization(std::move(quantization));
}

std::vector<double> smallest_scales(const Array& weights, const Array* bias, float x_scale) {
  constexpr double kLargestBias = 1 << 29, kLeast = 1e-12;
  std::vector<double> result(static_cast<size_t>(weights.shape()[0]), kLeast);
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
