// int8 convolutions; `peak` is relative to the ceiling of int8 products.
#include <cstring>

#include "kernels/pack_int8.hpp"
#include "tests/bench/image_case.hpp"
#include "tests/bench/micro.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

struct Int8Case {
  ImageCase image;
  Rounding rounding;
  std::string name() const { return image.name() + (rounding == Rounding::Float ? "_float" : "_fixed"); }
};

template <class Args>
Args int8_arguments(const Int8Case& c) {
  Args args = image_arguments<Args>(c.image);
  args.input_zero_point = 3;
  args.epilogue.requantize = {c.rounding, -5, -128, 127};
  return args;
}

using Int8Memory = ImageMemory<Aligned<int8_t>>;

// Factors of a panel's outputs as quantizers give them; biases and weights stay 0.
void fill_factors(int8_t* packed, int outputs, int k, Rounding rounding) {
  const float factor = 1.0f / 128;
  int32_t bits = 0;
  std::memcpy(&bits, &factor, sizeof(bits));
  const Factor filling = rounding == Rounding::Float ? Factor{bits, 0} : Factor{1 << 30, -6};
  for (int first = 0, width; first < outputs; first += width) {
    width = outputs - first > kTailPanel ? kPanel : kTailPanel;
    int32_t* const header = reinterpret_cast<int32_t*>(packed + panel_int8_bytes(first, k));
    std::fill_n(header + 2 * width, width, filling.multiplier);
    std::fill_n(header + 3 * width, width, filling.shift);
  }
}

void conv(benchmark::State& state, const KernelTable& kernels, const Int8Case& int8) {
  const ImageCase& c = int8.image;
  auto args = int8_arguments<Conv2DInt8Args>(int8);
  args.groups = 1;
  args.in_channels = c.in_channels;
  args.out_channels = c.out_channels;
  const int k = c.kernel * c.kernel * c.in_channels;
  Int8Memory memory(
      &args, panel_int8_bytes(c.out_channels, k),
      conv2d_int8_scratch_bytes(args.window, c.in_channels, c.out, c.out, traits(kernels.id), sizeof(void*)));
  fill_factors(memory.packed.data(), c.out_channels, k, int8.rounding);
  measure_multiply_adds(
      state, kernels, static_cast<double>(c.out) * c.out * c.out_channels * k, [&] { kernels.conv2d_s8(args); },
      tools::PeakType::int8);
}

void depthwise(benchmark::State& state, const KernelTable& kernels, const Int8Case& int8) {
  const ImageCase& c = int8.image;
  auto args = int8_arguments<DepthwiseInt8Args>(int8);
  args.channels = c.in_channels;
  const int taps = c.kernel * c.kernel;
  Int8Memory memory(&args, panel_int8_bytes(c.in_channels, taps),
                    depthwise_int8_scratch_bytes(args.window, c.in_channels, sizeof(void*)));
  fill_factors(memory.packed.data(), c.in_channels, taps, int8.rounding);
  measure_multiply_adds(
      state, kernels, static_cast<double>(c.out) * c.out * c.in_channels * taps, [&] { kernels.depthwise_s8(args); },
      tools::PeakType::int8);
}

}  // namespace

void add_int8(const KernelTable& kernels) {
  for (const Rounding rounding : {Rounding::FixedPoint, Rounding::Float}) {
    const std::vector<Int8Case> direct = {
        {{112, 3, 64, 7, 2}, rounding},    {{112, 3, 32, 3, 2}, rounding},  // first layers
        {{56, 64, 64, 3, 1}, rounding},    {{28, 128, 128, 3, 1}, rounding},
        {{14, 256, 256, 3, 1}, rounding},  {{7, 512, 512, 3, 1}, rounding},  // ResNet
        {{112, 32, 64, 1, 1}, rounding},   {{56, 128, 128, 1, 1}, rounding},
        {{28, 256, 256, 1, 1}, rounding},  {{14, 512, 512, 1, 1}, rounding},
        {{7, 1024, 1024, 1, 1}, rounding},  // MobileNetV1
        {{32, 16, 16, 3, 1}, rounding},    {{16, 32, 32, 3, 1}, rounding},
        {{8, 64, 64, 3, 1}, rounding},                                         // MLPerf Tiny
        {{1, 640, 128, 1, 1}, rounding},   {{1, 2048, 1000, 1, 1}, rounding},  // linear layers
    };
    std::vector<Int8Case> channelwise;
    const auto add = [&](int out, int channels, int kernel, int stride) {
      channelwise.push_back({{out, channels, channels, kernel, stride}, rounding});
    };
    add(112, 32, 3, 1), add(56, 64, 3, 2), add(56, 128, 3, 1), add(28, 256, 3, 1), add(14, 512, 3, 1),
        add(7, 1024, 3, 1);
    add(28, 120, 5, 1), add(14, 480, 5, 1), add(48, 8, 3, 1), add(5, 64, 3, 1);
    add_benchmarks(kernels, "conv_s8", direct, conv);
    add_benchmarks(kernels, "depthwise_s8", channelwise, depthwise);
  }
}

}  // namespace linnet::bench
