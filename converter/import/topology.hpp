// The order in which the nodes of an ONNX graph can be imported.
#pragma once

#include <string>
#include <vector>

#include "onnx/onnx.pb.h"

namespace linnet::import {

// The node's own name, or one made from its operator and its first output.
std::string display_name(const onnx::NodeProto& node);

struct Topology {
  std::vector<int> order;             // node indices: the file's order wherever that is a topological one
  std::vector<int> blocked;           // nodes on a cycle or behind one, in the file's order
  std::vector<std::string> problems;  // tensors defined twice or never, cycles
};

Topology sort_nodes(const onnx::GraphProto& graph);

}  // namespace linnet::import
