// Winograd against direct convolution, run alternately, on the 3x3 layers of well-known networks and on every
// instruction set of this machine. Every call has other weights, of as many layers as the network has, so that they
// come from where they come from in the network. Counters: the median milliseconds of each, multiply-accumulates of the
// direct convolution per second of each, and the ratio of the times, measured and as the converter's cost model
// predicts it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "converter/passes/winograd_cost.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/kernels.hpp"
#include "kernels/pack.hpp"
#include "tests/bench/support.hpp"

namespace linnet::kernels {
namespace {

using bench::AlignedFloats;

struct Network {
  const char* name;
  size_t weights;  // of all its layers, at most as many as no cache holds
};

constexpr Network kResnet = {"resnet", 25'000'000}, kVgg = {"vgg", 30'000'000}, kSqueezenet = {"squeezenet", 1'200'000},
                  kResnet8 = {"resnet8", 78'000};

struct Layer {
  const Network& network;
  int size, in_channels, out_channels;
};

constexpr Layer kLayers[] = {
    {kResnet, 56, 64, 64},      {kResnet, 28, 128, 128},    {kResnet, 14, 256, 256},   {kResnet, 7, 512, 512},
    {kVgg, 224, 64, 64},        {kVgg, 112, 64, 128},       {kVgg, 112, 128, 128},     {kVgg, 56, 256, 256},
    {kVgg, 28, 512, 512},       {kVgg, 14, 512, 512},       {kSqueezenet, 55, 16, 64}, {kSqueezenet, 27, 32, 128},
    {kSqueezenet, 13, 48, 192}, {kSqueezenet, 13, 64, 256}, {kResnet8, 32, 16, 16},    {kResnet8, 16, 32, 32},
    {kResnet8, 8, 64, 64},
};

// The sections of as many layers as this one as the network may have, one behind the other.
class Sections {
 public:
  Sections(const Layer& layer, int rows)
      : floats_(static_cast<size_t>(panel_floats(layer.out_channels, rows))),
        count_(std::max<size_t>(1, layer.network.weights / (size_t{9} * layer.in_channels * layer.out_channels))),
        memory_(floats_ * count_) {}
  const float* next() { return memory_.data() + index_++ % count_ * floats_; }

 private:
  size_t floats_, count_, index_ = 0;
  AlignedFloats memory_;
};

template <class Args>
Args layer_arguments(const Layer& layer, AlignedFloats& x, AlignedFloats& y, AlignedFloats& scratch) {
  Args args{};
  args.window = {3, 3, 1, 1, 1, 1, 1, 1};
  args.in_h = args.in_w = args.out_h = args.out_w = layer.size;
  args.in_channels = layer.in_channels;
  args.out_channels = layer.out_channels;
  args.x = x.data();
  args.x_stride = layer.in_channels;
  args.y = y.data();
  args.y_stride = layer.out_channels;
  args.epilogue.activation.function = Function::Relu;
  args.scratch = scratch.data();
  return args;
}

// Milliseconds of each call of a kernel, with the next section every time.
template <class Args>
struct Contestant {
  void (*kernel)(const Args&);
  Args args;
  Sections sections;
  std::vector<double> times;

  void run() {
    args.packed = sections.next();
    const double begin = bench::thread_seconds();
    kernel(args);
    times.push_back((bench::thread_seconds() - begin) * 1e3);
  }
  double median() {
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    return times[times.size() / 2];
  }
};

void compare(benchmark::State& state, const KernelTable& kernels, const Layer& layer, int tile) {
  const IsaTraits& isa = traits(kernels.id);
  const int lines = (layer.size + tile - 1) / tile, k = 9 * layer.in_channels;
  const size_t pixels = static_cast<size_t>(layer.size) * layer.size;
  AlignedFloats x(pixels * layer.in_channels), y(pixels * layer.out_channels);
  AlignedFloats scratch(conv2d_scratch_bytes({3, 3, 1, 1, 1, 1, 1, 1}, layer.in_channels, isa, sizeof(void*)) / 4 + 1);
  AlignedFloats winograd_scratch(winograd2d_scratch_bytes(tile, layer.in_channels, lines * lines, isa) / 4 + 1);
  Contestant<Conv2DArgs> direct{
      kernels.conv2d_f32, layer_arguments<Conv2DArgs>(layer, x, y, scratch), Sections(layer, k), {}};
  direct.args.groups = 1;
  direct.args.row_end = layer.size;
  Contestant<WinogradArgs> winograd{kernels.winograd2d_f32,
                                    layer_arguments<WinogradArgs>(layer, x, y, winograd_scratch),
                                    Sections(layer, winograd2d_rows(tile, layer.in_channels)),
                                    {}};
  winograd.args.tile = tile;
  winograd.args.row_end = lines;
  winograd.args.column_end = layer.out_channels;
  for (auto _ : state) {
    direct.run();
    winograd.run();
  }
  const double macs = static_cast<double>(pixels) * layer.out_channels * k;
  const double direct_ms = direct.median(), winograd_ms = winograd.median();
  state.counters["direct_ms"] = direct_ms;
  state.counters["winograd_ms"] = winograd_ms;
  state.counters["direct_GMAC/s"] = macs / direct_ms * 1e-6;
  state.counters["winograd_GMAC/s"] = macs / winograd_ms * 1e-6;
  state.counters["ratio"] = direct_ms / winograd_ms;
  const passes::Convolution3x3 convolution{1, layer.size, layer.size, layer.in_channels, layer.out_channels};
  state.counters["predicted"] = passes::direct_cost(convolution) / passes::winograd_cost(convolution, tile);
}

void register_benchmarks(const KernelTable& kernels) {
  for (const Layer& layer : kLayers) {
    for (const int tile : {2, 4, 6}) {
      const std::string name = std::string(layer.network.name) + "/" + std::to_string(layer.size) + "_" +
                               std::to_string(layer.in_channels) + "to" + std::to_string(layer.out_channels) + "/F" +
                               std::to_string(tile) + "/" + traits(kernels.id).name;
      benchmark::RegisterBenchmark(
          name.c_str(), [&kernels, layer, tile](benchmark::State& state) { compare(state, kernels, layer, tile); });
    }
  }
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) {
  for (int i = 0; i < linnet::kernels::kIsaCount; ++i) {
    const auto* kernels = linnet::kernels::table(static_cast<linnet::kernels::IsaId>(i));
    if (kernels != nullptr) linnet::kernels::register_benchmarks(*kernels);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
