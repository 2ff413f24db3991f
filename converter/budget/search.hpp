// Treatments of the layers that the options leave to a budget, chosen by what they cost on samples.
#pragma once

#include <functional>

#include "converter/pipeline.hpp"

namespace linnet::budget {

// Converts the same source with other options.
using Convert = std::function<Conversion(const ConvertOptions& options)>;

// What convert(options) with options.budget comes to: a model of at most so many bytes, its report.budget, and in
// Conversion::treatments the options' rules with one for each layer that a choice was made for.
//
// Every layer with constant float weights that no glob of --sparsify, --weights or --cluster names is converted with
// one treatment after the other, alone, and repaired where the options repair: what it saves are the bytes of that
// file, what it loses is the squared error of the network's outputs on the samples, beside the float network's.
// select_forms() takes the least sum of losses. That choice and the best of those that treat all layers alike are
// converted as a whole, and the one with the least error that is small enough is taken; while none is, more must be
// saved. Throws ir::Error where options and budget contradict each other and where the budget cannot be met, with the
// smallest file's bytes.
Conversion convert_within(const Convert& convert, const ConvertOptions& options);

}  // namespace linnet::budget
