// A step's operator: its parameters as text and the weight buffers it reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace linnet::fb {
struct Step;
}

namespace linnet::tools {

struct StepParameters {
  std::string text;               // "3x3 stride 2 pad 1 +Relu"; empty where there is nothing to say
  std::vector<uint32_t> buffers;  // indices into Model.buffers
};

StepParameters step_parameters(const fb::Step& step);

}  // namespace linnet::tools
