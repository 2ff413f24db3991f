// What samples say about a layer's weights: the sums that least squares needs.
#pragma once

#include <memory>
#include <vector>

#include "converter/quantize/engine_run.hpp"
#include "converter/treat/layer.hpp"

namespace linnet::treat {

// Layers of more columns have no `gram` and `cross`.
constexpr int64_t kMostColumns = 8192;

// Of the rows of one group of a layer, over samples and positions. x is what a row's columns read in the treated
// network; t what its products with x are to be: those of the float network's weights and inputs, and where a residual
// is added behind them the difference of the float network's from the treated one's. Biases are not part of t.
struct Evidence {
  int64_t first_row = 0, rows = 0;
  int64_t count = 0;  // pairs of x and t
  Matrix gram;        // covariance of x: E[x x'] - E[x] E[x']
  Matrix cross;       // rows x columns: covariance of t and x
  Vector mean_x, mean_t;
  Vector variance;                             // of t
  void add(const Matrix& x, const Matrix& t);  // sums, one pair a row, until finish() makes means of them
  void finish();
};

// Runs the samples through the float network and through a treated one, which has the same nodes, and gathers evidence
// for a layer of the latter. Of recurrent layers t are the sums of one of the two matrices, and what the recurrent one
// reads are the float network's states (of a GRU that resets before, for the last gate, times the reset gate). Of many
// positions a part is taken, the same in every run: at least four a column.
class Gatherer {
 public:
  Gatherer(const ir::Graph& real, const std::vector<quantize::Sample>& samples)
      : real_(real.clone()), samples_(samples) {}
  std::vector<Evidence> gather(const ir::Graph& treated, const Layer& layer) const;

 private:
  std::unique_ptr<ir::Graph> real_;
  const std::vector<quantize::Sample>& samples_;
};

}  // namespace linnet::treat
