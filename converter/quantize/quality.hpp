// How exact a graph of int8 steps is beside the float graph that it was made from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "converter/quantize/calibrate.hpp"
#include "converter/quantize/constants.hpp"

namespace linnet::quantize {

// By tensor: 10 log10 of the float tensor's power divided by the power of the difference, over all samples; infinite
// where nothing differs. Tensors that both graphs give are compared, within `limits` where these name them.
using Sqnr = std::map<std::string, double>;
Sqnr measure(const ir::Graph& real, const ir::Graph& integer, const std::vector<Sample>& samples, const Ranges& limits,
             const Progress& progress);

// What rounding the weights of every int8 layer to integers shifts its sums by, per output, for inputs of these means:
// sum over the inputs of (weight - rounded weight) mean. By key_of; transposed convolutions and
// layers whose inputs have no means are left out.
std::map<std::string, std::vector<double>> bias_shifts(const ir::Graph& graph, const Statistics& statistics,
                                                       const WeightOptions& options);

}  // namespace linnet::quantize
