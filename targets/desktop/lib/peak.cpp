#include "targets/desktop/lib/peak.hpp"

#include <algorithm>

#include "targets/desktop/lib/bench.hpp"
#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

struct PeakRow {
  const char* isa;
  PeakLoop float32, int8;
};

constexpr PeakRow kPeakRows[] = {
    {"scalar", peak_scalar, peak_int8_scalar},
#if defined(__x86_64__)
    {"avx2", peak_avx2, peak_int8_avx2},       {"avxvnni", peak_avx2, peak_int8_avxvnni},
    {"avx512", peak_avx512, peak_int8_avx512}, {"avx512vnni", peak_avx512, peak_int8_avx512vnni},
#elif defined(__aarch64__)
    {"neon64", peak_neon64, peak_int8_neon64},
    {"neon64dot", peak_neon64, peak_int8_neon64dot},
#elif defined(__arm__)
    {"neon32", peak_neon32, peak_int8_neon32},
#endif
};

PeakLoop find_loop(const std::string& isa, PeakType type) {
  for (const PeakRow& row : kPeakRows) {
    if (isa == row.isa) return type == PeakType::int8 ? row.int8 : row.float32;
  }
  return nullptr;
}

double timed_run(PeakWork* work, ThreadPool& pool) {
  const double start = now();
  work->run(pool);
  return now() - start;
}

}  // namespace

PeakWork::PeakWork(const std::string& isa, PeakType type, long iterations)
    : loop_(find_loop(isa, type)), iterations_(iterations) {
  if (loop_ == nullptr) throw ToolError(kUsageError, "no instruction set \"" + isa + "\" in this build");
}

void PeakWork::run(ThreadPool& pool) {
  pool.run(
      [](void* argument, int) {
        auto* work = static_cast<PeakWork*>(argument);
        int macs = 0;
        work->result_ = work->loop_(work->iterations_, &macs);
        work->macs_ = macs;
      },
      this, pool.threads());
}

double PeakWork::macs(const ThreadPool& pool) const {
  return static_cast<double>(iterations_) * kPeakAccumulators * macs_ * pool.threads();
}

double measure_peak(const std::string& isa, PeakType type, ThreadPool& pool) {
  if (find_loop(isa, type) == nullptr) return 0;
  for (long iterations = 1000;; iterations *= 2) {
    PeakWork work(isa, type, iterations);
    double seconds = timed_run(&work, pool);
    if (seconds < 0.01) continue;
    for (int repeat = 0; repeat < 20; ++repeat) seconds = std::min(seconds, timed_run(&work, pool));
    return work.macs(pool) / seconds;
  }
}

}  // namespace linnet::tools
