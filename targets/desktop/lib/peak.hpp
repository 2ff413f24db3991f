// The machine's ceilings: multiply-accumulates per second from registers alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "targets/desktop/lib/thread_pool.hpp"

namespace linnet::tools {

// What is multiplied: floats, or int8 with exact sums of 32 bits.
enum class PeakType { float32, int8 };

// Multiply-accumulates per second of all of the pool's threads together with the given instruction set's widest
// arithmetic, measured for about a quarter of a second; 0 for an instruction set that is not in this build. "scalar" is
// what the compiler makes of plain C++ with the build's baseline flags. int8 is multiplied by the widest instructions
// that are exact for all numbers: with 16-bit operands where there is no instruction for sums of byte products. The CPU
// must have the instruction set.
double measure_peak(const std::string& isa, PeakType type, ThreadPool& pool);

// One per instruction set and type: `iterations` rounds of kPeakAccumulators independent vector multiply-accumulates.
// Returns a value that depends on all of them. *macs is the number of multiply-accumulates of a vector.
constexpr int kPeakAccumulators = 12;
using PeakLoop = float (*)(long iterations, int* macs);
float peak_scalar(long iterations, int* macs);
float peak_avx2(long iterations, int* macs);
float peak_avx512(long iterations, int* macs);
float peak_neon32(long iterations, int* macs);
float peak_neon64(long iterations, int* macs);
float peak_int8_scalar(long iterations, int* macs);
float peak_int8_avx2(long iterations, int* macs);
float peak_int8_avxvnni(long iterations, int* macs);
float peak_int8_avx512(long iterations, int* macs);
float peak_int8_avx512vnni(long iterations, int* macs);
float peak_int8_neon32(long iterations, int* macs);
float peak_int8_neon64(long iterations, int* macs);
float peak_int8_neon64dot(long iterations, int* macs);

// A fixed piece of that work: `iterations` of the loop on each of a pool's threads.
class PeakWork {
 public:
  // Throws ToolError with kUsageError for an instruction set that is not in this build.
  PeakWork(const std::string& isa, PeakType type, long iterations);
  void run(ThreadPool& pool);
  double macs(const ThreadPool& pool) const;  // of a run; known after the first one

 private:
  PeakLoop loop_;
  long iterations_;
  std::atomic<int> macs_{0};      // of a vector
  std::atomic<float> result_{0};  // keeps the loop's result alive
};

}  // namespace linnet::tools
