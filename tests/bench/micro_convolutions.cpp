// Convolutions over images.
#include "tests/bench/image_case.hpp"
#include "tests/bench/micro.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

template <class Args>
Args relu_arguments(const ImageCase& c) {
  Args args = image_arguments<Args>(c);
  args.epilogue.activation.function = Function::Relu;
  return args;
}

double output_pixels(const ImageCase& c) {
  return static_cast<double>(c.out) * c.out;
}

void conv(benchmark::State& state, const KernelTable& kernels, const ImageCase& c) {
  auto args = relu_arguments<Conv2DArgs>(c);
  args.groups = 1;
  args.in_channels = c.in_channels;
  args.out_channels = c.out_channels;
  const int k = c.kernel * c.kernel * c.in_channels;
  const ImageMemory<AlignedFloats> memory(
      &args, panel_floats(c.out_channels, k),
      conv2d_scratch_bytes(args.window, c.in_channels, traits(kernels.id), sizeof(void*)));
  measure_multiply_adds(state, kernels, output_pixels(c) * c.out_channels * k, [&] { kernels.conv2d_f32(args); });
}

void depthwise(benchmark::State& state, const KernelTable& kernels, const ImageCase& c) {
  auto args = relu_arguments<DepthwiseArgs>(c);
  args.channels = c.in_channels;
  const int taps = c.kernel * c.kernel;
  const ImageMemory<AlignedFloats> memory(
      &args, panel_floats(c.in_channels, taps),
      depthwise_scratch_bytes(args.window, c.in_channels, traits(kernels.id), sizeof(void*)));
  measure_multiply_adds(state, kernels, output_pixels(c) * c.in_channels * taps, [&] { kernels.depthwise_f32(args); });
}

// In multiply-adds of the direct convolution, so that `peak` may exceed 1; `stride` is the tile here.
void winograd(benchmark::State& state, const KernelTable& kernels, const ImageCase& c) {
  auto args = relu_arguments<WinogradArgs>({c.out, c.in_channels, c.out_channels, c.kernel, 1});
  args.tile = c.stride;
  args.in_channels = c.in_channels;
  args.out_channels = args.column_end = c.out_channels;
  const int along = (c.out + args.tile - 1) / args.tile, points = (args.tile + 2) * (args.tile + 2);
  args.row_end = along;
  const ImageMemory<AlignedFloats> memory(
      &args, panel_floats(c.out_channels, points * (c.in_channels + 1)),
      winograd2d_scratch_bytes(args.tile, c.in_channels, int64_t{along} * along, traits(kernels.id)));
  measure_multiply_adds(state, kernels, output_pixels(c) * c.in_channels * c.out_channels * 9,
                        [&] { kernels.winograd2d_f32(args); });
}

// `stride` multiplies the size of the image here.
void conv_transpose(benchmark::State& state, const KernelTable& kernels, const ImageCase& c) {
  auto args = relu_arguments<ConvTranspose2DArgs>(c);
  args.window.pad_top = args.window.pad_left = (c.kernel - c.stride) / 2;
  args.in_h = args.in_w = c.out / c.stride;
  args.groups = 1;
  args.in_channels = c.in_channels;
  args.out_channels = c.out_channels;
  const int taps = c.kernel * c.kernel, phases = c.stride * c.stride;
  const size_t packed = panel_floats(c.out_channels, taps * c.in_channels) + phases * panel_floats(c.out_channels, 0);
  const ImageMemory<AlignedFloats> memory(
      &args, packed, conv_transpose2d_scratch_bytes(args.window, c.in_channels, traits(kernels.id), sizeof(void*)));
  measure_multiply_adds(state, kernels, output_pixels(c) / phases * c.in_channels * c.out_channels * taps,
                        [&] { kernels.conv_transpose2d_f32(args); });
}

}  // namespace

