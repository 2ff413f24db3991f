#include "targets/desktop/lib/thread_pool.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <cstdint>

namespace linnet::tools {
namespace {

struct Counts {
  std::vector<std::atomic<int>> calls;
  explicit Counts(size_t size) : calls(size) {}
};

void count_call(void* argument, int index) {
  ++static_cast<Counts*>(argument)->calls[static_cast<size_t>(index)];
}

TEST(ThreadPool, CallsEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int job = 0; job < 300; ++job) {
      for (const int count : {0, 1, 2, threads, 3 * threads + 1}) {
        Counts counts(static_cast<size_t>(count));
        ThreadPool::parallel_for(&pool, count_call, &counts, count);
        for (const auto& calls : counts.calls) ASSERT_EQ(calls, 1) << threads << " threads, " << count << " indices";
      }
    }
  }
}

// Each job reads what the last one wrote in other threads.
TEST(ThreadPool, JobsSeeEachOthersResults) {
  ThreadPool pool(4);
  constexpr int kCount = 64;
  struct State {
    int values[2][kCount] = {};
    int from = 0;
  } state;
  for (int job = 0; job < 2000; ++job) {
    state.from = job & 1;
    pool.run(
        [](void* argument, int index) {
          auto* mine = static_cast<State*>(argument);
          mine->values[1 - mine->from][index] = mine->values[mine->from][(index + 1) % kCount] + 1;
        },
        &state, kCount);
  }
  for (const int value : state.values[0]) EXPECT_EQ(value, 2000);
}

TEST(ThreadPool, WakesUpAfterSleeping) {
  ThreadPool pool(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    Counts counts(16);
    pool.run(count_call, &counts, 16);
    for (const auto& calls : counts.calls) EXPECT_EQ(calls, 1);
  }
}

TEST(ThreadPool, RunsTasksOnSeveralThreadsAtOnce) {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  // Each of the two waits for the other: one thread alone would never finish.
  pool.run(
      [](void* argument, int) {
        auto* both = static_cast<std::atomic<int>*>(argument);
        ++*both;
        while (both->load() < 2) std::this_thread::yield();
      },
      &arrived, 2);
  EXPECT_EQ(arrived, 2);
}

// Threads whose stacks no address space holds cannot be started.
TEST(ThreadPool, HasFewerThreadsWhereTheSystemGivesNoMore) {
  pthread_attr_t usual, huge;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, SIZE_MAX / 8 * 7 + 1), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  testing::internal::CaptureStderr();
  ThreadPool pool(5), another(3);
  const std::string text = testing::internal::GetCapturedStderr();
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(text.find("warning: only 1 of 5 threads can be started: "), 0u) << text;
  EXPECT_EQ(text.find('\n') + 1, text.size()) << text;
  for (ThreadPool* each : {&pool, &another}) {
    EXPECT_EQ(each->threads(), 1);
    Counts counts(9);
    each->run(count_call, &counts, 9);
    for (const auto& calls : counts.calls) EXPECT_EQ(calls, 1);
  }
}

}  // namespace
}  // namespace linnet::tools
