// A model's inputs and outputs on the device, in the source's layout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/linnet.h"
#include "targets/desktop/lib/npy.hpp"

namespace linnet::golden {

std::vector<int64_t> source_shape(const linnet_tensor_view& view);

// Writes the elements of an input. Throws std::runtime_error naming `place` where shape or elements do not fit.
void fill(const linnet_tensor_view& view, const tools::NpyArray& npy, const std::string& place);

std::vector<double> read(const linnet_tensor_view& view);

}  // namespace linnet::golden
