// How the device stores the weights of layers: dense, or without the blocks that are zeros.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/passes/passes.hpp"
#include "converter/report/report.hpp"
#include "converter/treat/treatment.hpp"

namespace linnet::weights {

// What decides between storages of equal weights: time, where the smaller is not slower, or bytes.
enum class Optimize : uint8_t { speed, size };
std::string_view name(Optimize optimize);
Optimize parse_optimize(std::string_view text);  // throws ir::Error

inline constexpr std::string_view kStorageOption = "--storage";
// The rule of it that wants a storage for the node; null where there is none.
const treat::Rule<treat::Storage>* storage_rule(const treat::Rules<treat::Storage>& rules, const ir::Node& node);
// Why a rule of it cannot hold for the layer that its glob names.
std::string cannot_be_stored(const treat::Rule<treat::Storage>& rule, const ir::Node& node, std::string_view reason);

// Looks at the zeros that layers' weights have, wherever they come from, and lets convolutions of one group and linear
// layers of real numbers keep those blocks of 1, 4 or 16 outputs that hold others. Follows choose_winograd(), which
// the sparse layer has to beat. Where a rule wants a layer sparse it is, whatever that costs; where it wants another
// storage it is not. Layers of which a tenth or more are zeros, or for which there is a rule, are in the report. Throws
// ir::Error for globs that name no layer, rules that contradict each other, and where a glob wants what a layer cannot
// have.
std::vector<report::StoredLayer> choose_storage(ir::Graph& graph, Optimize optimize,
                                                const treat::Rules<treat::Storage>& rules, passes::PassLog& log);

}  // namespace linnet::weights
