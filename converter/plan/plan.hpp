// Where every activation lives. Values that may share bytes (views, concatenated parts, results computed in place) form
// one storage; storages whose lifetimes do not meet share the arena's tensor region.
#pragma once

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/ir/graph.hpp"
#include "converter/plan/cascades.hpp"
#include "converter/report/report.hpp"

namespace linnet::plan {

constexpr int kForever = std::numeric_limits<int>::max();

struct Place {
  int64_t offset = 0;      // bytes from the start of the tensor region
  int64_t row_stride = 0;  // elements between rows; the last dimension where dense
  size_t storage = 0;      // index into Plan::storages
};

struct Storage {
  int64_t offset = 0, bytes = 0;
  int first = 0, last = 0;  // positions in Plan::order; inputs begin at -1, outputs last kForever
  bool holds_input = false, holds_output = false, holds_state = false;
};

struct Plan {
  std::vector<const ir::Node*> order;                             // of execution
  std::unordered_map<const ir::Value*, Place> places;             // of every value that is not constant
  std::unordered_set<const ir::Node*> views;                      // Reshape and Slice nodes that are no step
  std::unordered_map<const ir::Node*, std::vector<bool>> placed;  // Concat inputs that lie in the output already
  std::vector<Storage> storages;
  Cascades cascades;
  int64_t tensor_bytes = 0;
  int64_t state_bytes = 0;  // from the start of the tensor region, of the storages that hold states
  int64_t lower_bound = 0;  // the most bytes alive during one step: no assignment of offsets can need less
};

// Bytes of one element on the device, where integers of 16 bits are such only with a scale.
int64_t device_element_bytes(const ir::TensorType& type);

// The value whose bytes a value is, where a Reshape or the like made it.
const ir::Value* viewed(const ir::Value* value);

// Elements of a value that are in memory at a time.
int64_t held_elements(const ir::Value& value, const Cascades& cascades);

// Gives every graph output a tensor of its own, with a copy where it would share bytes with a graph input, a constant
// or another output; the copy of an input has the input's name. What a state becomes may be an output as well. To be
// called before plan_memory, with nothing that removes identities in between.
void separate_outputs(ir::Graph& graph);

// The best of several plans. `graph` must outlive the plan.
Plan plan_memory(const ir::Graph& graph, CascadeMode cascades);

// The storages for the report, each under the name of its largest value; `steps` are the first and last step of the
// nodes that have any.
std::vector<report::Placement> placements(const Plan& plan,
                                          const std::unordered_map<const ir::Node*, std::pair<int, int>>& steps);

// Throws ir::Error when a step would overwrite a value that is still needed.
void check_plan(const ir::Graph& graph, const Plan& plan);

}  // namespace linnet::plan
