// A progress bar on standard error, for conversions that take longer than a second.
#pragma once

#include <string_view>

namespace linnet::tools {

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();  // clears the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Draws when standard error is a terminal and a second has passed since construction, at most ten times a second.
  void update(std::string_view stage, double fraction);

 private:
  double started_, drawn_ = 0;
  bool terminal_, visible_ = false;
};

}  // namespace linnet::tools
