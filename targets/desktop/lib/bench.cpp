#include "targets/desktop/lib/bench.hpp"

#include <algorithm>
#include <cmath>

namespace linnet::tools {

Timing summarize(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto percentile = [&](double fraction) {
    const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(seconds.size())));
    return seconds[std::max<size_t>(rank, 1) - 1];
  };
  return {seconds.front(), percentile(0.5), percentile(0.9)};
}

void StepTimes::hook(int step, bool finished) {
  const double time = now();
  if (!finished) {
    started_ = time;
    return;
  }
  const auto index = static_cast<size_t>(step);
  if (run_.size() <= index) run_.resize(index + 1);
  run_[index] += time - started_;
}

void StepTimes::end_run(bool counts) {
  if (counts) {
    if (seconds_.size() < run_.size()) seconds_.resize(run_.size());
    for (size_t step = 0; step < run_.size(); ++step) seconds_[step].push_back(run_[step]);
  }
  run_.clear();
}

double StepTimes::median(int step) const {
  return summarize(seconds_.at(static_cast<size_t>(step))).median;
}

}  // namespace linnet::tools
