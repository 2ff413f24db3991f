#include "tests/bench/micro.hpp"

#include <algorithm>
#include <limits>

#include "tests/bench/read.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

constexpr double kCeilingSeconds = 0.004;

// The shortest time of one call, of as many as fit into some milliseconds.
double shortest(const std::function<void()>& run) {
  double best = std::numeric_limits<double>::infinity();
  const double begin = thread_seconds();
  for (double start = begin, end; start - begin < kCeilingSeconds; start = end) {
    run();
    end = thread_seconds();
    best = std::min(best, end - start);
  }
  return best;
}

double multiply_adds_per_second(kernels::IsaId isa, tools::PeakType type) {
  tools::ThreadPool pool(1);
  tools::PeakWork work(kernels::traits(isa).name, type, 20000);
  work.run(pool);
  return work.macs(pool) / shortest([&] { work.run(pool); });
}

ReadLoop read_loop_of(kernels::IsaId isa) {
  switch (isa) {
#if defined(__x86_64__)
    case kernels::IsaId::avx2:
    case kernels::IsaId::avxvnni:
      return read_avx2;
    case kernels::IsaId::avx512:
    case kernels::IsaId::avx512vnni:
      return read_avx512;
#endif
    default:
      return read_baseline;
  }
}

// Runs the benchmark and returns `work` per second.
double rate(benchmark::State& state, double work, const std::function<void()>& run) {
  run();
  const double begin = thread_seconds();
  for (auto _ : state) run();
  return work * static_cast<double>(state.iterations()) / (thread_seconds() - begin);
}

}  // namespace

double read_bandwidth(kernels::IsaId isa, double bytes) {
  const ReadLoop loop = read_loop_of(isa);
  const size_t floats = std::max<size_t>(static_cast<size_t>(bytes / sizeof(float)) / 64 * 64, 64);
  // Small blocks are read many times between two looks at the clock.
  const size_t passes = 1 + (size_t{1} << 18) / floats;
  AlignedFloats block(floats);
  const float* data = block.data();
  loop(data, floats);
  const double seconds = shortest([&] {
    for (size_t pass = 0; pass < passes; ++pass) benchmark::DoNotOptimize(loop(data, floats));
  });
  return static_cast<double>(passes * floats * sizeof(float)) / seconds;
}

void measure_multiply_adds(benchmark::State& state, const KernelTable& kernels, double multiply_adds,
                           const std::function<void()>& run, tools::PeakType type) {
  const double peak = multiply_adds_per_second(kernels.id, type);
  const double reached = rate(state, multiply_adds, run);
  state.counters["GFLOP/s"] = 2 * reached * 1e-9;
  state.counters["peak"] = reached / peak;
}

void measure_bytes(benchmark::State& state, const KernelTable& kernels, double bytes,
                   const std::function<void()>& run) {
  const double bandwidth = read_bandwidth(kernels.id, bytes);
  const double reached = rate(state, bytes, run);
  state.counters["GB/s"] = reached * 1e-9;
  state.counters["bandwidth"] = reached / bandwidth;
}

std::string shape_name(const std::vector<int>& shape) {
  std::string name;
  for (const int size : shape) {
    if (!name.empty()) name += 'x';
    name += std::to_string(size);
  }
  return name;
}

}  // namespace linnet::bench
