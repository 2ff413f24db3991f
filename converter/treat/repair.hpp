// Weights of an allowed set that reproduce the float layer's output on samples.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/treat/apply.hpp"
#include "converter/treat/evidence.hpp"

namespace linnet::treat {

// E[x^2] of what every weight multiplies, at least 1e-9 of their mean.
Matrix energies_of(const Layer& layer, const std::vector<Evidence>& evidence);

struct RepairOptions {
  double weight_decay = 0;     // lambda, beside the mean squared error of one position's output
  int steps = 200;             // of gradients
  std::optional<double> rate;  // of gradients; absent: 1 / the largest eigenvalue of the covariance
};

struct Repaired {
  Matrix weights;
  Vector bias_shift;             // to be added to the bias
  double before = 0, after = 0;  // squared error of the output, summed over outputs, as a part of its variance
  std::string method;
};

// Minimizes E[|t - w x - b|^2] / 2 + lambda |w|^2 / 2 for every output, b being free, which makes it
//   w C w' / 2 - w g + lambda |w|^2 / 2   with C, g the covariances of x, and of t and x (Evidence),
// over the weights that `set` allows. `float_weights` are the layer's, `treated` those of the set that it begins with.
//
// Ridge regression (Hoerl and Kennard, Technometrics 12, 1970): C gets 3% of the mean of its diagonal (GPTQ: 1%),
// which draws w towards the float weights. Weights of a mask are those of the regression on the columns that stay: what
// optimal brain surgeon's update for a removed weight, dw = -w_q / [H^-1]_qq H^-1 e_q (Hassibi and Stork, NIPS 1992,
// equation 5), comes to for all of them together. Where the mask is a part of the layer, or 2:4, the same number of
// zeros lies where they cost less (select.hpp); those of a threshold lie where they are. Numbers of a grid or codebook,
// made anew for the regression's weights, are chosen column by column, each time with the update of the columns that
// are left: equations 2 and 3 of Frantar et al., GPTQ, arXiv 2210.17323, by the Cholesky factor of H^-1, columns of
// greatest variance first. Then steps, offsets and entries become those of least squares for the codes, and codes the
// best for these and all other codes, in turns; no turn makes the error larger.
//
// With no more positions than the columns that stay there is no regression: gradient steps w <- w - eta (dL/dw + lambda
// w) from the treated weights instead, of which those numbers of the set with the least error are kept. Layers of more
// than 8192 columns only get a new bias. `set` becomes that of the result.
Repaired repair(const Layer& layer, const Matrix& float_weights, const Matrix& treated, const Treatment& treatment,
                const std::vector<Evidence>& evidence, const RepairOptions& options, WeightSet* set);

}  // namespace linnet::treat
