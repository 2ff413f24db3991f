#include "converter/ops/resize_table.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace linnet::ops {

namespace {

constexpr int64_t kMaximumEntries = int64_t{1} << 26;

// A position in the input: the element at or before it, and how far behind that one it is.
struct Coordinate {
  int64_t base;
  double ratio;  // 0 <= ratio < 1
};

Coordinate quotient(int64_t numerator, int64_t denominator) {
  const int64_t remainder = (numerator % denominator + denominator) % denominator;
  return {(numerator - remainder) / denominator, static_cast<double>(remainder) / static_cast<double>(denominator)};
}

template <class Real>
Coordinate split(Real x) {
  const Real base = std::floor(x);
  return {static_cast<int64_t>(base), static_cast<double>(x - base)};
}

// The position that output position `i` samples where the scale is a quotient of sizes.
Coordinate exact_coordinate(const ResizeRule& rule, const ResizeAxis& axis, int64_t i) {
  const int64_t a = axis.numerator, b = axis.denominator, middle = (2 * i + 1) * b;  // of the pixel, times 2 a
  if (rule.coordinates == "asymmetric") return quotient(i * b, a);
  if (rule.coordinates == "tf_half_pixel_for_nn") return quotient(middle, 2 * a);
  if (rule.coordinates == "half_pixel_symmetric")
    return quotient(a * axis.in_size - b * axis.out_size + middle - a, 2 * a);
  return quotient(middle - a, 2 * a);
}

Coordinate rounded_coordinate(const ResizeRule& rule, const ResizeAxis& axis, int64_t i) {
  const auto x = static_cast<float>(i), in = static_cast<float>(axis.in_size), out = static_cast<float>(axis.out_size);
  const float half_pixel = (x + 0.5f) / axis.scale - 0.5f;
  if (rule.coordinates == "asymmetric") return split(x / axis.scale);
  if (rule.coordinates == "tf_half_pixel_for_nn") return split((x + 0.5f) / axis.scale);
  if (rule.coordinates == "half_pixel_symmetric") {
    const float adjustment = out / (axis.scale * in);
    return split(in / 2.0f * (1.0f - adjustment) + half_pixel);
  }
  return split(half_pixel);
}

Coordinate source_coordinate(const ResizeRule& rule, const ResizeAxis& axis, int64_t i) {
  const int64_t steps = axis.out_size - 1;
  if (rule.coordinates == "align_corners")
    return steps == 0 ? Coordinate{0, 0.0} : quotient(i * (axis.in_size - 1), steps);
  if (rule.coordinates == "tf_crop_and_resize") {
    const auto last = static_cast<double>(axis.in_size - 1);
    if (steps == 0) return split(0.5 * (axis.roi_start + axis.roi_end) * last);
    return split(axis.roi_start * last +
                 static_cast<double>(i) * (axis.roi_end - axis.roi_start) * last / static_cast<double>(steps));
  }
  if (rule.coordinates == "pytorch_half_pixel" && steps == 0) return {0, 0.0};
  return axis.denominator != 0 ? exact_coordinate(rule, axis, i) : rounded_coordinate(rule, axis, i);
}

int64_t nearest_position(const ResizeRule& rule, const ResizeAxis& axis, const Coordinate& x) {
  const int64_t ceiling = x.ratio > 0.0 ? x.base + 1 : x.base;
  if (rule.nearest == "floor") return x.base;
  if (rule.nearest == "ceil") return ceiling;
  if (rule.nearest == "simple") return axis.scale < 1.0f ? ceiling : x.base;
  if (x.ratio == 0.5) return rule.nearest == "round_prefer_floor" ? x.base : ceiling;
  return x.ratio < 0.5 ? x.base : ceiling;
}

double triangle(double x) {
  return std::max(1.0 - std::fabs(x), 0.0);
}

// Cubic convolution (Keys 1981) with coefficient a.
double cubic(double x, double a) {
  x = std::fabs(x);
  if (x <= 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a : 0.0;
}

double factor(const ResizeAxis& axis) {
  return axis.denominator != 0 ? static_cast<double>(axis.numerator) / static_cast<double>(axis.denominator)
                               : axis.scale;
}

// Kernel of a mode: its radius, stretched by 1 / scale when shrinking with antialiasing.
struct Kernel {
  double radius, scale;
  int64_t first, taps;  // taps at floor(x) + first ...

  Kernel(const ResizeRule& rule, const ResizeAxis& axis)
      : radius(rule.mode == "cubic" ? 2.0 : 1.0),
        scale(rule.antialias ? std::min(factor(axis), 1.0) : 1.0),
        first(static_cast<int64_t>(std::floor(-radius / scale)) + 1),
        taps(2 - 2 * first) {}
};

// Weights of one output position; positions outside the input repeat its border, or are left out.
void add_taps(const ResizeRule& rule, const ResizeAxis& axis, const Kernel& kernel, const Coordinate& x,
              Resample& table) {
  const size_t begin = table.weights.size();
  double sum = 0.0;
  for (int64_t k = kernel.first; k < kernel.first + kernel.taps; ++k) {
    const double distance = (static_cast<double>(k) - x.ratio) * kernel.scale;
    const bool outside = x.base + k < 0 || x.base + k >= axis.in_size;
    double weight = rule.mode == "cubic" ? cubic(distance, rule.cubic_coefficient) : triangle(distance);
    if (outside && rule.exclude_outside) weight = 0.0;
    sum += weight;
    table.indices.push_back(std::clamp<int64_t>(x.base + k, 0, axis.in_size - 1));
    table.weights.push_back(weight);
  }
  for (size_t t = begin; t < table.weights.size() && sum != 0.0; ++t) table.weights[t] /= sum;
}

}  // namespace

std::string unsupported(const ResizeRule& rule) {
  const auto listed = [](std::string_view value, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), value) != names.end();
  };
  if (!listed(rule.mode, {"nearest", "linear", "cubic"}))
    return fmt::format("mode '{}'; supported are nearest, linear and cubic", rule.mode);
  if (!listed(rule.coordinates, {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                 "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"}))
    return fmt::format(
        "coordinate_transformation_mode '{}'; supported are half_pixel, half_pixel_symmetric, pytorch_half_pixel, "
        "align_corners, asymmetric, tf_half_pixel_for_nn and tf_crop_and_resize",
        rule.coordinates);
  if (!listed(rule.nearest, {"simple", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}))
    return fmt::format("nearest_mode '{}'; supported are round_prefer_floor, round_prefer_ceil, floor and ceil",
                       rule.nearest);
  if (rule.antialias && rule.mode == "nearest") return "antialias with mode nearest; supported are linear and cubic";
  return {};
}

