// A thread pool for linnet_options.parallel_for. Workers spin for some microseconds between two steps of a network,
// where the next piece of work is about to come, and sleep after that.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/linnet.h"

namespace linnet::tools {

class ThreadPool {
 public:
  // `threads` counts the calling thread too: one less is started. 1 <= threads <= kMaximumThreads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr int kMaximumThreads = 1024;
  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(argument, 0..count-1) from the pool's threads and the calling one; returns when all have finished. To be
  // called from one thread at a time. 0 <= count <= 65535.
  void run(linnet_task task, void* argument, int count);

  // A linnet_parallel_for whose context is a ThreadPool.
  static void parallel_for(void* context, linnet_task task, void* argument, int count);

 private:
  void work();
  bool take_one();

  // The job's number (32 bits), its count (16) and the next index to be taken (16). task_ and argument_ belong to the
  // job while its index is below its count: they change only after every index has been taken and finished.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<linnet_task> task_{nullptr};
  std::atomic<void*> argument_{nullptr};
  std::atomic<int> unfinished_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace linnet::tools
