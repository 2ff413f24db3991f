// Winograd against direct convolution, run alternately, on the 3x3 layers of well-known networks and on every
// instruction set of this machine. Counters: the smallest milliseconds of each, multiply-accumulates of the direct
// convolution per second of each, and the ratio of the times, measured
// and as the converter's cost model predicts it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>
#include <string>

#include "converter/passes/winograd_cost.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/kernels.hpp"
#include "kernels/pack.hpp"
#include "tests/bench/support.hpp"

namespace linnet::kernels {
namespace {

using bench::AlignedFloats;

struct Layer {
  const char* network;
  int size, in_channels, out_channels;
};

constexpr Layer kLayers[] = {
    {"resnet", 56, 64, 64},      {"resnet", 28, 128, 128},    {"resnet", 14, 256, 256},   {"resnet", 7, 512, 512},
    {"vgg", 224, 64, 64},        {"vgg", 112, 64, 128},       {"vgg", 112, 128, 128},     {"vgg", 56, 256, 256},
    {"vgg", 28, 512, 512},       {"vgg", 14, 512, 512},       {"squeezenet", 55, 16, 64}, {"squeezenet", 27, 32, 128},
    {"squeezenet", 13, 48, 192}, {"squeezenet", 13, 64, 256}, {"resnet8", 32, 16, 16},    {"resnet8", 16, 32, 32},
    {"resnet8", 8, 64, 64},
};

template <class Args>
Args layer_arguments(const Layer& layer, AlignedFloats& x, AlignedFloats& packed, AlignedFloats& y,
                     AlignedFloats& scratch) {
  Args args{};
  args.window = {3, 3, 1, 1, 1, 1, 1, 1};
  args.in_h = args.in_w = args.out_h = args.out_w = layer.size;
  args.in_channels = layer.in_channels;
  args.out_channels = layer.out_channels;
  args.x = x.data();
  args.x_stride = layer.in_channels;
  args.packed = packed.data();
  args.y = y.data();
  args.y_stride = layer.out_channels;
  args.epilogue.activation.function = Function::Relu;
  args.scratch = scratch.data();
  return args;
}

// Runs both in turn, for about half a millisecond each; both keep their smallest time.
template <class Direct, class Winograd>
void race(benchmark::State& state, double macs, Direct direct, Winograd winograd) {
  constexpr double kShortest = 5e-4;
  double direct_seconds = std::numeric_limits<double>::infinity(), winograd_seconds = direct_seconds;
  int calls = 1;
  const auto run = [&](double* best, const auto& kernel) {
    const double begin = bench::thread_seconds();
    for (int i = 0; i < calls; ++i) kernel();
    const double taken = bench::thread_seconds() - begin;
    *best = std::min(*best, taken / calls);
    if (taken < kShortest) ++calls;
  };
  for (auto _ : state) {
    run(&direct_seconds, direct);
    run(&winograd_seconds, winograd);
  }
  state.counters["direct_ms"] = direct_seconds * 1e3;
  state.counters["winograd_ms"] = winograd_seconds * 1e3;
  state.counters["direct_GMAC/s"] = macs / direct_seconds * 1e-9;
  state.counters["winograd_GMAC/s"] = macs / winograd_seconds * 1e-9;
  state.counters["ratio"] = direct_seconds / winograd_seconds;
}

void compare(benchmark::State& state, const KernelTable& kernels, const Layer& layer, int tile) {
  const IsaTraits& isa = traits(kernels.id);
  const int lines = (layer.size + tile - 1) / tile, k = 9 * layer.in_channels;
  const int rows = winograd2d_rows(tile, layer.in_channels);
  const size_t pixels = static_cast<size_t>(layer.size) * layer.size;
  AlignedFloats x(pixels * layer.in_channels), y(pixels * layer.out_channels);
  AlignedFloats packed(panel_floats(layer.out_channels, k)), transformed(panel_floats(layer.out_channels, rows));
  AlignedFloats scratch(conv2d_scratch_bytes({3, 3, 1, 1, 1, 1, 1, 1}, layer.in_channels, isa, sizeof(void*)) / 4 + 1);
  AlignedFloats winograd_scratch(winograd2d_scratch_bytes(tile, layer.in_channels, lines * lines, isa) / 4 + 1);
  auto direct = layer_arguments<Conv2DArgs>(layer, x, packed, y, scratch);
  direct.groups = 1;
  direct.row_end = layer.size;
  auto winograd = layer_arguments<WinogradArgs>(layer, x, transformed, y, winograd_scratch);
  winograd.tile = tile;
  winograd.row_end = lines;
  winograd.column_end = layer.out_channels;
  race(
      state, static_cast<double>(pixels) * layer.out_channels * k, [&] { kernels.conv2d_f32(direct); },
      [&] { kernels.winograd2d_f32(winograd); });
  const passes::Convolution3x3 convolution{1, layer.size, layer.size, layer.in_channels, layer.out_channels};
  state.counters["predicted"] = passes::direct_cost(convolution) / passes::winograd_cost(convolution, tile);
}

void register_benchmarks(const KernelTable& kernels) {
  for (const Layer& layer : kLayers) {
    for (const int tile : {2, 4, 6}) {
      const std::string name = std::string(layer.network) + "/" + std::to_string(layer.size) + "_" +
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
