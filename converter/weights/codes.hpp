// Which layers' weights the device stores as codes of 4 or 2 bits.
#pragma once

#include <optional>
#include <string>

#include "converter/ops/coded_weights.hpp"
#include "converter/passes/passes.hpp"
#include "converter/report/report.hpp"
#include "converter/treat/weight_set.hpp"
#include "converter/weights/storage.hpp"

namespace linnet::weights {

// The codes of a layer's weights, which are those that the set's levels give; null where no codes stand for exactly
// these numbers, or where they are no smaller than floats and not `wanted` so: `reason` says why.
ops::Codes coded_weights(const treat::Layer& layer, const treat::WeightSet& set, bool wanted, std::string* reason);

// The grid that a layer's weights lie on in any case, as those of files with 4 bits do: steps for every output or every
// 128, 64, 32 or 16 of its inputs, of which weights are multiples whose factors span 15 at most. The weights are its
// numbers but for the rounding of one product; the set has no other use. Absent: there is none.
std::optional<treat::WeightSet> found_grid(const treat::Matrix& weights);

// Why a layer with int8 weights has none.
inline constexpr const char* kNoInt8Codes =
    "codes would be no smaller, or an output has more than 16 different int8 weights";

// Convolutions and linear layers of real numbers whose weights are taken from levels, or lie on a grid as they are, get
// their codes, before an algorithm for them is chosen, unless a rule wants another storage; so do those of int8 where
// all outputs, or every 16 of them, have at most 16 different integers each: they are slower than bytes, so that others
// than those with levels get them for size or by a rule alone. The result has a row for every layer with levels or
// codes. Throws ir::Error where a glob wants codes for a layer that cannot have them.
std::vector<report::CodedLayer> choose_codes(ir::Graph& graph, const treat::WeightSets& sets, Optimize optimize,
                                             const treat::Rules<treat::Storage>& rules, passes::PassLog& log);

// Removes the rows of int8 layers whose zeros are left out instead.
void remove_sparse(const ir::Graph& graph, std::vector<report::CodedLayer>* rows);

}  // namespace linnet::weights
