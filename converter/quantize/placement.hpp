// Which nodes become steps of int8, and the scales of their tensors.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/quantize/prepare.hpp"
#include "converter/quantize/range.hpp"

namespace linnet::quantize {

// Why nodes compute with real numbers, by the names of their outputs, which passes keep.
using FloatReasons = std::map<std::string, std::string>;
const std::string& key_of(const ir::Node& node);

// The nodes that become int8 steps: all that can and that `reasons` does not name, except those that would stand alone
// between real numbers. The others are added to `reasons`.
std::unordered_set<const ir::Node*> choose_nodes(const ir::Graph& graph, FloatReasons& reasons);

// Quantization of every tensor that int8 steps read or give, and of what `every_port` adds: the graph's float inputs
// and outputs. Tensors of one scale are those that a step moves between. Throws ir::Error where a tensor has no range.
class Scales {
 public:
  Scales(const ir::Graph& graph, const std::unordered_set<const ir::Node*>& nodes, const Ranges& ranges,
         bool every_port);
  bool has(const ir::Value* value) const { return group_.count(value) > 0; }
  const ir::Quantization& of(const ir::Value* value) const;

 private:
  const ir::Graph& graph_;
  const std::unordered_set<const ir::Node*>& nodes_;
  const Ranges& ranges_;
  struct Group {
    const ir::Value* parent;
    Range range;
    bool fixed = false;  // by the step that gives it
    ir::Quantization quantization;
  };
  std::unordered_map<const ir::Value*, Group> group_;
  std::unordered_map<const ir::Value*, Range> known_;

  void add(const ir::Value* value);
  Range range_of(const ir::Value* value);
  Group& root(const ir::Value* value);
  const ir::Value* find(const ir::Value* value) const;
  bool costs_nothing(const ir::Node& node, const ir::Value* input) const;
  void join(const ir::Value* input, const ir::Value* output);
  void join_moved();
};

// The quantization of a step's result that no choice is left in: Softmax.
std::optional<ir::Quantization> fixed_quantization(const ir::Node& node);

}  // namespace linnet::quantize
