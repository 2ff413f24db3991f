// The checks of RowNorm and GroupNorm.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/api/check_support.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

using fb::DataType;

struct RowNormFields {
  int kind = 0;
  int32_t size = 6;
  float epsilon = 1e-5f;
  uint32_t gain_floats = 6, shift_floats = 6;
  int function = 0;
};

void row_norm(ModelBuilder& b, const RowNormFields& f, const std::vector<uint32_t>& tensors) {
  const fb::Activation activation(static_cast<fb::Function>(f.function), 0, 0);
  const uint32_t gain = b.buffer(std::vector<float>(f.gain_floats));
  const uint32_t shift = b.buffer(std::vector<float>(f.shift_floats));
  apply(b,
        fb::CreateRowNorm(b.fbb(), static_cast<fb::NormKind>(f.kind), f.size, f.epsilon, 1 + gain, 1 + shift,
                          &activation),
        tensors);
}

struct GroupNormFields {
  int32_t groups = 2;
  float epsilon = 1e-5f;
  uint32_t floats = 12;
  int function = 0;
};

void group_norm(ModelBuilder& b, const GroupNormFields& f, const Shape& x = {2, 5, 6}, const Shape& y = {2, 5, 6}) {
  const fb::Activation activation(static_cast<fb::Function>(f.function), 0, 0);
  const uint32_t parameters = b.buffer(std::vector<float>(f.floats));
  apply(b, fb::CreateGroupNorm(b.fbb(), f.groups, f.epsilon, parameters, &activation), {b.input(x), b.output(y)});
}

// A convolution that gives moments of its output x to a norm.
struct MomentFields {
  Shape x = {2, 5, 4, 6}, conv_moments = {2, 3, 3, 6}, norm_moments = {2, 3, 3, 6};
  int32_t conv_rows = 2, norm_rows = 2;
  Shape y = x;
};

void moments(ModelBuilder& b, const MomentFields& f) {
  const uint32_t x = b.input(f.x), y = b.tensor(f.x), z = b.output(f.y), parameters = b.buffer(random_floats(12, 2));
  const uint32_t moments = b.tensor(f.conv_moments), seen = b.tensor(f.norm_moments);
  const uint32_t w = b.conv_weights(1, 6, 6, 1, 1);
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, f.conv_rows), {x}, {y, moments});
  b.step(fb::CreateGroupNorm(b.fbb(), 2, 1e-5f, parameters, nullptr, false, f.norm_rows), {y, seen}, {z});
}

