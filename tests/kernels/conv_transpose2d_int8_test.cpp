// conv_transpose2d_s8 against the definition, in which every input pixel is scattered, byte for byte.
#include "tests/kernels/convolution_support.hpp"
#include "tests/kernels/int8_support.hpp"

namespace linnet::kernels::test {
namespace {

class Problem {
 public:
  Problem(const ConvCase& c, Rounding rounding, uint64_t seed)
      : case_(c),
        random_(seed),
        out_h_(
            output(c.in_h, c.window.kernel_h, c.window.stride_h, c.window.dilation_h, c.window.pad_top + c.pad_bottom)),
        out_w_(
            output(c.in_w, c.window.kernel_w, c.window.stride_w, c.window.dilation_w, c.window.pad_left + c.pad_right)),
        x_stride_(c.groups * c.in_channels + c.x_gap),
        y_stride_(outputs() + c.y_gap) {
    x_ = random_.bytes((static_cast<size_t>(c.batch) * c.in_h * c.in_w - 1) * x_stride_ + c.groups * c.in_channels);
    w_ = random_.bytes(static_cast<size_t>(outputs()) * c.in_channels * taps());
    y_ = random_.bytes((static_cast<size_t>(rows()) * out_w_ - 1) * y_stride_ + outputs());
    const bool large = random_.one_in(8);
    const int32_t bits = large ? 31 : 14 + static_cast<int32_t>(std::log2(c.in_channels * taps())) / 2 + 1;
    for (int32_t n = 0; n < outputs(); ++n) {
      const int32_t limit = large ? INT32_MAX : 1 << bits;
      bias_.push_back(random_.integer(-limit, limit));
      factors_.push_back(random_.factor(rounding, bits));
    }
    zero_point_ = random_.integer(-128, 127);
    requantize_ = random_.requantize(rounding);
    scatter();
    const ConvInt8Weights weights = {
        w_.data(),      c.in_channels * taps(), taps(),           c.window.kernel_w, 1,
        bias_.data(),   factors_.data(),        zero_point_,      c.groups,          c.in_channels,
        c.out_channels, c.window.kernel_h,      c.window.kernel_w};
    packed_.resize(conv_transpose2d_int8_packed_bytes(weights, c.window));
    pack_conv_transpose2d_int8(weights, c.window, packed_.data());
  }

  void check(const KernelTable& kernels) {
    Guarded<int8_t> y(y_), split(y_);
    run(kernels, y, 0, rows());
    ASSERT_TRUE(y.intact());
    for (size_t i = 0; i < y_.size(); ++i) {
      const size_t pixel = i / y_stride_;
      const auto n = static_cast<int32_t>(i % y_stride_);
      const int32_t wanted =
          n < outputs() ? requantized(wrap(sums_[pixel * outputs() + n]), factors_[n], requantize_) : y_[i];
      ASSERT_EQ(y[i], wanted) << "pixel " << pixel << " of lines of " << out_w_ << " channel " << n;
    }
    const int32_t part = random_.integer(1, rows());
    for (int32_t row = 0; row < rows(); row += part) run(kernels, split, row, std::min(rows(), row + part));
    ASSERT_EQ(std::memcmp(split.data(), y.data(), y.size()), 0) << "split every " << part << " rows";
  }

 private:
  static int32_t output(int32_t in, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads) {
    return conv_transpose_output(in, kernel, stride, dilation, pads);
  }
  int32_t taps() const { return case_.window.kernel_h * case_.window.kernel_w; }
  int32_t outputs() const { return case_.groups * case_.out_channels; }
  int32_t rows() const { return case_.batch * out_h_; }

