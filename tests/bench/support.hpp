// What the micro-benchmarks share.
#pragma once

#include <time.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace linnet::bench {

// Elements that start at a multiple of 64 bytes.
template <class Element>
class Aligned {
 public:
  explicit Aligned(size_t count, Element value = {}) : memory_(count + 128 / sizeof(Element), value) {}
  Element* data() {
    void* p = memory_.data();
    size_t space = memory_.size() * sizeof(Element);
    return static_cast<Element*>(std::align(64, 64, p, space));
  }

 private:
  std::vector<Element> memory_;
};

// All 0.5.
struct AlignedFloats : Aligned<float> {
  explicit AlignedFloats(size_t count) : Aligned(count, 0.5f) {}
};

// Processor time of this thread.
inline double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace linnet::bench
