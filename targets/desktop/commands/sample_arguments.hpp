// --input and the options that say how an image becomes an input; `run`, `compare` and `convert`, of calibration
// images, have them in common.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "targets/desktop/lib/samples.hpp"

namespace linnet::tools {

struct SampleArguments {
  std::vector<std::string> inputs;
  std::string resize = "none", channels = "rgb", layout;
  std::vector<double> mean = {0}, deviation = {1};
  double scale = 1.0 / 255;

  SampleOptions options() const;
};

void add_image_arguments(CLI::App* command, SampleArguments* arguments);  // without --input
void add_sample_arguments(CLI::App* command, SampleArguments* arguments);

}  // namespace linnet::tools
