// Threads for the reference evaluation of large operators.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace linnet::ops {

// Calls body(i) once for every 0 <= i < count, on several threads where there are several processors. `body` must not
// throw.
template <class Body>
void parallel_for(int64_t count, Body body) {
  const int64_t threads = std::min<int64_t>(count, std::max(1u, std::thread::hardware_concurrency()));
  std::atomic<int64_t> next = 0;
  const auto work = [&] {
    for (int64_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::jthread> helpers;
  for (int64_t t = 1; t < threads; ++t) helpers.emplace_back(work);
  work();
}

}  // namespace linnet::ops
