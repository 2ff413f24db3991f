#include "tests/kernels/convolution_support.hpp"

namespace linnet::kernels::test {
namespace {

constexpr int32_t kTiles[] = {2, 4, 6};

// How much larger the error of F(tile x tile, 3x3) may be than a direct convolution's tolerance, relative to the
// largest sum of absolute products in the tile: the errors of its transformed inputs and products are shared by all
// outputs.
double amplification(int32_t tile) {
  return tile == 2 ? 1 : tile == 4 ? 4 : 16;
}

class WinogradProblem : public ForwardProblem {
 public:
  WinogradProblem(const ConvCase& c, int32_t tile, uint64_t seed)
      : ForwardProblem(c, seed),
        tile_(tile),
        packed_(panel_floats(c.out_channels, winograd2d_rows(tile, c.in_channels)), kWeightSlackBytes) {
    const int32_t rows = winograd2d_rows(tile, c.in_channels);
    std::vector<float> matrix(static_cast<size_t>(rows) * c.out_channels);
    winograd2d_matrix(weights(), tile, matrix.data());
    pack_gemm(matrix.data(), c.out_channels, 1, weights().bias, c.out_channels, rows, packed_.data());
    measure_magnitudes();
  }

 protected:
  int32_t unit() const override { return tile_; }

  double tolerance_scale(double, int32_t image, int32_t oy, int32_t ox, int32_t channel) const override {
    return amplification(tile_) * magnitudes_[position(image, oy, ox, channel)];
  }

  void run(const KernelTable& kernels, Guarded<float>& out, int32_t row_begin, int32_t row_end) override {
    const int32_t columns = (out_w_ + tile_ - 1) / tile_, lines = (out_h_ + tile_ - 1) / tile_;
    Scratch scratch(
        winograd2d_scratch_bytes(tile_, case_.in_channels, int64_t{case_.batch} * lines * columns, traits(kernels.id)));
    auto args = arguments<WinogradArgs>(out, row_begin, row_end, packed_, scratch.data());
    args.tile = tile_;
    args.in_channels = case_.in_channels;
    args.out_channels = case_.out_channels;
    // In parts of two panels where the rows are split, so that every division of the work is compared.
    const int32_t part = row_end - row_begin < lines * case_.batch ? 2 * kPanel : case_.out_channels;
    for (int32_t column = 0; column < case_.out_channels; column += part) {
      args.column_begin = column;
      args.column_end = std::min(column + part, case_.out_channels);
      kernels.winograd2d_f32(args);
    }
    EXPECT_TRUE(scratch.intact());
  }

 private:
  // Of a tile.
  size_t position(int32_t image, int32_t oy, int32_t ox, int32_t channel) const {
    const int32_t lines = (out_h_ - 1) / tile_ + 1, columns = (out_w_ - 1) / tile_ + 1;
    return ((static_cast<size_t>(image) * lines + oy / tile_) * columns + ox / tile_) * case_.out_channels + channel;
  }

  void measure_magnitudes() {
    magnitudes_.resize(position(case_.batch - 1, out_h_ - 1, out_w_ - 1, case_.out_channels - 1) + 1);
    for (int32_t row = 0; row < case_.batch * out_h_; ++row) {
      for (int32_t ox = 0; ox < out_w_; ++ox) {
        for (int32_t channel = 0; channel < case_.out_channels; ++channel) {
          double& magnitude = magnitudes_[position(row / out_h_, row % out_h_, ox, channel)];
          Sum sum = reference(row / out_h_, row % out_h_, ox, channel);
          sum.add(bias_[channel]);
          magnitude = std::fmax(magnitude, sum.magnitude);
        }
      }
    }
  }

  int32_t tile_;
  std::vector<double> magnitudes_;
  Guarded<float> packed_;
};

class Winograd2D : public KernelTest {
 protected:
  void check(ConvCase c, uint64_t seed = 1) {
    for (const int32_t tile : kTiles) {
      SCOPED_TRACE(::testing::Message() << c << " tile " << tile << " seed " << seed);
      WinogradProblem(c, tile, seed).check(kernels());
    }
  }
};

constexpr Window padded(int32_t top, int32_t left) {
  return {3, 3, 1, 1, 1, 1, top, left};
}

TEST_P(Winograd2D, EveryChannelTail) {
  for (const int32_t channels : {1, 3, 4, 7, 8, 15, 16, 17, 33}) check({9, 10, padded(1, 1), 1, 1, channels, 8});
  for (const int32_t outputs : {1, 5, 8, 9, 15, 16, 17, 24, 25, 32, 33, 41, 48, 57})
    check({9, 10, padded(1, 1), 1, 1, 5, outputs});
}

TEST_P(Winograd2D, EverySize) {
  for (int32_t height = 1; height <= 14; ++height)
    for (const int32_t width : {1, 2, 5, 6, 7, 11, 12, 13}) check({height, width, padded(1, 1), 1, 1, 3, 10});
}

TEST_P(Winograd2D, Pads) {
  for (const int32_t top : {0, 1, 2}) {
    for (const int32_t left : {0, 1, 2}) {
      for (const int32_t bottom : {0, 1, 2}) check({6, 7, padded(top, left), bottom, 2 - left, 4, 9});
    }
  }
  check({3, 4, padded(4, 5), 6, 3, 2, 7});
}

TEST_P(Winograd2D, SeveralBlocks) {
  check({45, 47, padded(1, 1), 1, 1, 20, 40});
  check({14, 14, padded(1, 1), 1, 1, 300, 24});
}

TEST_P(Winograd2D, EveryActivationAndResidual) {
  for (int f = 0; f < kFunctionCount; ++f) {
    if (!is_smooth(static_cast<Function>(f))) continue;
    for (const bool in_place : {false, true})
      check({5, 7, padded(1, 1), 1, 1, 3, 21, 1, 2, 0, 1, true, in_place, activation_of(static_cast<Function>(f))});
  }
}

TEST_P(Winograd2D, RandomShapes) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    ConvCase c = random_case(random, false);
    c.in_h += 2;
    c.in_w += 2;
    c.window.kernel_h = c.window.kernel_w = 3;
    c.window.stride_h = c.window.stride_w = c.window.dilation_h = c.window.dilation_w = 1;
    c.groups = 1;
    check(c, seed);
    if (HasFatalFailure()) return;
  }
}

LINNET_INSTANTIATE_ISAS(Winograd2D);

}  // namespace
}  // namespace linnet::kernels::test
