// Weights of 4 bits against int8 and float32 ones of layers of float arithmetic, run in turns, on layers of well-known
// networks and on every instruction set of this machine. Layers of one row (1x1 images) read their weights once: with
// float32 weights the largest ones are far beyond the second-level cache. Counters: the least milliseconds of each, and
// how many times as fast as the others codes are.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pack.hpp"
#include "kernels/pack_codes.hpp"
#include "tests/bench/layers.hpp"

namespace linnet::kernels {
namespace {

using bench::AlignedFloats;
using bench::Layer;

constexpr Layer kLayers[] = {
    {56, 1, 64, 128},  {28, 1, 256, 256}, {14, 1, 512, 512},  {7, 1, 1024, 1024}, {56, 3, 64, 64},
    {14, 3, 256, 256}, {1, 1, 256, 256},  {1, 1, 1024, 1000}, {1, 1, 4096, 1024}, {1, 1, 4096, 16384},
};

struct Format {
  const char* name;
  CodeFormat format;
};
constexpr Format kFormats[] = {
    {"channel", {4, CodeKind::Grid, 1 << 30, 8}},
    {"group32", {4, CodeKind::Grid, 32, 8}},
    {"minmax32", {4, CodeKind::OffsetGrid, 32, 0}},
    {"table", {4, CodeKind::Table, 0, 0}},
};

// Of 64-byte aligned memory.
template <class T>
T* as(AlignedFloats& floats) {
  return reinterpret_cast<T*>(floats.data());
}

AlignedFloats float_weights(const Layer& layer, int taps) {
  const std::vector<float> w(size_t{1} * taps * layer.in_channels * layer.out_channels, 0.01f);
  const ConvWeights source = {w.data(),
                              ptrdiff_t{layer.in_channels} * taps,
                              taps,
                              layer.kernel,
                              1,
                              nullptr,
                              1,
                              layer.in_channels,
                              layer.out_channels,
                              layer.kernel,
                              layer.kernel};
  AlignedFloats packed(static_cast<size_t>(conv2d_packed_floats(source)));
  pack_conv2d(source, packed.data());
  return packed;
}

AlignedFloats int8_weights(const Layer& layer, int taps) {
  const std::vector<int8_t> w(size_t{1} * taps * layer.in_channels * layer.out_channels, 1);
  const std::vector<float> scales(layer.out_channels, 0.01f);
  const ConvFloat32x8Weights source = {w.data(),
                                       ptrdiff_t{layer.in_channels} * taps,
                                       taps,
                                       layer.kernel,
                                       1,
                                       nullptr,
                                       1,
                                       layer.in_channels,
                                       layer.out_channels,
                                       layer.kernel,
                                       layer.kernel,
                                       scales.data()};
  AlignedFloats packed(static_cast<size_t>(conv2d_float32x8_packed_bytes(source)) / 4 + 1);
  pack_conv2d_float32x8(source, as<int8_t>(packed));
  return packed;
}

AlignedFloats coded_weights(const Layer& layer, int taps, const CodeFormat& format) {
  const int k = taps * layer.in_channels;
  const std::vector<uint8_t> codes(size_t{1} * k * layer.out_channels, 9);
  const std::vector<float> numbers(static_cast<size_t>(layer.out_channels) * (code_groups(format, k) + 1) + 16, 0.01f);
  const CodesSource source = {
      format, codes.data(), numbers.data(), numbers.data(), numbers.data(), nullptr, 1, layer.out_channels, k};
  AlignedFloats packed(static_cast<size_t>(codes_packed_bytes(source)) / 4);
  pack_codes(source, as<uint8_t>(packed));
  return packed;
}

void compare(benchmark::State& state, const KernelTable& kernels, const Layer& layer, const CodeFormat& format) {
  const int taps = layer.kernel * layer.kernel;
  AlignedFloats x(layer.pixels() * layer.in_channels), y(layer.pixels() * layer.out_channels);
  AlignedFloats scratch(
      conv2d_scratch_bytes(layer.window(), layer.in_channels, traits(kernels.id), sizeof(void*)) / sizeof(float) + 1);
  AlignedFloats floats = float_weights(layer, taps), bytes = int8_weights(layer, taps),
                codes = coded_weights(layer, taps, format);
  Conv2DArgs real{};
  Conv2DFloat32x8Args int8{};
  Conv2DCodesArgs coded{};
  const auto set = [&](auto* args) {
    bench::set_layer(layer, x.data(), y.data(), scratch.data(), args);
    args->epilogue.activation.function = Function::Relu;
  };
  set(&real);
  set(&int8);
  set(&coded);
  real.packed = floats.data();
  int8.packed = as<int8_t>(bytes);
  coded.packed = as<uint8_t>(codes) + kCodesHeaderBytes;
  coded.format = format;
  coded.one_row = layer.size == 1;
  double least[3];
  std::fill(least, least + 3, std::numeric_limits<double>::infinity());
  const auto time = [&](double* best, const auto& call) {
    const double begin = bench::thread_seconds();
    call();
    *best = std::min(*best, (bench::thread_seconds() - begin) * 1e3);
  };
  for (auto _ : state) {
    time(&least[0], [&] { kernels.conv2d_f32(real); });
    time(&least[1], [&] { kernels.conv2d_f32x8(int8); });
    time(&least[2], [&] { kernels.conv2d_codes_f32(coded); });
  }
  state.counters["float_ms"] = least[0];
  state.counters["int8_ms"] = least[1];
  state.counters["codes_ms"] = least[2];
  state.counters["of_float"] = least[0] / least[2];
  state.counters["of_int8"] = least[1] / least[2];
}

void register_all() {
  for (int id = 0; id < kIsaCount; ++id) {
    const KernelTable* kernels = table(static_cast<IsaId>(id));
    if (kernels == nullptr) continue;
    for (const Layer& layer : kLayers) {
      for (const Format& format : kFormats) {
        const std::string name = fmt::format("{}/{}", layer.name(kernels->id), format.name);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [=](benchmark::State& state) { compare(state, *kernels, layer, format.format); });
      }
    }
  }
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) {
  linnet::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
