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
  if (seconds_.size() <= index) seconds_.resize(index + 1);
  seconds_[index].push_back(time - started_);
}

double StepTimes::median(int step) const {
  return summarize(seconds_.at(static_cast<size_t>(step))).median;
}

}  // namespace linnet::tools
