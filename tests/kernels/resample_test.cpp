#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

class ResampleTest : public KernelTest {};

TEST_P(ResampleTest, EveryTailAndNumberOfTaps) {
  constexpr int32_t kOuter = 2, kInSize = 6, kOutSize = 9;
  for (int32_t inner : sizes_with_tails(GetParam())) {
    for (int32_t taps : {1, 2, 4, 7}) {
      Random random(61);
      const Guarded<float> x(random.floats(static_cast<size_t>(kOuter) * kInSize * inner));
      const Guarded<float> weights(random.floats(static_cast<size_t>(kOutSize) * taps)), bias(random.floats(kOutSize));
      std::vector<int32_t> indices(static_cast<size_t>(kOutSize) * taps);
      for (int32_t& index : indices) index = random.integer(0, kInSize - 1);
      Guarded<float> y(static_cast<size_t>(kOuter) * kOutSize * inner);
      kernels().resample_f32(
          {kOuter, kInSize, kOutSize, inner, taps, x.data(), indices.data(), weights.data(), bias.data(), y.data()});
      ASSERT_TRUE(y.intact());
      for (int32_t o = 0; o < kOuter; ++o) {
        for (int32_t i = 0; i < kOutSize; ++i) {
          for (int32_t c = 0; c < inner; ++c) {
            Sum sum;
            sum.add(bias[i]);
            for (int32_t t = 0; t < taps; ++t) {
              const size_t tap = static_cast<size_t>(i) * taps + t;
              sum.add(static_cast<double>(weights[tap]) *
                      x[(static_cast<size_t>(o) * kInSize + indices[tap]) * inner + c]);
            }
            ASSERT_TRUE(matches(y[(static_cast<size_t>(o) * kOutSize + i) * inner + c], sum))
                << "inner " << inner << " taps " << taps << " at " << o << ", " << i << ", " << c;
          }
        }
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(ResampleTest);

}  // namespace
}  // namespace linnet::kernels::test
