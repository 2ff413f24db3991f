// What the micro-benchmarks share.
#pragma once

#include <time.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace linnet::bench {

// Floats that start at a multiple of 64 bytes, all 0.5.
class AlignedFloats {
 public:
  explicit AlignedFloats(size_t count) : memory_(count + 32, 0.5f) {}
  float* data() {
    void* p = memory_.data();
    size_t space = memory_.size() * sizeof(float);
    return static_cast<float*>(std::align(64, 64, p, space));
  }

 private:
  std::vector<float> memory_;
};

// Processor time of this thread.
inline double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace linnet::bench
