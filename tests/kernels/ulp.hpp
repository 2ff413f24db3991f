// Special values and errors in units of the last place.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/isa.hpp"

namespace linnet::kernels::test {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kSmallestNormal = std::numeric_limits<float>::min();
constexpr float kLargest = std::numeric_limits<float>::max();

// armv7 NEON reads denormals as zero and writes zero for them.
inline bool flushes_denormals(IsaId id) {
  return id == IsaId::neon32;
}

// Every tail of a vector and of two, then sizes beyond the blocks of the kernels.
inline std::vector<int32_t> sizes_with_tails(IsaId id) {
  std::vector<int32_t> sizes;
  for (int32_t n = 1; n <= 2 * traits(id).width + 1; ++n) sizes.push_back(n);
  for (int32_t n : {67, 128, 131, 300}) sizes.push_back(n);
  return sizes;
}

// |got - expected| in units of the last place of a float of expected's magnitude: 0 where both are NaN or the same
// infinity, infinite where only one is. Next to the largest float, rounding up to infinity counts as one unit.
inline double ulp_error(float got, double expected) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) == std::isnan(got) ? 0.0 : INFINITY;
  const float rounded = static_cast<float>(expected);
  if (std::isinf(got) || std::isinf(rounded)) {
    if (got == rounded) return 0.0;
    const bool at_the_border =
        std::min(std::fabs(static_cast<double>(got)), std::fabs(expected)) > kLargest * (1 - 2e-7);
    return at_the_border && (got > 0) == (expected > 0) ? 1.0 : INFINITY;
  }
  const int exponent = expected == 0 ? -126 : std::max(std::ilogb(expected), -126);
  return std::fabs(got - expected) / std::ldexp(1.0, exponent - 23);
}

// |got - expected| <= relative * |expected| + absolute; NaN and infinities as themselves.
inline ::testing::AssertionResult is_close(float got, double expected, double relative, double absolute = 0) {
  if (std::isnan(expected) && std::isnan(got)) return ::testing::AssertionSuccess();
  if (got == static_cast<float>(expected)) return ::testing::AssertionSuccess();
  if (std::fabs(got - expected) <= relative * std::fabs(expected) + absolute) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "got " << got << ", expected " << expected;
}

}  // namespace linnet::kernels::test