void add_convolutions(const KernelTable& kernels) {
  const std::vector<ImageCase> direct = {
      {112, 3, 64, 7, 2},   {112, 3, 32, 3, 2},    {112, 3, 16, 3, 2},    {112, 3, 24, 3, 2},   // first layers
      {56, 64, 64, 3, 1},   {28, 128, 128, 3, 1},  {14, 256, 256, 3, 1},  {7, 512, 512, 3, 1},  // ResNet
      {28, 64, 128, 3, 2},  {14, 128, 256, 3, 2},  {7, 256, 512, 3, 2},   {28, 64, 128, 1, 2},  // ResNet-18
      {28, 256, 512, 1, 2}, {14, 512, 1024, 1, 2}, {7, 1024, 2048, 1, 2},                       // ResNet-50
      {224, 3, 64, 3, 1},   {224, 64, 64, 3, 1},   {112, 128, 128, 3, 1}, {56, 256, 256, 3, 1},
      {28, 512, 512, 3, 1}, {14, 512, 512, 3, 1},                                               // VGG-16
      {56, 3, 96, 4, 4},    {28, 96, 192, 2, 2},   {14, 192, 384, 2, 2},  {7, 384, 768, 2, 2},  // ConvNeXt
      {14, 3, 768, 16, 16},                                                                     // ViT-B/16
      {55, 16, 64, 3, 1},   {27, 32, 128, 3, 1},   {13, 48, 192, 3, 1},   {13, 64, 256, 3, 1},  // SqueezeNet
      {32, 3, 16, 3, 1},    {32, 16, 16, 3, 1},    {16, 16, 32, 3, 2},    {16, 32, 32, 3, 1},
      {8, 64, 64, 3, 1},    {48, 3, 8, 3, 2},  // MLPerf Tiny
  };
  std::vector<ImageCase> channelwise;
  const auto add = [&](int out, int channels, int kernel, int stride) {
    channelwise.push_back({out, channels, channels, kernel, stride});
  };
  add(112, 32, 3, 1), add(56, 64, 3, 2), add(56, 128, 3, 1), add(28, 128, 3, 2), add(28, 256, 3, 1), add(14, 256, 3, 2);
  add(14, 512, 3, 1), add(7, 512, 3, 2), add(7, 1024, 3, 1);                                         // MobileNetV1
  add(56, 96, 3, 2), add(56, 144, 3, 1), add(28, 144, 3, 2), add(14, 384, 3, 1), add(7, 960, 3, 1);  // MobileNetV2
  add(28, 72, 5, 2), add(28, 120, 5, 1), add(14, 480, 3, 1), add(7, 672, 5, 2), add(7, 960, 5, 1);   // MobileNetV3
  add(28, 240, 5, 1), add(14, 480, 5, 1), add(14, 672, 5, 1), add(7, 1152, 5, 1);                    // EfficientNet-B0
  add(56, 96, 7, 1), add(28, 192, 7, 1), add(14, 384, 7, 1), add(7, 768, 7, 1);                      // ConvNeXt-tiny
  add(28, 58, 3, 1), add(14, 116, 3, 1), add(7, 232, 3, 1), add(28, 24, 3, 2);                       // ShuffleNetV2
  add(48, 8, 3, 1), add(24, 16, 3, 2), add(6, 128, 3, 1), add(5, 64, 3, 1);                          // MLPerf Tiny
  const std::vector<ImageCase> transposed = {{56, 128, 64, 2, 2}, {112, 64, 32, 2, 2}, {28, 256, 128, 4, 2}};
  std::vector<ImageCase> tiled;
  for (const int tile : {2, 4, 6}) {
    for (const ImageCase& c : direct)
      if (c.kernel == 3 && c.stride == 1 && c.in_channels > 3)
        tiled.push_back({c.out, c.in_channels, c.out_channels, c.kernel, tile});
  }
  add_benchmarks(kernels, "conv", direct, conv);
  add_benchmarks(kernels, "winograd", tiled, winograd);
  add_benchmarks(kernels, "depthwise", channelwise, depthwise);
  add_benchmarks(kernels, "conv_transpose", transposed, conv_transpose);
}

}  // namespace linnet::bench
