// Steps between real numbers and int8 around every node that becomes an int8 step, and its constants as integers.
#pragma once

#include "converter/quantize/constants.hpp"
#include "converter/quantize/placement.hpp"

namespace linnet::quantize {

struct InsertOptions {
  WeightOptions weights;
  bool int8_ports = false;  // the graph's float inputs and outputs become int8
};

// What is added to the bias of a layer, by key_of, per output.
using Corrections = std::map<std::string, std::vector<double>>;

// Every tensor with a scale is quantized behind the node that gives it and read through a step back to real numbers, so
// that passes::recognise_integers finds the nodes of `nodes` between such steps. Returns the new names of tensors that
// were outputs of the graph, whose names others have now.
std::map<std::string, std::string> insert_scales(ir::Graph& graph, const std::unordered_set<const ir::Node*>& nodes,
                                                 const Scales& scales, const InsertOptions& options,
                                                 const Corrections& corrections);

}  // namespace linnet::quantize
