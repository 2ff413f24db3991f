#include "tests/kernels/convolution_support.hpp"

namespace linnet::kernels::test {
namespace {

class DepthwiseProblem : public ForwardProblem {
 public:
  DepthwiseProblem(const ConvCase& c, uint64_t seed)
      : ForwardProblem(c, seed), packed_(depthwise_packed_floats(weights()), kWeightSlackBytes) {
    pack_depthwise(weights(), packed_.data());
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    Scratch scratch(depthwise_scratch_bytes(case_.window, case_.groups, traits(kernels.id), sizeof(void*)));
    DepthwiseArgs args = arguments<DepthwiseArgs>(out, row_begin, row_end, packed_, scratch.data());
    args.channels = case_.groups;
    kernels.depthwise_f32(args);
    EXPECT_TRUE(scratch.intact());
  }

 private:
  Guarded<float> packed_;
};

class DepthwiseFloat32x8Problem : public ForwardProblem {
 public:
  DepthwiseFloat32x8Problem(const ConvCase& c, uint64_t seed)
      : ForwardProblem(c, seed),
        integers_(&w_, c.groups, seed + 4),
        packed_(depthwise_float32x8_packed_bytes(integers_.of(weights())), kWeightSlackBytes) {
    pack_depthwise_float32x8(integers_.of(weights()), packed_.data());
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    Scratch scratch(depthwise_scratch_bytes(case_.window, case_.groups, traits(kernels.id), sizeof(void*)));
    auto args = arguments<DepthwiseFloat32x8Args>(out, row_begin, row_end, packed_, scratch.data());
    args.channels = case_.groups;
    kernels.depthwise_f32x8(args);
    EXPECT_TRUE(scratch.intact());
  }

 private:
  Float32x8Weights integers_;
  Guarded<int8_t> packed_;
};

// With float and with int8 weights. The groups of a case are the channels.
class Depthwise : public KernelTest {
 protected:
  void check(ConvCase c, uint64_t seed = 1) {
    c.in_channels = c.out_channels = 1;
    SCOPED_TRACE(::testing::Message() << c << " seed " << seed);
    DepthwiseProblem(c, seed).check(kernels());
    SCOPED_TRACE("int8 weights");
    DepthwiseFloat32x8Problem(c, seed).check(kernels());
  }
};

TEST_P(Depthwise, EveryChannelTail) {
  for (int32_t channels = 1; channels <= 41; ++channels) {
    check({4, 12, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 1, 1, channels});
    check({4, 9, {2, 4, 1, 1, 1, 1, 0, 1}, 1, 1, 1, 1, channels});
  }
}

TEST_P(Depthwise, EveryWidthOfTheFastKernels) {
  for (int32_t width = 1; width <= 30; ++width) {
    for (const int32_t kernel : {3, 5, 7}) {
      for (const int32_t stride : {1, 2, 3}) {
        const int32_t pad = kernel / 2;
        check({kernel, width, {kernel, kernel, stride, stride, 1, 1, pad, pad}, pad, pad, 1, 1, 10});
      }
    }
  }
}

// Padding on either side from none to more than the kernel, where the strips give way to the general path.
TEST_P(Depthwise, EveryPadOfTheFastKernels) {
  for (const int32_t kernel : {3, 5, 7}) {
    for (const int32_t stride : {1, 2}) {
      for (int32_t left = 0; left <= kernel; ++left) {
        for (int32_t right = 0; right <= kernel; ++right) {
          check({kernel, 12, {3, kernel, stride, stride, 1, 1, left % 3, left}, right % 3, right, 1, 1, 17});
        }
      }
    }
  }
}

// Several blocks of lines.
TEST_P(Depthwise, ImageLargerThanTheCache) {
  check({70, 40, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 1, 1, 75, 2});
  check({83, 41, {5, 5, 2, 2, 1, 1, 2, 2}, 2, 2, 1, 1, 75, 2});
}

TEST_P(Depthwise, AsymmetricPads) {
  check({6, 9, {3, 3, 2, 2, 1, 1, 0, 0}, 1, 1, 1, 1, 18});
}
TEST_P(Depthwise, Dilation) {
  check({12, 15, {3, 3, 1, 1, 2, 3, 2, 3}, 2, 3, 1, 1, 18});
}
TEST_P(Depthwise, KernelLargerThanImage) {
  check({2, 3, {5, 7, 1, 1, 1, 1, 2, 3}, 2, 3, 1, 1, 17});
}
TEST_P(Depthwise, StrideLargerThanKernel) {
  check({17, 22, {2, 2, 5, 4, 1, 1, 1, 1}, 0, 0, 1, 1, 20});
}
TEST_P(Depthwise, PadsLargerThanKernel) {
  check({3, 4, {3, 3, 1, 1, 1, 1, 5, 6}, 4, 7, 1, 1, 9});
}
TEST_P(Depthwise, OneDimensional) {
  check({1, 40, {1, 5, 1, 1, 1, 1, 0, 2}, 0, 2, 1, 1, 24, 3});
}

TEST_P(Depthwise, EveryActivationAndResidual) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (!is_smooth(static_cast<Function>(f))) continue;
    for (const bool in_place : {false, true}) {
      check({5,
             14,
             {3, 3, 1, 1, 1, 1, 1, 1},
             1,
             1,
             1,
             1,
             21,
             1,
             0,
             1,
             true,
             in_place,
             activation_of(static_cast<Function>(f))});
    }
  }
}

TEST_P(Depthwise, RandomShapes) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Random random(seed);
    ConvCase c = random_case(random, false);
    c.groups = c.out_channels;
    check(c, seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(Depthwise);

}  // namespace
}  // namespace linnet::kernels::test
