// Adjacent nodes that may become a cascade, and what they would need.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/ir/graph.hpp"
#include "engine/cascade.hpp"

namespace linnet::plan {

class Candidate {
 public:
  explicit Candidate(const ir::Graph& graph) : graph_(&graph) {}

  // With the next node of the order; false where that cannot be.
  bool add(const ir::Node* node);

  size_t size() const { return nodes_.size(); }
  const ir::Node* node(size_t s) const { return nodes_[s]; }
  // Whether nothing outside of the cascade reads the node's output, so that a few lines of it suffice.
  bool is_rolling(size_t s) const { return lines_.steps[s].rolling; }
  bool any_rolling() const;
  int64_t weight_bytes() const;
  int64_t link_bytes() const;  // of the tensor that the last node reads within the cascade
  int64_t out_lines() const { return lines_.steps[lines_.count - 1].out_lines; }

  // Of stripes of so many lines of the last output.
  struct Need {
    std::vector<int64_t> lines;  // of every node's output that are needed or computed at a time
    int64_t touched_bytes = 0;   // these, and the lines read of other inputs
    int64_t rolling_bytes = 0;   // of the rolling buffers
  };
  Need need(int64_t stripe_lines) const;

  // The largest even division for which fits(need) holds, at least one line.
  template <class Fits>
  int64_t stripe_lines(const Fits& fits) const {
    int64_t low = 1, high = out_lines();
    while (low < high) {
      const int64_t middle = (low + high + 1) / 2;
      if (fits(need(middle))) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    const int64_t stripes = (out_lines() + low - 1) / low;
    return (out_lines() + stripes - 1) / stripes;
  }

 private:
  const ir::Graph* graph_;
  std::vector<const ir::Node*> nodes_;
  engine::Cascade lines_;

  int32_t source_of(const ir::Node& node, size_t input) const;
  bool read_within(const ir::Value& value) const;
};

}  // namespace linnet::plan
