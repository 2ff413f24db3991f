#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

class SoftmaxTest : public KernelTest {};

void check(const KernelTable& kernels, SoftmaxArgs args, float low, float high) {
  const size_t count = static_cast<size_t>(args.outer) * args.axis * args.inner;
  const Guarded<float> x(Random(41).floats(count, low, high));
  Guarded<float> y(count), in_place(x.values());
  args.x = x.data();
  args.y = y.data();
  kernels.softmax_f32(args);
  ASSERT_TRUE(y.intact());
  args.x = args.y = in_place.data();
  kernels.softmax_f32(args);
  ASSERT_EQ(in_place.values(), y.values());
  for (int32_t o = 0; o < args.outer; ++o) {
    for (int32_t i = 0; i < args.inner; ++i) {
      const auto at = [&](int32_t s) { return (static_cast<size_t>(o) * args.axis + s) * args.inner + i; };
      double maximum = -INFINITY, sum = 0;
      for (int32_t s = 0; s < args.axis; ++s) maximum = std::max(maximum, static_cast<double>(x[at(s)]));
      for (int32_t s = 0; s < args.axis; ++s) sum += std::exp(x[at(s)] - maximum);
      for (int32_t s = 0; s < args.axis; ++s) {
        const double expected = args.log ? x[at(s)] - maximum - std::log(sum) : std::exp(x[at(s)] - maximum) / sum;
        // x - max is rounded before exp: |x - max| 2^-24 relative
        const double relative = 6e-7 + 6e-8 * std::fabs(x[at(s)] - maximum);
        ASSERT_TRUE(is_close(y[at(s)], expected, args.log ? 2e-7 : relative, args.log ? 6e-7 : kSmallestNormal))
            << "axis " << args.axis << " inner " << args.inner << " at " << o << ", " << s << ", " << i;
      }
    }
  }
}

TEST_P(SoftmaxTest, EveryTail) {
  for (bool log : {false, true}) {
    for (int32_t size : sizes_with_tails(GetParam())) {
      check(kernels(), {3, size, 1, nullptr, nullptr, log}, -4, 4);
      check(kernels(), {2, 5, size, nullptr, nullptr, log}, -4, 4);
      check(kernels(), {2, 1, size, nullptr, nullptr, log}, -4, 4);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(SoftmaxTest, LongAxesAndWideRanges) {
  for (bool log : {false, true}) {
    check(kernels(), {2, 20011, 1, nullptr, nullptr, log}, -1, 1);
    check(kernels(), {1, 9001, 3, nullptr, nullptr, log}, -1, 1);
    check(kernels(), {2, 77, 1, nullptr, nullptr, log}, -1e4f, 1e4f);
    check(kernels(), {2, 7, 11, nullptr, nullptr, log}, 80, 200);
    if (HasFatalFailure()) return;
  }
}

TEST_P(SoftmaxTest, NanWhereARowHasNoMaximum) {
  for (bool log : {false, true}) {
    for (int32_t axis : sizes_with_tails(GetParam())) {
      for (int special = 0; special < 3; ++special) {
        for (int32_t at : {0, axis - 1}) {
          // Rows 0 and 2 ordinary, row 1 special; then the same as columns.
          std::vector<float> rows(static_cast<size_t>(3) * axis, 0.25f), columns(rows), y(rows.size());
          for (int32_t s = 0; s < axis; ++s) {
            const float value = special == 0 ? -kInf : s != at ? 0.25f : special == 1 ? kInf : kNan;
            rows[axis + s] = columns[s * 3 + 1] = value;
          }
          kernels().softmax_f32({3, axis, 1, rows.data(), y.data(), log});
          for (int32_t i = 0; i < 3 * axis; ++i)
            ASSERT_EQ(std::isnan(y[i]), i / axis == 1) << "axis " << axis << " case " << special;
          kernels().softmax_f32({1, axis, 3, columns.data(), y.data(), log});
          for (int32_t i = 0; i < 3 * axis; ++i)
            ASSERT_EQ(std::isnan(y[i]), i % 3 == 1) << "axis " << axis << " case " << special;
        }
      }
    }
  }
}

TEST_P(SoftmaxTest, MinusInfinityIsProbabilityZero) {
  const std::vector<float> x = {-kInf, 0.0f, -kInf, 0.0f};
  std::vector<float> y(4);
  kernels().softmax_f32({1, 4, 1, x.data(), y.data(), false});
  EXPECT_EQ(y, (std::vector<float>{0.0f, 0.5f, 0.0f, 0.5f}));
  kernels().softmax_f32({1, 4, 1, x.data(), y.data(), true});
  EXPECT_EQ(y[0], -kInf);
}

LINNET_INSTANTIATE_ISAS(SoftmaxTest);

}  // namespace
}  // namespace linnet::kernels::test
