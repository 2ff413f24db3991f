// A thread pool for linnet_options.parallel_for. Workers spin for a tenth of a millisecond after a step of a network
// and yield until a whole one has passed, since the next piece of work is about to come, and sleep after that: to wake
// one takes tens of microseconds. Every thread is given the same indices each time: what a thread computed in one step
// it finds in its own caches in the next.
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
  // `threads` counts the calling thread too: one less is started. 1 <= threads <= kMaximumThreads. Where the system
  // gives no more of them, the pool has as many as there are, and a line on stderr says so, once in the process.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr int kMaximumThreads = 1024;
  int threads() const { return threads_; }

  // Calls task(argument, 0..count-1) from the pool's threads and the calling one; returns when all have finished. To be
  // called from one thread at a time. 0 <= count <= 65535.
  void run(linnet_task task, void* argument, int count);

  // A linnet_parallel_for whose context is a ThreadPool.
  static void parallel_for(void* context, linnet_task task, void* argument, int count);

 private:
  // A thread's indices: its own number, from then on every threads()-th. Holds the last job of which they were taken.
  struct alignas(64) Share {
    std::atomic<uint64_t> job{0};
  };

  void work(int thread);
  // Runs the indices of a share unless another thread has taken them.
  bool take(int share, uint64_t ticket);

  // The job's number (48 bits) and its count (16). task_ and argument_ belong to the job from before it is seen here
  // until all of its shares are finished.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<linnet_task> task_{nullptr};
  std::atomic<void*> argument_{nullptr};
  std::atomic<int> unfinished_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  int threads_ = 1;
  std::vector<Share> shares_;  // [threads_], and those of threads that could not be started
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace linnet::tools
