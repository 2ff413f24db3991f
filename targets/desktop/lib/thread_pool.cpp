#include "targets/desktop/lib/thread_pool.hpp"

#include <chrono>
#include <cstdio>
#include <system_error>

namespace linnet::tools {
namespace {

using Clock = std::chrono::steady_clock;

// Of a worker: how long it only spins, and how long it leaves its core to others who wait for one before it sleeps.
constexpr Clock::duration kSpinTime = std::chrono::microseconds(100), kYieldTime = std::chrono::milliseconds(1);
constexpr int kSpinsPerLook = 64;  // at the clock
constexpr int kSpins = 4000;       // of the caller, before it yields
constexpr int kPatience = 100;     // spins after which the caller does what a worker has not begun

void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

int count_of(uint64_t ticket) {
  return static_cast<int>(ticket & 0xffff);
}
uint64_t job_of(uint64_t ticket) {
  return ticket >> 16;
}

}  // namespace

ThreadPool::ThreadPool(int threads) : shares_(static_cast<size_t>(threads)) {
  workers_.reserve(static_cast<size_t>(threads));
  try {
    for (; threads_ < threads; ++threads_) workers_.emplace_back([this, i = threads_] { work(i); });
  } catch (const std::system_error& error) {
    static std::once_flag warned;
    std::call_once(warned, [&] {
      std::fprintf(stderr, "warning: only %d of %d threads can be started: %s\n", threads_, threads,
                   error.code().message().c_str());
    });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::take(int share, uint64_t ticket) {
  std::atomic<uint64_t>& taken = shares_[static_cast<size_t>(share)].job;
  uint64_t last = taken.load();
  if (share >= count_of(ticket) || last >= job_of(ticket) || !taken.compare_exchange_strong(last, job_of(ticket))) {
    return false;
  }
  const linnet_task task = task_.load(std::memory_order_relaxed);
  void* const argument = argument_.load(std::memory_order_relaxed);
  for (int i = share; i < count_of(ticket); i += threads_) task(argument, i);
  unfinished_.fetch_sub(1, std::memory_order_release);
  return true;
}

void ThreadPool::work(int thread) {
  uint64_t seen = 0;
  int spins = 0;
  Clock::time_point idle_since;
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint64_t ticket = ticket_.load();
    if (ticket != seen) {
      take(thread, ticket);
      seen = ticket;
      spins = 0;
      continue;
    }
    if (spins == 0) idle_since = Clock::now();
    if (++spins % kSpinsPerLook != 0) {
      pause_processor();
      continue;
    }
    const Clock::duration idle = Clock::now() - idle_since;
    if (idle < kSpinTime) continue;
    if (idle < kYieldTime) {
      std::this_thread::yield();
      --spins;  // looks again at once
      continue;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    ++sleepers_;
    wake_.wait(lock, [this, seen] { return stop_ || ticket_.load() != seen; });
    --sleepers_;
    spins = 0;
  }
}

void ThreadPool::run(linnet_task task, void* argument, int count) {
  if (count <= 1 || workers_.empty()) {
    for (int i = 0; i < count; ++i) task(argument, i);
    return;
  }
  const int shares = count < threads() ? count : threads();
  task_.store(task, std::memory_order_relaxed);
  argument_.store(argument, std::memory_order_relaxed);
  unfinished_.store(shares, std::memory_order_relaxed);
  const uint64_t ticket = (job_of(ticket_.load(std::memory_order_relaxed)) + 1) << 16 | static_cast<uint64_t>(count);
  ticket_.store(ticket);
  if (sleepers_.load() > 0) {
    { const std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  take(0, ticket);
  for (int spins = 0; unfinished_.load(std::memory_order_acquire) > 0; ++spins) {
    if (spins == kPatience) {
      for (int share = 1; share < shares; ++share) take(share, ticket);
    } else if (spins < kSpins) {
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
