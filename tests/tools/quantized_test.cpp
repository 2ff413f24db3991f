#include "targets/desktop/lib/quantized.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::tools {
namespace {

linnet_tensor_view view_of(linnet_type type, float scale, int zero_point) {
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  view.type = type;
  view.scale = scale;
  view.zero_point = zero_point;
  return view;
}

std::vector<double> numbers(const std::vector<unsigned char>& elements, linnet_type type) {
  std::vector<double> result;
  for (size_t i = 0; i < elements.size(); i += type_bytes(type)) result.push_back(element_number(&elements[i], type));
  return result;
}

TEST(Quantized, HalvesAreRoundedAwayFromZeroAndTheRangeSaturates) {
  const std::vector<float> values = {0, 0.25f, 0.75f, 1.25f, -0.25f, -0.75f, 0.2f, -0.2f};
  EXPECT_EQ(numbers(quantized(values, view_of(LINNET_INT8, 0.5f, 0), "x"), LINNET_INT8),
            (std::vector<double>{0, 1, 2, 3, -1, -2, 0, 0}));
  EXPECT_EQ(numbers(quantized(values, view_of(LINNET_UINT8, 0.5f, 128), "x"), LINNET_UINT8),
            (std::vector<double>{128, 129, 130, 131, 127, 126, 128, 128}));
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> far = {1e30f, -1e30f, infinity, -infinity};
  struct Limits {
    linnet_type type;
    double low, high;
  };
  for (const Limits& limits :
       {Limits{LINNET_INT8, -128, 127}, Limits{LINNET_UINT8, 0, 255}, Limits{LINNET_INT16, -32768, 32767},
        Limits{LINNET_INT32, -2147483648.0, 2147483647.0}}) {
    EXPECT_EQ(numbers(quantized(far, view_of(limits.type, 1e-4f, 7), "x"), limits.type),
              (std::vector<double>{limits.high, limits.low, limits.high, limits.low}));
  }
  EXPECT_THROW(quantized({std::nanf("")}, view_of(LINNET_INT8, 1, 0), "x"), ToolError);
}

TEST(Quantized, EveryIntegerComesBack) {
  for (const auto& [scale, zero_point] :
       {std::pair(0.58470291f, 83), std::pair(1.0f / 256, -128), std::pair(1e-7f, 0)}) {
    std::vector<unsigned char> integers;
    for (int i = 0; i < 256; ++i) integers.push_back(static_cast<unsigned char>(i));
    const std::vector<unsigned char> real = dequantized(integers, LINNET_INT8, scale, zero_point);
    std::vector<float> values(256);
    std::memcpy(values.data(), real.data(), real.size());
    for (size_t i = 0; i < 256; ++i) {
      const double exact = static_cast<double>(scale) * (static_cast<signed char>(i) - zero_point);
      EXPECT_EQ(values[i], static_cast<float>(exact)) << i;
    }
    EXPECT_EQ(quantized(values, view_of(LINNET_INT8, scale, zero_point), "x"), integers);
  }
}

TEST(Quantized, NeedsIntegersWithAScale) {
  EXPECT_TRUE(is_quantized(LINNET_INT8, 0.1f));
  EXPECT_TRUE(is_quantized(LINNET_INT16, 1e-30f));
  EXPECT_FALSE(is_quantized(LINNET_FLOAT32, 0.1f));
  EXPECT_FALSE(is_quantized(LINNET_BOOL, 0.1f));
  for (const float scale : {0.0f, -1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    EXPECT_FALSE(is_quantized(LINNET_INT8, scale)) << scale;
  }
}

}  // namespace
}  // namespace linnet::tools
