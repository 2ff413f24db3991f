#include "converter/main/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "targets/desktop/lib/bench.hpp"

namespace linnet::tools {

ProgressBar::ProgressBar() : started_(now()), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (visible_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::update(std::string_view stage, double fraction) {
  constexpr double kDelay = 1.0, kInterval = 0.1;
  constexpr int kWidth = 30;
  const double time = now();
  if (!terminal_ || time - started_ < kDelay || time - drawn_ < kInterval) return;
  drawn_ = time;
  visible_ = true;
  const double clamped = std::clamp(fraction, 0.0, 1.0);
  const std::string bar(static_cast<size_t>(clamped * kWidth), '#');
  fmt::print(stderr, "\r[{:<{}}] {:3.0f}% {}\x1b[K", bar, kWidth, clamped * 100, stage);
  std::fflush(stderr);
}

}  // namespace linnet::tools
