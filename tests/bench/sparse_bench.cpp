// Sparse against dense layers of float32 and int8, run alternately, on layers of well-known networks and on every
// instruction set of this machine, by blocks and the percentage of them that is kept. Counters: the median milliseconds
// of each, and how many times as fast the sparse layer is: the density where that becomes 1 is the one to break even.
#include <benchmark/benchmark.h>

#include <algorithm>
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
constexpr int kBlocks[] = {1, 4, 16}, kDensities[] = {10, 20, 30, 50, 70};

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
  void report(benchmark::State& state);
};

double median(std::vector<double>& times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

void Times::report(benchmark::State& state) {
  state.counters["dense_ms"] = median(dense);
  state.counters["sparse_ms"] = median(sparse);
  state.counters["gain"] = median(dense) / median(sparse);
}

void compare(benchmark::State& state, const KernelTable& kernels, const Layer& layer, int block, int density) {
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
  times.report(state);
}

// int8 with blocks of four inputs.
void compare_int8(benchmark::State& state, const KernelTable& kernels, const Layer& layer, int density) {
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
  times.report(state);
}

void register_all() {
  for (int id = 0; id < kIsaCount; ++id) {
    const KernelTable* kernels = table(static_cast<IsaId>(id));
    if (kernels == nullptr) continue;
    for (const Layer& layer : kLayers) {
      const auto add = [&](const std::string& pattern, int density, auto run) {
        const std::string name = fmt::format("{}/{}/{}", layer.name(kernels->id), pattern, density);
        benchmark::RegisterBenchmark(name.c_str(), run);
      };
      for (const int density : kDensities) {
        for (const int block : kBlocks)
          add(fmt::format("{}x1", block), density,
              [=](benchmark::State& state) { compare(state, *kernels, layer, block, density); });
        add("int8", density, [=](benchmark::State& state) { compare_int8(state, *kernels, layer, density); });
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
