#include "tests/kernels/convolution_support.hpp"

namespace linnet::kernels::test {
namespace {

class Conv2DProblem : public ForwardProblem {
 public:
  Conv2DProblem(const ConvCase& c, uint64_t seed)
      : ForwardProblem(c, seed), packed_(conv2d_packed_floats(weights()), kWeightSlackBytes) {
    pack_conv2d(weights(), packed_.data());
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    Scratch scratch(conv2d_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id), sizeof(void*)));
    Conv2DArgs args = arguments<Conv2DArgs>(out, row_begin, row_end, packed_, scratch.data());
    args.groups = case_.groups;
    args.in_channels = case_.in_channels;
    args.out_channels = case_.out_channels;
    kernels.conv2d_f32(args);
    EXPECT_TRUE(scratch.intact());
  }

 private:
  Guarded<float> packed_;
};

class Conv2DFloat32x8Problem : public ForwardProblem {
 public:
  Conv2DFloat32x8Problem(const ConvCase& c, uint64_t seed)
      : ForwardProblem(c, seed),
        integers_(&w_, c.groups * c.out_channels, seed + 4),
        packed_(conv2d_float32x8_packed_bytes(integers_.of(weights())), kWeightSlackBytes) {
    pack_conv2d_float32x8(integers_.of(weights()), packed_.data());
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    Scratch scratch(conv2d_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id), sizeof(void*)));
    auto args = arguments<Conv2DFloat32x8Args>(out, row_begin, row_end, packed_, scratch.data());
    args.groups = case_.groups;
    args.in_channels = case_.in_channels;
    args.out_channels = case_.out_channels;
    kernels.conv2d_f32x8(args);
    EXPECT_TRUE(scratch.intact());
  }

 private:
  Float32x8Weights integers_;
  Guarded<int8_t> packed_;
};

// With float and with int8 weights.
class Conv2D : public KernelTest {
 protected:
  void check(const ConvCase& c, uint64_t seed = 1) {
    SCOPED_TRACE(::testing::Message() << c << " seed " << seed);
    Conv2DProblem(c, seed).check(kernels());
    SCOPED_TRACE("int8 weights");
    Conv2DFloat32x8Problem(c, seed).check(kernels());
  }
};

TEST_P(Conv2D, CommonShapes) {
  for (const int32_t channels : {1, 3, 4, 16, 17}) {
    for (const int32_t outputs : {1, 10, 16, 33}) {
      check({7, 13, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, channels, outputs});
      check({8, 14, {3, 3, 2, 2, 1, 1, 1, 1}, 1, 1, channels, outputs});
      check({9, 11, {1, 1, 2, 2, 1, 1, 0, 0}, 0, 0, channels, outputs});
      check({5, 9, {1, 1, 1, 1, 1, 1, 0, 0}, 0, 0, channels, outputs});
    }
  }
}

TEST_P(Conv2D, LargeKernelAndDeepInput) {
  check({20, 31, {7, 7, 2, 2, 1, 1, 3, 3}, 3, 3, 3, 24});
  check({5, 6, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 130, 40});
  check({12, 17, {11, 13, 1, 1, 1, 1, 5, 6}, 5, 6, 2, 9});
}

// First layers: lines of every length around the tiles, all kinds of panels.
TEST_P(Conv2D, FewChannels) {
  const Window windows[] = {{3, 3, 1, 1, 1, 1, 1, 1}, {3, 3, 2, 2, 1, 1, 1, 1}, {7, 7, 2, 2, 1, 1, 3, 3}};
  const int32_t lines[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 31, 32, 33, 47, 64, 77};
  for (const Window& window : windows) {
    for (const int32_t outputs : {1, 8, 9, 16, 17, 24, 25, 32, 33, 41}) {
      for (const int32_t pixels : lines) {
        const int32_t in_w = (pixels - 1) * window.stride_w + 1;
        check({5, in_w, window, window.pad_top, window.pad_left, 3, outputs});
      }
    }
    const ConvCase gaps = {6, 41, window, window.pad_top, window.pad_left, 3, 24, 1, 2, 0, 5};
    check(gaps);
    ConvCase silu = gaps;
    silu.residual = true;
    silu.activation = activation_of(Function::Silu);
    check(silu);
  }
}

TEST_P(Conv2D, PaddedPointwise) {
  check({4, 6, {1, 1, 1, 1, 1, 1, 1, 2}, 3, 1, 5, 18});
}
TEST_P(Conv2D, PaddedPointwiseRightOnly) {
  check({4, 6, {1, 1, 1, 1, 1, 1, 0, 0}, 0, 1, 5, 18});
}
TEST_P(Conv2D, AsymmetricPads) {
  check({6, 7, {3, 4, 2, 1, 1, 1, 0, 3}, 2, 1, 6, 12});
}
TEST_P(Conv2D, Dilation) {
  check({12, 15, {3, 3, 1, 2, 2, 3, 2, 3}, 2, 3, 3, 12});
}
TEST_P(Conv2D, KernelLargerThanImage) {
  check({2, 3, {5, 7, 1, 1, 1, 1, 2, 3}, 2, 3, 4, 17});
}
TEST_P(Conv2D, StrideLargerThanKernel) {
  check({17, 22, {2, 2, 5, 4, 1, 1, 1, 1}, 0, 0, 3, 20});
}
TEST_P(Conv2D, OneDimensional) {
  check({1, 40, {1, 5, 1, 2, 1, 1, 0, 2}, 0, 2, 8, 24});
}
TEST_P(Conv2D, PadsLargerThanKernel) {
  check({3, 4, {2, 2, 1, 1, 1, 1, 4, 5}, 4, 3, 2, 7});
}

TEST_P(Conv2D, Groups) {
  for (const int32_t outputs : {1, 8, 9, 20}) check({6, 8, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 5, outputs, 3, 2, 2, 3});
}

TEST_P(Conv2D, EveryActivationAndResidual) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (!is_smooth(static_cast<Function>(f))) continue;
    for (const bool in_place : {false, true}) {
      check({5,
             7,
             {3, 3, 1, 1, 1, 1, 1, 1},
             1,
             1,
             3,
             21,
             1,
             1,
             0,
             1,
             true,
             in_place,
             activation_of(static_cast<Function>(f))});
    }
  }
}

TEST_P(Conv2D, RandomShapes) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Random random(seed);
    check(random_case(random, false), seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(Conv2D);

}  // namespace
}  // namespace linnet::kernels::test
