// Weight reparametrizations on request, for a network whose export lost them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/ir/graph.hpp"
#include "converter/passes/passes.hpp"

namespace linnet::weights {

// As text "GLOB=standardize(eps=1e-5,unbiased,eps_outside)", "GLOB=weight_norm(dim=0)" or
// "GLOB=spectral_norm(iterations=10)", arguments optional. The glob (* and ?) is over names of weights in the source
// model.
struct Reparametrization {
  // standardize (Qiao et al., arXiv 1903.10520), per output channel: (w - mean) / sqrt(variance + eps), or
  // (w - mean) / (sqrt(variance) + eps) with eps_outside; the variance divides by the count, or by one less (unbiased).
  // weight_norm (Salimans and Kingma, arXiv 1602.07868): w / norm(w) over all dimensions but `dim`; -1: over all.
  // spectral_norm (Miyato et al., arXiv 1802.05957): w / largest singular value of the matrix with one row per output
  // channel, by power iteration; 0 iterations: to convergence.
  enum class Kind : uint8_t { standardize, weight_norm, spectral_norm };
  std::string glob;
  Kind kind = Kind::standardize;
  double eps = 1e-5;
  bool unbiased = false, eps_outside = false;
  int64_t dim =
      0;  // of the layer's weights [outputs, inputs, kernel...]; transposed convolution: [inputs, outputs, ...]
  int64_t iterations = 0;
};

Reparametrization parse_reparametrization(std::string_view text);  // throws ir::Error
std::string to_string(const Reparametrization& reparametrization);

bool matches(std::string_view glob, std::string_view name);

// The transformed weights of one layer. Throws ir::Error without naming the layer.
ir::Array reparametrized(const ir::Array& weights, const ir::Node& layer, const Reparametrization& how);

// Applies all of them, in order. Throws ir::Error where a glob matches no weight, or a weight has the wrong rank.
void reparametrize(ir::Graph& graph, const std::vector<Reparametrization>& list, passes::PassLog& log);

}  // namespace linnet::weights
