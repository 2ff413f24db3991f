// The weights of convolutions, linear and recurrent layers as matrices.
#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include "converter/ir/graph.hpp"

namespace linnet::treat {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// One row per output and one column per tap and input of the row's group: column tap * inputs + input, the order of the
// packed layouts. A transposed convolution's outputs are those of its groups one after the other; a recurrent layer's,
// its gates' units.
struct Layer {
  ir::Node* node = nullptr;
  size_t input = 1;  // which of the node's inputs the weights are
  int64_t rows = 0, inputs = 0, taps = 1, groups = 1;
  bool transposed = false;

  int64_t columns() const { return taps * inputs; }
  std::string name() const;  // the node's, and "recurrent" of recurrent weights
  Matrix read() const;
  void write(ir::Graph& graph, const Matrix& weights) const;

 private:
  size_t element(int64_t row, int64_t column) const;
};

// Layers with constant float weights, in execution order; recurrent layers twice: input weights, recurrent weights.
std::vector<Layer> find_layers(const ir::Graph& graph);

}  // namespace linnet::treat
