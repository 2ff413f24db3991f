// Minimizes a sum of costs over binary variables by a minimum cut: costs of one variable and of pairs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace linnet::passes {

class BinaryMinimizer {
 public:
  explicit BinaryMinimizer(size_t variables) : edges_(variables + 2), source_(variables), sink_(variables + 1) {}

  void add_cost(size_t variable, int64_t if_false, int64_t if_true);
  // Costs by the values of a and b. Where cost_ff + cost_tt > cost_ft + cost_tf, which a cut cannot express, cost_ft is
  // raised until it can.
  void add_cost(size_t a, size_t b, int64_t cost_ff, int64_t cost_ft, int64_t cost_tf, int64_t cost_tt);
  std::vector<bool> minimize();

 private:
  struct Edge {
    size_t to, reverse;
    int64_t capacity;
  };
  std::vector<std::vector<Edge>> edges_;
  size_t source_, sink_;
  std::vector<int> level_;
  std::vector<size_t> next_;

  void add_edge(size_t from, size_t to, int64_t capacity);
  bool find_levels();
  int64_t push(size_t from, int64_t limit);
};

}  // namespace linnet::passes
