#include "tests/kernels/convolution_support.hpp"

namespace linnet::kernels::test {
namespace {

// A transposed convolution's reference.
class TransposedProblem : public ConvProblem {
 public:
  TransposedProblem(const ConvCase& c, uint64_t seed)
      : ConvProblem(c,
                    conv_transpose_output(c.in_h, c.window.kernel_h, c.window.stride_h, c.window.dilation_h,
                                          c.window.pad_top + c.pad_bottom),
                    conv_transpose_output(c.in_w, c.window.kernel_w, c.window.stride_w, c.window.dilation_w,
                                          c.window.pad_left + c.pad_right),
                    seed) {}

 protected:
  Sum reference(int32_t image, int32_t oy, int32_t ox, int32_t channel) const override {
    return sums_[((static_cast<size_t>(image) * out_h_ + oy) * out_w_ + ox) * channels() + channel];
  }

  template <class Args, class Weight, class Kernel>
  void run_with(const KernelTable& kernels, Kernel kernel, Guarded<float>& out, int32_t row_begin, int32_t row_end,
                const Guarded<Weight>& packed) const {
    Scratch scratch(conv_transpose2d_scratch_bytes(case_.window, case_.in_channels, traits(kernels.id), sizeof(void*)));
    Args args = arguments<Args>(out, row_begin, row_end, packed, scratch.data());
    args.groups = case_.groups;
    args.in_channels = case_.in_channels;
    args.out_channels = case_.out_channels;
    kernel(args);
    EXPECT_TRUE(scratch.intact());
  }

  // The definition: every input pixel adds its product with the kernel to the outputs around it.
  void scatter() {
    const Window& w = case_.window;
    sums_.resize(static_cast<size_t>(rows()) * out_w_ * channels());
    for (int32_t image = 0; image < case_.batch; ++image) {
      for (int32_t iy = 0; iy < case_.in_h; ++iy) {
        for (int32_t ix = 0; ix < case_.in_w; ++ix) scatter_pixel(w, image, iy, ix);
      }
    }
  }

 private:
  int32_t channels() const { return case_.groups * case_.out_channels; }

  void scatter_pixel(const Window& w, int32_t image, int32_t iy, int32_t ix) {
    for (int32_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int32_t kx = 0; kx < w.kernel_w; ++kx) {
        const int32_t oy = iy * w.stride_h + ky * w.dilation_h - w.pad_top;
        const int32_t ox = ix * w.stride_w + kx * w.dilation_w - w.pad_left;
        if (oy < 0 || oy >= out_h_ || ox < 0 || ox >= out_w_) continue;
        Sum* sums = &sums_[((static_cast<size_t>(image) * out_h_ + oy) * out_w_ + ox) * channels()];
        for (int32_t channel = 0; channel < channels(); ++channel)
          add_tap(&sums[channel], image, iy, ix, channel, ky, kx);
      }
    }
  }

  std::vector<Sum> sums_;
};

class ConvTranspose2DProblem : public TransposedProblem {
 public:
  ConvTranspose2DProblem(const ConvCase& c, uint64_t seed)
      : TransposedProblem(c, seed), packed_(conv_transpose2d_packed_floats(weights(), c.window), kWeightSlackBytes) {
    pack_conv_transpose2d(weights(), c.window, packed_.data());
    scatter();
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    run_with<ConvTranspose2DArgs>(kernels, kernels.conv_transpose2d_f32, out, row_begin, row_end, packed_);
  }

 private:
  Guarded<float> packed_;
};

class ConvTranspose2DFloat32x8Problem : public TransposedProblem {
 public:
  ConvTranspose2DFloat32x8Problem(const ConvCase& c, uint64_t seed)
      : TransposedProblem(c, seed),
        integers_(&w_, c.groups * c.out_channels, seed + 4),
        packed_(conv_transpose2d_float32x8_packed_bytes(integers_.of(weights()), c.window), kWeightSlackBytes) {
    pack_conv_transpose2d_float32x8(integers_.of(weights()), c.window, packed_.data());
    scatter();
  }

 protected:
  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    run_with<ConvTranspose2DFloat32x8Args>(kernels, kernels.conv_transpose2d_f32x8, out, row_begin, row_end, packed_);
  }

 private:
  Float32x8Weights integers_;
  Guarded<int8_t> packed_;
};

// With float and with int8 weights.
class ConvTranspose2D : public KernelTest {
 protected:
  void check(const ConvCase& c, uint64_t seed = 1) {
    SCOPED_TRACE(::testing::Message() << c << " seed " << seed);
    ConvTranspose2DProblem(c, seed).check(kernels());
    SCOPED_TRACE("int8 weights");
    ConvTranspose2DFloat32x8Problem(c, seed).check(kernels());
  }
};

TEST_P(ConvTranspose2D, CommonShapes) {
  for (const int32_t outputs : {1, 8, 21, 40}) {
    check({4, 7, {2, 2, 2, 2, 1, 1, 0, 0}, 0, 0, 5, outputs});
    check({4, 7, {3, 3, 2, 2, 1, 1, 1, 1}, 0, 0, 5, outputs});
    check({4, 7, {4, 4, 2, 2, 1, 1, 1, 1}, 1, 1, 5, outputs});
    check({4, 7, {3, 3, 1, 1, 1, 1, 1, 1}, 1, 1, 5, outputs});
  }
}

TEST_P(ConvTranspose2D, PhasesWithoutTaps) {
  check({4, 5, {2, 1, 3, 4, 1, 1, 0, 0}, -2, -3, 3, 9});
}
TEST_P(ConvTranspose2D, DilationSharesAFactorWithTheStride) {
  check({5, 6, {3, 3, 2, 4, 2, 2, 1, 2}, 1, 1, 4, 10});
}
TEST_P(ConvTranspose2D, PadsLargerThanKernel) {
  check({9, 11, {2, 2, 2, 2, 1, 1, 5, 4}, 3, 6, 3, 6});
}
TEST_P(ConvTranspose2D, OneDimensional) {
  check({1, 20, {1, 4, 1, 2, 1, 1, 0, 1}, 0, 1, 3, 6});
}
TEST_P(ConvTranspose2D, Groups) {
  check({4, 6, {3, 3, 2, 2, 1, 1, 1, 1}, 0, 0, 2, 9, 3, 2, 1, 2, true, true, {Function::Relu}});
}

TEST_P(ConvTranspose2D, RandomShapes) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    check(random_case(random, true), seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(ConvTranspose2D);

}  // namespace
}  // namespace linnet::kernels::test
