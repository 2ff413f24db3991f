// The machine's ceiling: float multiply-accumulates per second from registers alone.
#pragma once

#include <atomic>
#include <string>

#include "targets/desktop/lib/thread_pool.hpp"

namespace linnet::tools {

// Multiply-accumulates per second of all of the pool's threads together with the given instruction set's widest float
// arithmetic, measured for about a quarter of a second; 0 for an instruction set that is not in this build. "scalar" is
// what the compiler makes of plain C++ with the build's baseline flags. The CPU must have the instruction set.
double measure_peak(const std::string& isa, ThreadPool& pool);

// One per instruction set: `iterations` rounds of kPeakAccumulators independent vector multiply-accumulates. Returns a
// value that depends on all of them. *lanes is the number of floats of a vector.
constexpr int kPeakAccumulators = 12;
using PeakLoop = float (*)(long iterations, int* lanes);
float peak_scalar(long iterations, int* lanes);
float peak_avx2(long iterations, int* lanes);
float peak_avx512(long iterations, int* lanes);
float peak_neon32(long iterations, int* lanes);
float peak_neon64(long iterations, int* lanes);

// A fixed piece of that work: `iterations` of the loop on each of a pool's threads.
class PeakWork {
 public:
  // Throws ToolError with kUsageError for an instruction set that is not in this build.
  PeakWork(const std::string& isa, long iterations);
  void run(ThreadPool& pool);
  double macs(const ThreadPool& pool) const;  // of a run; known after the first one

 private:
  PeakLoop loop_;
  long iterations_;
  std::atomic<int> lanes_{0};
  std::atomic<float> result_{0};  // keeps the loop's result alive
};

}  // namespace linnet::tools
