// The checks of cascades and rolling tensors.
#include <gtest/gtest.h>

#include "tests/api/check_support.hpp"

namespace linnet::test {
namespace {

void pointwise(ModelBuilder& b, uint32_t x, uint32_t y, int32_t channels = 4) {
  b.step(fb::CreateConv2D(b.fbb(), b.conv_weights(1, channels, channels, 1, 1)), {x}, {y});
}

// Two steps, tensors 0 (input), 1 (rolling) and 2 (output).
void pair(ModelBuilder& b, const Shape& shape = {1, 6, 5, 4}) {
  const uint32_t x = b.input(shape), middle = b.rolling(shape, 2), y = b.output(shape);
  pointwise(b, x, middle, shape[3]);
  pointwise(b, middle, y, shape[3]);
}

const Wrong kWrong[] = {
    {"NoSteps", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(0, 0, 2); }, -1},
    {"StepsBeyondTheLast", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(0, 3, 2); }, -1},
    {"TooManySteps", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(0, 17, 2); }, -1},
    {"StepsEnormous", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(2, UINT32_MAX, 2); }, -1},
    {"FirstStepEnormous", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(UINT32_MAX, 2, 2); }, -1},
    {"NoLines", LINNET_ERROR_SHAPE, [](ModelBuilder& b) { pair(b), b.cascade(0, 2, 0); }, -1},
    {"Twice", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(0, 2, 2), b.cascade(1, 1, 2); }, -1},
    {"StripeOfMoreLinesThanKept", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(0, 2, 3); }, 0, 1},
    {"RollingWithoutCascade", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b); }, 0, 1},
    {"OnlyTheReader", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(1, 1, 2); }, 1, 1},
    {"OnlyTheWriter", LINNET_ERROR_RANGE, [](ModelBuilder& b) { pair(b), b.cascade(0, 1, 2); }, 0},
    {"Batch", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       pair(b, {2, 6, 5, 4});
       b.cascade(0, 2, 2);
     },
     0, 0},
    {"ManyLines", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       pair(b, {1, 65537, 1, 4});
       b.cascade(0, 2, 2);
     },
     0, 0},
    {"NegativeLines", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       pair(b);
       b.rolling({1, 2, 2, 2}, -1);
     },
     -1, 3},
    {"MoreLinesThanTheImage", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       pair(b);
       b.rolling({1, 2, 2, 2}, 3);
     },
     -1, 3},
    {"RollingMatrix", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       pair(b);
       b.rolling({6, 5, 4}, 2);
     },
     -1, 3},
    {"RollingInput", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       b.mark_input(b.rolling({1, 6, 5, 4}, 2));
     },
     -1, 0},
    {"OtherOperator", LINNET_ERROR_OPERATOR,
     [](ModelBuilder& b) {
       const Shape shape = {1, 6, 5, 4};
       const uint32_t x = b.input(shape), middle = b.rolling(shape, 2), y = b.output(shape);
       pointwise(b, x, middle);
       b.step(fb::CreateUnary(b.fbb()), {middle}, {y});
       b.cascade(0, 2, 2);
     },
     1},
    {"Moments", LINNET_ERROR_SHAPE,
     [](ModelBuilder& b) {
       const uint32_t x = b.input({1, 6, 5, 4}), y = b.output({1, 6, 5, 4}), moments = b.output({1, 3, 3, 4});
       b.step(fb::CreateConv2D(b.fbb(), b.conv_weights(1, 4, 4, 1, 1), 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 2), {x},
              {y, moments});
       b.cascade(0, 1, 2);
     },
     0},
    {"ReadBeforeWritten", LINNET_ERROR_RANGE,
     [](ModelBuilder& b) {
       const Shape shape = {1, 6, 5, 4};
       const uint32_t x = b.input(shape), middle = b.rolling(shape, 2), y = b.output(shape);
       pointwise(b, middle, y);
       pointwise(b, x, middle);
       b.cascade(0, 2, 2);
     },
     0, 1},
};

// As many cascades as there are bytes for would take time without end to check.
TEST(CascadeChecks, TurnsOfAllCascades) {
  const int32_t lines = 1 << 14;  // 2^15 turns of each pair
  for (const int pairs : {8, 9}) {
    ModelBuilder b;
    const uint32_t x = b.input({1, lines, 1, 4}), middle = b.rolling({1, lines, 1, 4}, 1),
                   y = b.output({1, lines, 1, 4});
    for (int i = 0; i < pairs; ++i) {
      pointwise(b, x, middle);
      pointwise(b, middle, y);
      b.cascade(static_cast<uint32_t>(2 * i), 2, 1);
    }
    expect_status(b.finish(), pairs == 8 ? LINNET_OK : LINNET_ERROR_RANGE, pairs == 8 ? -1 : 17, -1);
  }
}

class CascadeChecks : public testing::TestWithParam<Wrong> {};
TEST_P(CascadeChecks, GetsItsStatus) {
  expect_status(GetParam());
}
INSTANTIATE_TEST_SUITE_P(Each, CascadeChecks, testing::ValuesIn(kWrong),
                         [](const auto& info) { return info.param.name; });

TEST(CascadeChecks, ThePairItselfIsRight) {
  ModelBuilder b;
  pair(b);
  b.cascade(0, 2, 2);
  expect_status(b.finish(), LINNET_OK, -1, -1);
}

}  // namespace
}  // namespace linnet::test