Resample resize_table(const ResizeRule& rule, const ResizeAxis& axis) {
  Resample table;
  const Kernel kernel(rule, axis);
  const bool nearest = rule.mode == "nearest", extrapolates = rule.coordinates == "tf_crop_and_resize";
  table.taps = nearest ? 1 : kernel.taps;
  if (table.taps > kMaximumEntries / axis.out_size)
    throw Error(fmt::format("resizing {} elements to {} takes a table of more than {} entries", axis.in_size,
                            axis.out_size, kMaximumEntries));
  if (extrapolates) table.bias.assign(static_cast<size_t>(axis.out_size), 0.0);
  for (int64_t i = 0; i < axis.out_size; ++i) {
    const Coordinate x = source_coordinate(rule, axis, i);
    const int64_t last = axis.in_size - 1;
    if (extrapolates && (x.base < 0 || x.base > last || (x.base == last && x.ratio > 0.0))) {
      table.bias[static_cast<size_t>(i)] = rule.extrapolation_value;
      table.indices.insert(table.indices.end(), static_cast<size_t>(table.taps), 0);
      table.weights.insert(table.weights.end(), static_cast<size_t>(table.taps), 0.0);
    } else if (nearest) {
      table.indices.push_back(std::clamp<int64_t>(nearest_position(rule, axis, x), 0, last));
      table.weights.push_back(1.0);
    } else {
      add_taps(rule, axis, kernel, x, table);
    }
  }
  return table;
}

}  // namespace linnet::ops
