// How the device stores the weights of layers: dense, or without the blocks that are zeros.
#pragma once

#include <string_view>
#include <vector>

#include "converter/passes/passes.hpp"
#include "converter/report/report.hpp"

namespace linnet::weights {

// What decides between storages of equal weights: time, where the smaller is not slower, or bytes.
enum class Optimize : uint8_t { speed, size };
std::string_view name(Optimize optimize);
Optimize parse_optimize(std::string_view text);  // throws ir::Error

// Looks at the zeros that layers' weights have, wherever they come from, and lets convolutions of one group and linear
// layers of real numbers keep those blocks of 1, 4 or 16 outputs that hold others. Follows choose_winograd(), which
// the sparse layer has to beat. Layers of which a tenth or more are zeros are in the report.
std::vector<report::StoredLayer> choose_storage(ir::Graph& graph, Optimize optimize, passes::PassLog& log);

}  // namespace linnet::weights
