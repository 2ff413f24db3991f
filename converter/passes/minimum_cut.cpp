#include "converter/passes/minimum_cut.hpp"

#include <algorithm>
#include <limits>

namespace linnet::passes {

void BinaryMinimizer::add_edge(size_t from, size_t to, int64_t capacity) {
  if (capacity <= 0) return;
  edges_[from].push_back({to, edges_[to].size(), capacity});
  edges_[to].push_back({from, edges_[from].size() - 1, 0});
}

// A variable is true when it ends on the sink's side: the edge from the source is then cut.
void BinaryMinimizer::add_cost(size_t variable, int64_t if_false, int64_t if_true) {
  const int64_t common = std::min(if_false, if_true);
  add_edge(source_, variable, if_true - common);
  add_edge(variable, sink_, if_false - common);
}

void BinaryMinimizer::add_cost(size_t a, size_t b, int64_t cost_ff, int64_t cost_ft, int64_t cost_tf, int64_t cost_tt) {
  cost_ft = std::max(cost_ft, cost_ff + cost_tt - cost_tf);
  add_cost(a, cost_ff, cost_tf);
  add_cost(b, cost_tf, cost_tt);
  add_edge(a, b, cost_ft + cost_tf - cost_ff - cost_tt);
}

bool BinaryMinimizer::find_levels() {
  level_.assign(edges_.size(), -1);
  level_[source_] = 0;
  std::vector<size_t> queue = {source_};
  for (size_t i = 0; i < queue.size(); ++i)
    for (const Edge& edge : edges_[queue[i]])
      if (edge.capacity > 0 && level_[edge.to] < 0) {
        level_[edge.to] = level_[queue[i]] + 1;
        queue.push_back(edge.to);
      }
  return level_[sink_] >= 0;
}

int64_t BinaryMinimizer::push(size_t from, int64_t limit) {
  if (from == sink_) return limit;
  for (; next_[from] < edges_[from].size(); ++next_[from]) {
    Edge& edge = edges_[from][next_[from]];
    if (edge.capacity == 0 || level_[edge.to] != level_[from] + 1) continue;
    const int64_t pushed = push(edge.to, std::min(limit, edge.capacity));
    if (pushed == 0) continue;
    edge.capacity -= pushed;
    edges_[edge.to][edge.reverse].capacity += pushed;
    return pushed;
  }
  return 0;
}

// Dinic's algorithm.
std::vector<bool> BinaryMinimizer::minimize() {
  while (find_levels()) {
    next_.assign(edges_.size(), 0);
    while (push(source_, std::numeric_limits<int64_t>::max()) > 0) {
    }
  }
  std::vector<bool> values(source_);
  for (size_t v = 0; v < values.size(); ++v) values[v] = level_[v] < 0;
  return values;
}

}  // namespace linnet::passes
