// The errors of direct and Winograd convolution on normally distributed inputs and He weights: what README.md states.
#include <cstdio>

#include "kernels/pack.hpp"
#include "tests/kernels/support.hpp"

namespace linnet::kernels::test {
namespace {

constexpr int32_t kSize = 12, kOutputs = 16;  // whole tiles of every kind

// By Box and Muller.
std::vector<float> normal(Random& random, size_t count, double deviation) {
  std::vector<float> values(count);
  for (float& value : values) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform(0, 1)));
    value = static_cast<float>(deviation * radius * std::cos(2 * M_PI * random.uniform(0, 1)));
  }
  return values;
}

struct Errors {
  double largest, mean;  // of the outputs, relative to the largest and to the root mean square output
};

class Layer {
 public:
  explicit Layer(int32_t channels)
      : channels_(channels),
        random_(static_cast<uint64_t>(channels)),
        x_(normal(random_, static_cast<size_t>(kSize) * kSize * channels, 1)),
        w_(normal(random_, static_cast<size_t>(kOutputs) * channels * 9, std::sqrt(2.0 / (9 * channels)))),
        wanted_(static_cast<size_t>(kSize) * kSize * kOutputs) {
    for (int32_t pixel = 0; pixel < kSize * kSize; ++pixel) {
      for (int32_t output = 0; output < kOutputs; ++output) wanted_[index(pixel, output)] = sum(pixel, output);
    }
  }

  Errors direct(const KernelTable& kernels) const {
    Guarded<float> packed(conv2d_packed_floats(weights()), kWeightSlackBytes);
    pack_conv2d(weights(), packed.data());
    Conv2DArgs args{};
    args.groups = 1;
    args.row_end = kSize;
    return errors(args, packed, conv2d_scratch_bytes(kWindow, channels_, traits(kernels.id), sizeof(void*)),
                  kernels.conv2d_f32);
  }

  Errors winograd(const KernelTable& kernels, int32_t tile) const {
    const int32_t rows = winograd2d_rows(tile, channels_), lines = kSize / tile;
    std::vector<float> matrix(static_cast<size_t>(rows) * kOutputs);
    winograd2d_matrix(weights(), tile, matrix.data());
    Guarded<float> packed(panel_floats(kOutputs, rows), kWeightSlackBytes);
    pack_gemm(matrix.data(), kOutputs, 1, nullptr, kOutputs, rows, packed.data());
    WinogradArgs args{};
    args.tile = tile;
    args.row_end = lines;
    args.column_end = kOutputs;
    return errors(args, packed, winograd2d_scratch_bytes(tile, channels_, lines * lines, traits(kernels.id)),
                  kernels.winograd2d_f32);
  }

 private:
  static constexpr Window kWindow = {3, 3, 1, 1, 1, 1, 1, 1};

  static size_t index(int32_t pixel, int32_t output) { return static_cast<size_t>(pixel) * kOutputs + output; }

  ConvWeights weights() const {
    return {w_.data(), ptrdiff_t{9} * channels_, 9, 3, 1, nullptr, 1, channels_, kOutputs, 3, 3};
  }

  double sum(int32_t pixel, int32_t output) const {
    double result = 0;
    for (int32_t tap = 0; tap < 9; ++tap) {
      const int32_t y = pixel / kSize + tap / 3 - 1, x = pixel % kSize + tap % 3 - 1;
      if (y < 0 || y >= kSize || x < 0 || x >= kSize) continue;
      for (int32_t c = 0; c < channels_; ++c) {
        result += static_cast<double>(x_[static_cast<size_t>(y * kSize + x) * channels_ + c]) *
                  w_[(static_cast<size_t>(output) * channels_ + c) * 9 + tap];
      }
    }
    return result;
  }

  template <class Args, class Kernel>
  Errors errors(Args args, const Guarded<float>& packed, int64_t scratch_bytes, Kernel kernel) const {
    Guarded<float> y(wanted_.size());
    Scratch scratch(scratch_bytes);
    args.window = kWindow;
    args.in_h = args.in_w = args.out_h = args.out_w = kSize;
    args.in_channels = channels_;
    args.out_channels = kOutputs;
    args.x = x_.data();
    args.x_stride = channels_;
    args.packed = packed.data();
    args.y = y.data();
    args.y_stride = kOutputs;
    args.scratch = scratch.data();
    kernel(args);
    double largest = 0, squares = 0, largest_error = 0, squared_errors = 0;
    for (size_t i = 0; i < wanted_.size(); ++i) {
      const double error = std::fabs(y[i] - wanted_[i]);
      largest = std::fmax(largest, std::fabs(wanted_[i]));
      largest_error = std::fmax(largest_error, error);
      squares += wanted_[i] * wanted_[i];
      squared_errors += error * error;
    }
    return {largest_error / largest, std::sqrt(squared_errors / squares)};
  }

  int32_t channels_;
  Random random_;
  std::vector<float> x_, w_;
  std::vector<double> wanted_;
};

class WinogradErrors : public KernelTest {};

TEST_P(WinogradErrors, AreThoseOfTheReadme) {
  std::printf("%s: root mean square error (largest error) in units of 1e-7, relative to the outputs\n", isa().name);
  std::printf("| channels | direct | F(2x2) | F(4x4) | F(6x6) |\n|---|---|---|---|---|\n");
  for (const int32_t channels : {64, 128, 256, 512}) {
    const Layer layer(channels);
    const Errors direct = layer.direct(kernels());
    std::printf("| %d | %.1f (%.1f) |", channels, direct.mean * 1e7, direct.largest * 1e7);
    for (const int32_t tile : {2, 4, 6}) {
      const Errors errors = layer.winograd(kernels(), tile);
      std::printf(" %.1f (%.1f) |", errors.mean * 1e7, errors.largest * 1e7);
      const double allowed = tile == 2 ? 1 : tile == 4 ? 2.5 : 10;
      EXPECT_LT(errors.mean, allowed * direct.mean) << "F(" << tile << ") " << channels;
    }
    std::printf("\n");
  }
}

LINNET_INSTANTIATE_ISAS(WinogradErrors);

}  // namespace
}  // namespace linnet::kernels::test
