// GEMM, convolution and depthwise convolution on shapes of well-known networks, on every instruction set of this
// machine. Counters: GFLOP/s (two per multiply-add) by the thread's processor time, and `peak`, its fraction of what
// multiply-adds between registers reach, measured just before.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "kernels/dispatch.hpp"
#include "kernels/kernels.hpp"
#include "targets/desktop/lib/peak.hpp"
#include "tests/bench/support.hpp"

namespace linnet::kernels {
namespace {

using bench::AlignedFloats;
using bench::thread_seconds;

template <class Run>
void measure(benchmark::State& state, const KernelTable& kernels, double flop, Run run) {
  tools::ThreadPool pool(1);
  const double peak = 2.0 * tools::measure_peak(traits(kernels.id).name, pool);
  const double begin = thread_seconds();
  for (auto _ : state) run();
  const double seconds = thread_seconds() - begin;
  const double rate = flop * static_cast<double>(state.iterations()) / seconds;
  state.counters["GFLOP/s"] = rate * 1e-9;
  state.counters["peak"] = rate / peak;
}

void gemm(benchmark::State& state, const KernelTable& kernels, int m, int n, int k) {
  AlignedFloats a(static_cast<size_t>(m) * k), packed(panel_floats(n, k) + 16), c(static_cast<size_t>(m) * n);
  GemmArgs args{m, n, k, a.data(), k, packed.data(), c.data(), n, {}};
  measure(state, kernels, 2.0 * m * n * k, [&] { kernels.gemm_f32(args); });
}

struct ImageCase {
  int out, in_channels, out_channels, kernel, stride;
};

template <class Args>
Args image_arguments(const ImageCase& c) {
  Args args{};
  args.window = {c.kernel, c.kernel, c.stride, c.stride, 1, 1, c.kernel / 2, c.kernel / 2};
  args.in_h = args.in_w = c.out * c.stride;
  args.out_h = args.out_w = args.row_end = c.out;
  args.x_stride = c.in_channels;
  args.y_stride = c.out_channels;
  args.epilogue.activation.function = Function::Relu;
  return args;
}

void conv(benchmark::State& state, const KernelTable& kernels, const ImageCase& c) {
  auto args = image_arguments<Conv2DArgs>(c);
  args.groups = 1;
  args.in_channels = c.in_channels;
  args.out_channels = c.out_channels;
  const int k = c.kernel * c.kernel * c.in_channels;
  const int64_t scratch_bytes = conv2d_scratch_bytes(args.window, c.in_channels, traits(kernels.id), sizeof(void*));
  AlignedFloats x(static_cast<size_t>(args.in_h) * args.in_w * c.in_channels),
      packed(panel_floats(c.out_channels, k) + 16), y(static_cast<size_t>(c.out) * c.out * c.out_channels),
      scratch(scratch_bytes / 4 + 1);
  args.x = x.data();
  args.packed = packed.data();
  args.y = y.data();
  args.scratch = scratch.data();
  measure(state, kernels, 2.0 * c.out * c.out * c.out_channels * k, [&] { kernels.conv2d_f32(args); });
}

void depthwise(benchmark::State& state, const KernelTable& kernels, const ImageCase& c) {
  auto args = image_arguments<DepthwiseArgs>(c);
  args.channels = c.in_channels;
  const int taps = c.kernel * c.kernel;
  AlignedFloats x(static_cast<size_t>(args.in_h) * args.in_w * c.in_channels),
      packed(panel_floats(c.in_channels, taps) + 16), y(static_cast<size_t>(c.out) * c.out * c.in_channels);
  args.x = x.data();
  args.packed = packed.data();
  args.y = y.data();
  measure(state, kernels, 2.0 * c.out * c.out * c.in_channels * taps, [&] { kernels.depthwise_f32(args); });
}

std::string image_name(const char* kind, const ImageCase& c) {
  return std::string(kind) + "/" + std::to_string(c.out) + "x" + std::to_string(c.out) + "_" +
         std::to_string(c.in_channels) + "to" + std::to_string(c.out_channels) + "_k" + std::to_string(c.kernel) +
         "_s" + std::to_string(c.stride);
}

void register_benchmarks(const KernelTable& kernels) {
  const std::string isa = std::string("/") + traits(kernels.id).name;
  constexpr std::array<int, 3> kGemm[] = {{3136, 64, 64},  {784, 128, 128}, {196, 512, 512}, {49, 1024, 1024},
                                          {12544, 96, 16}, {3136, 24, 96},  {1, 1000, 1280}};
  for (const std::array<int, 3>& s : kGemm) {
    const std::string name =
        "gemm/m" + std::to_string(s[0]) + "_n" + std::to_string(s[1]) + "_k" + std::to_string(s[2]);
    benchmark::RegisterBenchmark((name + isa).c_str(),
                                 [&kernels, s](benchmark::State& state) { gemm(state, kernels, s[0], s[1], s[2]); });
  }
  constexpr ImageCase kConv[] = {{112, 3, 64, 7, 2},   {112, 3, 32, 3, 2},   {56, 64, 64, 3, 1},
                                 {28, 128, 128, 3, 1}, {14, 256, 256, 3, 1}, {7, 512, 512, 3, 1}};
  for (const ImageCase& c : kConv) {
    benchmark::RegisterBenchmark((image_name("conv", c) + isa).c_str(),
                                 [&kernels, c](benchmark::State& state) { conv(state, kernels, c); });
  }
  constexpr ImageCase kDepthwise[] = {{112, 32, 32, 3, 1},  {56, 64, 64, 3, 2},    {56, 128, 128, 3, 1},
                                      {14, 512, 512, 3, 1}, {7, 1024, 1024, 3, 1}, {28, 120, 120, 5, 1},
                                      {14, 480, 480, 5, 1}};
  for (const ImageCase& c : kDepthwise) {
    benchmark::RegisterBenchmark((image_name("depthwise", c) + isa).c_str(),
                                 [&kernels, c](benchmark::State& state) { depthwise(state, kernels, c); });
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