const Wrong kWrong[] = {
    {"ConvMomentsRank", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       moments(b, {.conv_moments = {2, 9, 6}});
     },
     0, 3},
    {"ConvMomentsRuns", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       moments(b, {.conv_moments = {2, 2, 3, 6}});
     },
     0, 3},
    {"ConvMomentsChannels", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       moments(b, {.conv_moments = {2, 3, 3, 5}});
     },
     0, 3},
    {"ConvMomentRowsZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { moments(b, {.conv_rows = 0}); }, 0, 3},
    {"ConvMomentRowsBeyondTheImage", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       moments(b, {.conv_moments = {2, 1, 3, 6}, .conv_rows = INT32_MAX});
     },
     0, 3},
    {"GroupNormMomentsBatch", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       moments(b, {.norm_moments = {1, 3, 3, 6}});
     },
     1, 4},
    {"GroupNormMomentsRows", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       moments(b, {.norm_moments = {2, 3, 2, 6}});
     },
     1, 4},
    {"GroupNormMomentRowsNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { moments(b, {.norm_rows = -2}); }, 1, 4},
    {"RowNormType", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {}, {b.input({4, 6}, DataType::Int32), b.output({4, 6})});
     },
     0, 0},
    {"RowNormKind", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       row_norm(b, {3}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormSizeZero", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 0}, {b.input({4, 6}), b.output({4, 6})});
     },
     0, 0},
    {"RowNormSizeNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, -6}, {b.input({4, 6}), b.output({4, 6})});
     },
     0, 0},
    {"RowNormSizeDoesNotDivide", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 5}, {b.input({4, 6}), b.output({4, 6})});
     },
     0, 0},
    {"RowNormSizeBeyondTheTensor", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, INT32_MAX}, {b.input({4, 6}), b.output({4, 6})});
     },
     0, 0},
    {"RowNormOutput", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {}, {b.input({4, 6}), b.output({5, 6})});
     },
     0, 1},
    {"RowNormSlice", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 12, 1e-5f, 12, 12}, {b.tensor({4, 6}, DataType::Float32, 7), b.output({4, 6})});
     },
     0, 0},
    {"RowNormOutputSlice", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 12, 1e-5f, 12, 12}, {b.input({4, 6}), b.tensor({4, 6}, DataType::Float32, 7)});
     },
     0, 1},
    {"RowNormEpsilonNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 6, -1e-5f}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormEpsilonNan", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 6, NAN}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormEpsilonInfinite", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 6, INFINITY}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormGainTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 6, 1e-5f, 5}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormShiftTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       row_norm(b, {0, 6, 1e-5f, 6, 5}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormGainIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateRowNorm(b.fbb(), fb::NormKind::Layer, 6, 1e-5f, 1), {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormShiftIndex", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       apply(b, fb::CreateRowNorm(b.fbb(), fb::NormKind::Layer, 6, 1e-5f, 0, UINT32_MAX),
             {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormGainWithoutPadding", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const uint32_t gain = b.raw_buffer("", 1, 6 * 4 + 63);
       apply(b, fb::CreateRowNorm(b.fbb(), fb::NormKind::Layer, 6, 1e-5f, 1 + gain),
             {b.input({4, 6}), b.output({4, 6})});
     }},
    {"RowNormActivation", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       row_norm(b, {0, 6, 1e-5f, 6, 6, 29}, {b.input({4, 6}), b.output({4, 6})});
     }},
    {"GroupNormRank", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { group_norm(b, {}, {6}, {6}); }, 0, 0},
    {"GroupNormOutputChannels", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       group_norm(b, {}, {2, 5, 6}, {2, 6, 5});
     },
     0, 0},
    {"GroupNormOutputRows", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       group_norm(b, {}, {2, 5, 6}, {3, 5, 6});
     },
     0, 0},
    {"GroupNormGroupsZero", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { group_norm(b, {0}); }, 0, 0},
    {"GroupNormGroupsNegative", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { group_norm(b, {-2}); }, 0, 0},
    {"GroupNormGroupsDoNotDivide", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { group_norm(b, {4}); }, 0, 0},
    {"GroupNormMoreGroupsThanChannels", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { group_norm(b, {12}); }, 0, 0},
    {"GroupNormEpsilonNegative", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       group_norm(b, {2, -1e-5f});
     }},
    {"GroupNormEpsilonNan", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       group_norm(b, {2, NAN});
     }},
    {"GroupNormEpsilonInfinite", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       group_norm(b, {2, INFINITY});
     }},
    {"GroupNormParametersTooShort", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       group_norm(b, {2, 1e-5f, 11});
     }},
    {"GroupNormActivation", LINNET_ERROR_MODEL_CORRUPT,
     [](ModelBuilder& b) {
       group_norm(b, {2, 1e-5f, 12, 29});
     }},
};

class NormChecks : public testing::TestWithParam<Wrong> {};

TEST_P(NormChecks, GetsItsStatus) {
  expect_status(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, NormChecks, testing::ValuesIn(kWrong),
                         [](const testing::TestParamInfo<Wrong>& info) { return std::string(info.param.name); });

// The lines that are normalized at a time are the input's, whatever the output's shape.
TEST(GroupNorm, OutputOfAnotherShape) {
  const auto outputs = [](const Shape& y) {
    ModelBuilder b;
    moments(b, {.y = y});
    const Bytes model = b.finish();
    return run(make_instance(model));
  };
  const std::vector<uint8_t> image = outputs({2, 5, 4, 6});
  EXPECT_NE(image, std::vector<uint8_t>(image.size(), 0));
  for (const Shape& y : {Shape{40, 6}, Shape{2, 20, 6}, Shape{1, 2, 20, 6}, Shape{1, 40, 1, 6}})
    EXPECT_EQ(outputs(y), image) << y.size();
}

}  // namespace
}  // namespace linnet::test