  void scatter() {
    sums_.resize(static_cast<size_t>(rows()) * out_w_ * outputs());
    for (size_t i = 0; i < sums_.size(); ++i) sums_[i] = bias_[i % outputs()];
    const Window& w = case_.window;
    for (int32_t pixel = 0; pixel < case_.batch * case_.in_h * case_.in_w; ++pixel) {
      const int32_t image = pixel / (case_.in_h * case_.in_w), iy = pixel / case_.in_w % case_.in_h;
      for (int32_t tap = 0; tap < taps(); ++tap) {
        const int32_t oy = iy * w.stride_h + tap / w.kernel_w * w.dilation_h - w.pad_top;
        const int32_t ox = pixel % case_.in_w * w.stride_w + tap % w.kernel_w * w.dilation_w - w.pad_left;
        if (oy < 0 || oy >= out_h_ || ox < 0 || ox >= out_w_) continue;
        int64_t* sums = &sums_[((static_cast<size_t>(image) * out_h_ + oy) * out_w_ + ox) * outputs()];
        for (int32_t n = 0; n < outputs(); ++n) sums[n] += product(pixel, n, tap);
      }
    }
  }

  int64_t product(int32_t pixel, int32_t n, int32_t tap) const {
    const int32_t channels = case_.in_channels;
    const int8_t* x = &x_[static_cast<size_t>(pixel) * x_stride_ + n / case_.out_channels * channels];
    int64_t sum = 0;
    for (int32_t c = 0; c < channels; ++c)
      sum += w_[(static_cast<size_t>(n) * channels + c) * taps() + tap] * (x[c] - zero_point_);
    return sum;
  }

  void run(const KernelTable& kernels, Guarded<int8_t>& y, int32_t begin, int32_t end) {
    const Guarded<int8_t> x(x_), packed(packed_, kWeightSlackBytes);
    Scratch scratch(conv_transpose2d_int8_scratch_bytes(case_.window, case_.in_channels, out_w_, traits(kernels.id),
                                                        sizeof(void*)));
    kernels.conv_transpose2d_s8({case_.window, case_.in_h, case_.in_w, out_h_, out_w_, case_.groups, case_.in_channels,
                                 case_.out_channels, begin, end, x.data(), x_stride_, zero_point_, packed.data(),
                                 y.data(), y_stride_, requantize_, scratch.data()});
    EXPECT_TRUE(scratch.intact());
  }

  ConvCase case_;
  Int8Random random_;
  int32_t out_h_, out_w_;
  ptrdiff_t x_stride_, y_stride_;
  std::vector<int8_t> x_, w_, y_, packed_;
  std::vector<int32_t> bias_;
  std::vector<int64_t> sums_;
  std::vector<Factor> factors_;
  int32_t zero_point_ = 0;
  Requantize requantize_{};
};

class ConvTranspose2DInt8 : public KernelTest {
 protected:
  void check(const ConvCase& c, uint64_t seed) {
    const Rounding rounding = seed % 2 == 0 ? Rounding::Float : Rounding::FixedPoint;
    SCOPED_TRACE(::testing::Message() << c << " seed " << seed);
    Problem(c, rounding, seed).check(kernels());
  }
};

TEST_P(ConvTranspose2DInt8, PhasesWithoutTaps) {
  for (const int32_t inputs : {3, 4}) {
    check({4, 5, {2, 1, 3, 4, 1, 1, 0, 0}, -2, -3, inputs, 9}, 1);
    check({5, 6, {3, 3, 2, 4, 2, 2, 1, 2}, 1, 1, inputs, 10}, 2);
  }
}

// Lines longer than the outputs that are computed together.
TEST_P(ConvTranspose2DInt8, LongLines) {
  check({1, 700, {1, 2, 1, 2, 1, 1, 0, 0}, 0, 0, 4, 3}, 1);
  check({1, 700, {1, 3, 1, 2, 1, 1, 0, 0}, 0, 0, 33, 3}, 2);
}

TEST_P(ConvTranspose2DInt8, RandomShapes) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    check(random_case(random, true), seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(ConvTranspose2DInt8);

}  // namespace
}  // namespace linnet::kernels::test
