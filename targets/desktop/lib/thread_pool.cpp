#include "targets/desktop/lib/thread_pool.hpp"

namespace linnet::tools {
namespace {

constexpr int kSpins = 4000;

void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

uint64_t index_of(uint64_t ticket) {
  return ticket & 0xffff;
}
uint64_t count_of(uint64_t ticket) {
  return ticket >> 16 & 0xffff;
}
bool has_work(uint64_t ticket) {
  return index_of(ticket) < count_of(ticket);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::take_one() {
  uint64_t ticket = ticket_.load();
  while (has_work(ticket)) {
    const linnet_task task = task_.load(std::memory_order_relaxed);
    void* const argument = argument_.load(std::memory_order_relaxed);
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1)) continue;
    task(argument, static_cast<int>(index_of(ticket)));
    unfinished_.fetch_sub(1, std::memory_order_release);
    return true;
  }
  return false;
}

void ThreadPool::work() {
  int idle = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (take_one()) {
      idle = 0;
    } else if (++idle < kSpins) {
      pause_processor();
    } else {
      std::unique_lock<std::mutex> lock(mutex_);
      ++sleepers_;
      wake_.wait(lock, [this] { return stop_ || has_work(ticket_.load()); });
      --sleepers_;
      idle = 0;
    }
  }
}

void ThreadPool::run(linnet_task task, void* argument, int count) {
  if (count <= 1 || workers_.empty()) {
    for (int i = 0; i < count; ++i) task(argument, i);
    return;
  }
  task_.store(task, std::memory_order_relaxed);
  argument_.store(argument, std::memory_order_relaxed);
  unfinished_.store(count, std::memory_order_relaxed);
  const uint64_t job = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  ticket_.store(job << 32 | static_cast<uint64_t>(count) << 16);
  if (sleepers_.load() > 0) {
    { const std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  while (take_one()) {
  }
  for (int spins = 0; unfinished_.load(std::memory_order_acquire) > 0; ++spins) {
    if (spins < kSpins) {
      pause_processor();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::parallel_for(void* context, linnet_task task, void* argument, int count) {
  static_cast<ThreadPool*>(context)->run(task, argument, count);
}

}  // namespace linnet::tools
