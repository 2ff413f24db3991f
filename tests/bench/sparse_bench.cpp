// Sparse against dense layers of float32 and int8, run alternately, on layers of well-known networks and on every
// instruction set of this machine, by blocks and the percentage of them that is kept. Counters: the median milliseconds
// of each, and how many times as fast the sparse layer is. A table of the densities to break even follows: where sparse
// and dense layers take as long, interpolated between the densities that were run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/pack_int8.hpp"
#include "kernels/pack_sparse.hpp"
#include "tests/bench/layers.hpp"

namespace linnet::kernels {
namespace {

using bench::AlignedFloats;
using bench::Layer;

constexpr Layer kLayers[] = {
    {112, 1, 32, 64}, {56, 1, 64, 128},  {56, 1, 128, 128}, {28, 1, 256, 256},  {14, 1, 512, 512}, {7, 1, 1024, 1024},
    {56, 3, 64, 64},  {14, 3, 256, 256}, {7, 3, 512, 512},  {1, 1, 1024, 1000}, {1, 1, 256, 256},
};
constexpr int kDensities[] = {10, 20, 30, 50, 70};
struct Pattern {
  const char* name;
  int block;  // outputs of a block of float32; 0: int8, blocks of four inputs
};
constexpr Pattern kPatterns[] = {{"1x1", 1}, {"4x1", 4}, {"16x1", 16}, {"int8", 0}};

// Of a layer and pattern: the time of the sparse layer as a part of the dense one's, by density.
using Curve = std::map<int, double>;
std::map<std::pair<std::string, std::string>, Curve> curves;

// Weights [output][tap][input] of which so many percent of the blocks are not zeros.
std::vector<float> sparse_weights(const Layer& layer, int block, int density) {
  const size_t inputs = static_cast<size_t>(layer.kernel) * layer.kernel * layer.in_channels;
  std::vector<float> weights(inputs * layer.out_channels);
  uint32_t state = 12345;
  for (int first = 0; first < layer.out_channels; first += block) {
    for (size_t i = 0; i < inputs; ++i) {
      state = state * 1664525u + 1013904223u;
      if (static_cast<int>((state >> 8) % 100) >= density) continue;
      for (int o = first; o < std::min(first + block, layer.out_channels); ++o) weights[o * inputs + i] = 0.01f;
    }
  }
  return weights;
}

ConvWeights source(const Layer& layer, const std::vector<float>& weights) {
  const int k = layer.kernel;
  return {weights.data(),
          static_cast<ptrdiff_t>(k) * k * layer.in_channels,
          1,
          static_cast<ptrdiff_t>(k) * layer.in_channels,
          layer.in_channels,
          nullptr,
          1,
          layer.in_channels,
          layer.out_channels,
          k,
          k};
}

// Milliseconds of two kernels by turns.
struct Times {
  std::vector<double> dense, sparse;
  template <class Dense, class Sparse>
  void measure(const Dense& run_dense, const Sparse& run_sparse) {
    const auto time = [](std::vector<double>* times, const auto& call) {
      const double begin = bench::thread_seconds();
      call();
      times->push_back((bench::thread_seconds() - begin) * 1e3);
    };
    time(&dense, run_dense);
    time(&sparse, run_sparse);
  }
  // Returns the sparse layer's time as a part of the dense one's.
  double report(benchmark::State& state);
};

double median(std::vector<double>& times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

double Times::report(benchmark::State& state) {
  state.counters["dense_ms"] = median(dense);
  state.counters["sparse_ms"] = median(sparse);
  state.counters["gain"] = median(dense) / median(sparse);
  return median(sparse) / median(dense);
}

double compare(benchmark::State& state, const KernelTable& kernels, const Layer& layer, int block, int density) {
  const IsaTraits& isa = traits(kernels.id);
  const std::vector<float> weights = sparse_weights(layer, block, density);
  const ConvWeights packing = source(layer, weights);
  AlignedFloats x(layer.pixels() * layer.in_channels), y(layer.pixels() * layer.out_channels);
  AlignedFloats dense_packed(static_cast<size_t>(conv2d_packed_floats(packing)));
  AlignedFloats sparse_packed(static_cast<size_t>(sparse_packed_bytes(packing, block)) / 4);
  pack_conv2d(packing, dense_packed.data());
  pack_sparse(packing, block, reinterpret_cast<uint8_t*>(sparse_packed.data()));
  SparseConv2DArgs sparse{};
  Conv2DArgs dense{};
  const Window window = layer.window();
  AlignedFloats dense_scratch(conv2d_scratch_bytes(window, layer.in_channels, isa, sizeof(void*)) / 4 + 1);
  AlignedFloats sparse_scratch(sparse_conv2d_scratch_bytes(window, layer.in_channels, layer.out_channels, block, 1,
                                                           layer.size, layer.size, isa, sizeof(void*)) /
                                   4 +
                               1);
  bench::set_layer(layer, x.data(), y.data(), dense_scratch.data(), &dense);
  bench::set_layer(layer, x.data(), y.data(), sparse_scratch.data(), &sparse);
  dense.epilogue.activation.function = sparse.epilogue.activation.function = Function::Relu;
  dense.packed = dense_packed.data();
  sparse.packed = reinterpret_cast<const uint8_t*>(sparse_packed.data());
  sparse.block = block;
  sparse.output_end = layer.out_channels;
  Times times;
  for (auto _ : state) times.measure([&] { kernels.conv2d_f32(dense); }, [&] { kernels.sparse_conv2d_f32(sparse); });
  return times.report(state);
}

// int8 with blocks of four inputs.
double compare_int8(benchmark::State& state, const KernelTable& kernels, const Layer& layer, int density) {
  const IsaTraits& isa = traits(kernels.id);
  const int k = layer.kernel * layer.kernel * layer.in_channels, n = layer.out_channels;
  std::vector<int8_t> weights(static_cast<size_t>(k) * n);
  uint32_t random = 12345;
  for (size_t i = 0; i < weights.size(); i += kDot) {
    random = random * 1664525u + 1013904223u;
    if (static_cast<int>((random >> 8) % 100) < density) std::fill_n(weights.data() + i, kDot, int8_t{3});
  }
  const std::vector<Factor> factors(static_cast<size_t>(n), {1 << 30, -6});
  const ConvInt8Weights packing = {weights.data(),
                                   k,
                                   1,
                                   static_cast<ptrdiff_t>(layer.kernel) * layer.in_channels,
                                   layer.in_channels,
                                   nullptr,
                                   factors.data(),
                                   3,
                                   1,
                                   layer.in_channels,
                                   n,
                                   layer.kernel,
                                   layer.kernel};
  AlignedFloats x(layer.pixels() * layer.in_channels / 4 + 16), y(layer.pixels() * n / 4 + 16);
  AlignedFloats dense_packed(static_cast<size_t>(conv2d_int8_packed_bytes(packing)) / 4 + 16);
  int8_t* const panels = reinterpret_cast<int8_t*>(dense_packed.data());
  pack_conv2d_int8(packing, panels);
  AlignedFloats sparse_packed(static_cast<size_t>(sparse_int8_packed_bytes(panels, n, k)) / 4 + 16);
  pack_sparse_int8(panels, n, k, reinterpret_cast<uint8_t*>(sparse_packed.data()));
  AlignedFloats dense_scratch(
      conv2d_int8_scratch_bytes(layer.window(), layer.in_channels, layer.size, layer.size, isa, sizeof(void*)) / 4 + 1);
  Conv2DInt8Args dense{};
  bench::set_layer(layer, reinterpret_cast<const int8_t*>(x.data()), reinterpret_cast<int8_t*>(y.data()),
                   dense_scratch.data(), &dense);
  dense.input_zero_point = 3;
  dense.epilogue.requantize = {Rounding::FixedPoint, 0, -128, 127};
  SparseConv2DInt8Args sparse{dense, 0, n};
  AlignedFloats sparse_scratch(sparse_conv2d_int8_scratch_bytes(dense.window, layer.in_channels, n,
                                                                static_cast<int64_t>(layer.pixels()), isa,
                                                                sizeof(void*)) /
                                   4 +
                               1);
  dense.packed = panels;
  sparse.packed = reinterpret_cast<const int8_t*>(sparse_packed.data());
  sparse.scratch = sparse_scratch.data();
  Times times;
  for (auto _ : state) times.measure([&] { kernels.conv2d_s8(dense); }, [&] { kernels.sparse_conv2d_s8(sparse); });
  return times.report(state);
}

void register_all() {
  for (int id = 0; id < kIsaCount; ++id) {
    const KernelTable* kernels = table(static_cast<IsaId>(id));
    if (kernels == nullptr) continue;
    for (const Layer& layer : kLayers) {
      const std::string name = layer.name(kernels->id);
      for (const int density : kDensities) {
        for (const Pattern& pattern : kPatterns) {
          const auto run = [=](benchmark::State& state) {
            curves[{name, pattern.name}][density] = pattern.block == 0
                                                        ? compare_int8(state, *kernels, layer, density)
                                                        : compare(state, *kernels, layer, pattern.block, density);
          };
          benchmark::RegisterBenchmark(fmt::format("{}/{}/{}", name, pattern.name, density).c_str(), run);
        }
      }
    }
  }
}

// The density in percent at which a sparse layer takes as long as a dense one.
std::string break_even(const Curve& curve) {
  if (curve.empty()) return "";
  if (curve.begin()->second >= 1) return fmt::format("< {}", curve.begin()->first);
  for (auto below = curve.begin(), above = std::next(below); above != curve.end(); ++below, ++above) {
    if (above->second < 1) continue;
    const double part = (1 - below->second) / (above->second - below->second);
    return fmt::format("{:.0f}", below->first + part * (above->first - below->first));
  }
  return fmt::format("> {}", curve.rbegin()->first);
}

void print_break_even() {
  fmt::print("\n| density to break even, % |");
  for (const Pattern& pattern : kPatterns) fmt::print(" {} |", pattern.name);
  fmt::print("\n| --- | ---: | ---: | ---: | ---: |\n");
  for (int id = 0; id < kIsaCount; ++id) {
    for (const Layer& layer : kLayers) {
      const std::string name = layer.name(static_cast<IsaId>(id));
      std::string cells;
      for (const Pattern& pattern : kPatterns) cells += fmt::format(" {} |", break_even(curves[{name, pattern.name}]));
      if (cells.find_first_not_of(" |") != std::string::npos) fmt::print("| {} |{}\n", name, cells);
    }
  }
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) {
  linnet::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  linnet::kernels::print_break_even();
}
