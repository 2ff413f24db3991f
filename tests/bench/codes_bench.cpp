// Weights of 4 bits against int8 and float32 ones of layers of float arithmetic, and against the same weights as bytes
// in int8 arithmetic (int8_...), run in turns, on layers of well-known networks and on every instruction set of this
// machine. Layers of one row (1x1 images) read their weights once: with float32 weights the largest ones are far beyond
// the second-level cache. Counters: the least milliseconds of each, and how many times as fast as the others codes are.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pack.hpp"
#include "kernels/pack_codes.hpp"
#include "kernels/pack_int8.hpp"
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

// Milliseconds of a call, where they are fewer than before.
template <class Call>
void time_least(double* best, const Call& call) {
  const double begin = bench::thread_seconds();
  call();
  *best = std::min(*best, (bench::thread_seconds() - begin) * 1e3);
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
  for (auto _ : state) {
    time_least(&least[0], [&] { kernels.conv2d_f32(real); });
    time_least(&least[1], [&] { kernels.conv2d_f32x8(int8); });
    time_least(&least[2], [&] { kernels.conv2d_codes_f32(coded); });
  }
  state.counters["float_ms"] = least[0];
  state.counters["int8_ms"] = least[1];
  state.counters["codes_ms"] = least[2];
  state.counters["of_float"] = least[0] / least[2];
  state.counters["of_int8"] = least[1] / least[2];
}

// Of int8 arithmetic: panels of dense weights, and their codes.
struct Int8Weights {
  Int8Weights(const Layer& layer, int taps, const CodeFormat& format) {
    const int n = layer.out_channels, k = taps * layer.in_channels;
    std::vector<int8_t> w(size_t{1} * n * k);
    for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<int8_t>(i * i / 3 % 15) - 7;
    Factor factor = {};
    const float scale = 0.001f;
    std::memcpy(&factor.multiplier, &scale, sizeof(scale));
    const std::vector<Factor> factors(n, factor);
    const ConvInt8Weights source = {w.data(),          k, taps,         layer.kernel, 1, nullptr, factors.data(), 3, 1,
                                    layer.in_channels, n, layer.kernel, layer.kernel};
    panels = AlignedFloats(static_cast<size_t>(conv2d_int8_packed_bytes(source)) / 4);
    pack_conv2d_int8(source, as<int8_t>(panels));
    codes = AlignedFloats(static_cast<size_t>(int8_codes_packed_bytes(format, 1, n, k)) / 4);
    pack_int8_codes(format, as<int8_t>(panels), 1, n, k, as<int8_t>(codes));
  }
  AlignedFloats panels{0}, codes{0};
};

void compare_int8(benchmark::State& state, const KernelTable& kernels, const Layer& layer, const CodeFormat& format) {
  Int8Weights weights(layer, layer.kernel * layer.kernel, format);
  AlignedFloats x(layer.pixels() * layer.in_channels / 4 + 1), y(layer.pixels() * layer.out_channels / 4 + 1);
  AlignedFloats scratch(conv2d_int8_scratch_bytes(layer.window(), layer.in_channels, layer.size, layer.size,
                                                  traits(kernels.id), sizeof(void*)) /
                            4 +
                        1),
      coded_scratch(conv2d_int8_scratch_bytes(layer.window(), layer.in_channels, layer.size, layer.size,
                                              traits(kernels.id), sizeof(void*), true) /
                        4 +
                    1);
  Conv2DInt8Args dense{};
  bench::set_layer(layer, as<int8_t>(x), as<int8_t>(y), scratch.data(), &dense);
  dense.input_zero_point = 3;
  dense.epilogue.requantize = {Rounding::Float, -5, -128, 127};
  dense.packed = as<int8_t>(weights.panels);
  Conv2DInt8Args coded = dense;
  coded.codes = format;
  coded.packed = as<int8_t>(weights.codes) + kCodesHeaderBytes;
  coded.scratch = coded_scratch.data();
  double least[2] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  for (auto _ : state) {
    time_least(&least[0], [&] { kernels.conv2d_s8(dense); });
    time_least(&least[1], [&] { kernels.conv2d_s8(coded); });
  }
  state.counters["int8_ms"] = least[0];
  state.counters["codes_ms"] = least[1];
  state.counters["of_int8"] = least[0] / least[1];
}

constexpr Format kInt8Formats[] = {
    {"int8_table", {4, CodeKind::Table, 0, 0}},
    {"int8_outputs", {4, CodeKind::OutputTable, 0, 0}},
};

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
      for (const Format& format : kInt8Formats) {
        const std::string name = fmt::format("{}/{}", layer.name(kernels->id), format.name);
        benchmark::RegisterBenchmark(
            name.c_str(), [=](benchmark::State& state) { compare_int8(state, *kernels, layer, format.format); });
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
