// Times of repeated runs, in seconds.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace linnet::tools {

struct Timing {
  double minimum = 0, median = 0, p90 = 0;
};

// `seconds` must not be empty. Percentiles are those of the sorted list at rank ceil(p * n).
Timing summarize(std::vector<double> seconds);

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The profile hook's side: every run's time of every step.
class StepTimes {
 public:
  void hook(int step, bool finished);
  // The steps before were a run; of a step that ran several times in it the sum counts. Or they do not count.
  void end_run(bool counts);
  // The median over the runs seen.
  double median(int step) const;

 private:
  double started_ = 0;
  std::vector<double> run_;                   // [step]
  std::vector<std::vector<double>> seconds_;  // [step][run]
};

}  // namespace linnet::tools
