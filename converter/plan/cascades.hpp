// Which adjacent nodes run in turns, a few lines of an image each (model.fbs, table Cascade).
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converter/ir/graph.hpp"

namespace linnet::plan {

enum class CascadeMode {
  off,
  speed,   // where tensors between the nodes are too large for a second-level cache
  memory,  // where the arena shrinks
};

std::string_view name(CascadeMode mode);
CascadeMode parse_cascade_mode(std::string_view name);  // throws ir::Error

struct Cascade {
  size_t first = 0, last = 0;  // positions in the order of execution
  int64_t stripe_lines = 0;    // of the last node's output
};

struct Cascades {
  std::vector<Cascade> list;                               // in order
  std::unordered_map<const ir::Value*, int64_t> rolling;   // lines in memory at a time, of values that are not whole
  std::unordered_map<const ir::Node*, size_t> membership;  // index in `list`
  int64_t turns = 0;                                       // of all their nodes
};

// The nodes of a cascade are convolutions (by neither Winograd nor with moments) and pools of one image,
// each reading one of the outputs before it.
Cascades choose_cascades(const ir::Graph& graph, const std::vector<const ir::Node*>& order, CascadeMode mode);

}  // namespace linnet::plan
