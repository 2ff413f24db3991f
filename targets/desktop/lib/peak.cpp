#include "targets/desktop/lib/peak.hpp"

#include <algorithm>
#include <atomic>

#include "targets/desktop/lib/bench.hpp"

namespace linnet::tools {
namespace {

struct PeakRow {
  const char* isa;
  PeakLoop loop;
};

constexpr PeakRow kPeakRows[] = {
    {"scalar", peak_scalar},
#if defined(__x86_64__)
    {"avx2", peak_avx2},
    {"avx512", peak_avx512},
#elif defined(__aarch64__)
    {"neon64", peak_neon64},
#elif defined(__arm__)
    {"neon32", peak_neon32},
#endif
};

struct Work {
  PeakLoop loop;
  long iterations;
  std::atomic<int> lanes;
  std::atomic<float> result;  // keeps the loop's result alive
};

double run_once(Work* work, ThreadPool& pool) {
  const double start = now();
  pool.run(
      [](void* argument, int) {
        auto* mine = static_cast<Work*>(argument);
        int lanes = 0;
        mine->result = mine->loop(mine->iterations, &lanes);
        mine->lanes = lanes;
      },
      work, pool.threads());
  return now() - start;
}

}  // namespace

double measure_peak(const std::string& isa, ThreadPool& pool) {
  for (const PeakRow& row : kPeakRows) {
    if (isa != row.isa) continue;
    Work work{row.loop, 1000, {0}, {0}};
    double seconds = 0;
    while ((seconds = run_once(&work, pool)) < 0.01) work.iterations *= 2;
    for (int repeat = 0; repeat < 20; ++repeat) seconds = std::min(seconds, run_once(&work, pool));
    return static_cast<double>(work.iterations) * kPeakAccumulators * work.lanes * pool.threads() / seconds;
  }
  return 0;
}

}  // namespace linnet::tools
