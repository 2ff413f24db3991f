// The order in which the nodes of an ONNX graph or function can be imported.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>
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

using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

// The tensors that nodes can read besides each other's outputs.
struct Given {
  std::vector<std::string> initializers, inputs;
  std::function<bool(const std::string&)> outside;  // those of the graphs around; may be empty
};
Given given_by(const onnx::GraphProto& graph);

Topology sort_nodes(const NodeList& nodes, const Given& given);

// Adds the names that the graphs among a node's attributes read, or give back, of what lies around them (and names of
// their own).
void collect_captures(const onnx::NodeProto& node, std::unordered_set<std::string>& names);

}  // namespace linnet::import
