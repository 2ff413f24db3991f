// The machine's ceiling as a contestant of compare.sh: peak_contestant ISA float32|int8 THREADS. A run is a fixed
// number of multiply-accumulates between registers, which the first answer tells as "macs".
#include <fmt/format.h>
#include <sched.h>

#include <atomic>
#include <thread>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/peak.hpp"
#include "tests/bench/contestant.hpp"

namespace linnet::bench {
namespace {

constexpr long kIterations = 50000;  // of kPeakAccumulators vectors: about 100 microseconds

// Binds every thread of the pool to a core of its own: a process that was stopped may continue with two on one.
void bind_threads(tools::ThreadPool& pool) {
  struct Binding {
    cpu_set_t allowed;
    int threads;
    std::atomic<int> bound{0};
  } binding;
  binding.threads = pool.threads();
  if (sched_getaffinity(0, sizeof(binding.allowed), &binding.allowed) != 0) return;
  pool.run(
      [](void* argument, int index) {
        auto& all = *static_cast<Binding*>(argument);
        int core = -1;
        for (int left = index % CPU_COUNT(&all.allowed); left >= 0; --left) {
          do ++core;
          while (!CPU_ISSET(core, &all.allowed));
        }
        cpu_set_t own;
        CPU_ZERO(&own);
        CPU_SET(core, &own);
        sched_setaffinity(0, sizeof(own), &own);
        ++all.bound;
        while (all.bound < all.threads) std::this_thread::yield();  // each thread takes one index
      },
      &binding, binding.threads);
}

tools::PeakType peak_type(const std::string& name) {
  if (name == "float32") return tools::PeakType::float32;
  if (name == "int8") return tools::PeakType::int8;
  throw tools::ToolError(tools::kUsageError, "no peak of " + name + ", but of float32 and int8");
}

class PeakContestant : public Contestant {
 public:
  PeakContestant(const char* isa, const char* type, const char* threads)
      : pool_(std::stoi(threads)), work_(isa, peak_type(type), kIterations) {
    bind_threads(pool_);
    work_.run(pool_);
  }

  std::string facts() const override { return fmt::format(R"("version": "", "macs": {:.0f})", work_.macs(pool_)); }
  void run() override { work_.run(pool_); }
  void write_output(const std::string&) override { throw tools::ToolError(tools::kUsageError, "there is no output"); }

 private:
  tools::ThreadPool pool_;
  tools::PeakWork work_;
};

}  // namespace
}  // namespace linnet::bench

int main(int argc, char** argv) {
  using namespace linnet;
  return bench::serve([&] {
    if (argc != 4) throw tools::ToolError(tools::kUsageError, "usage: peak_contestant ISA float32|int8 THREADS");
    return std::make_unique<bench::PeakContestant>(argv[1], argv[2], argv[3]);
  });
}
