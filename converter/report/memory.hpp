// What a model needs on each kind of device, by the engine's own arithmetic.
#pragma once

#include <span>
#include <vector>

#include "converter/report/report.hpp"

namespace linnet::report {

// `model` begins at a multiple of LINNET_ALIGNMENT. Throws ir::Error when the engine would not accept it.
std::vector<TargetMemory> target_memory(std::span<const uint8_t> model);

}  // namespace linnet::report
