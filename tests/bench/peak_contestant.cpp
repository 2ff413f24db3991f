// The machine's ceiling as a contestant of compare.sh: peak_contestant ISA THREADS. A run is a fixed number of
// multiply-accumulates between registers, which the first answer tells as "macs".
#include <fmt/format.h>

#include "targets/desktop/lib/error.hpp"
#include "targets/desktop/lib/peak.hpp"
#include "tests/bench/contestant.hpp"

namespace linnet::bench {
namespace {

constexpr long kIterations = 50000;  // of kPeakAccumulators vectors: about 100 microseconds

class PeakContestant : public Contestant {
 public:
  PeakContestant(const char* isa, const char* threads) : pool_(std::stoi(threads)), work_(isa, kIterations) {
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
    if (argc != 3) throw tools::ToolError(tools::kUsageError, "usage: peak_contestant ISA THREADS");
    return std::make_unique<bench::PeakContestant>(argv[1], argv[2]);
  });
}
