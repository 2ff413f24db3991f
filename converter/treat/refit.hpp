// Quadratic objectives of a layer's weights over allowed sets.
#pragma once

#include <vector>

#include "converter/treat/weight_set.hpp"

namespace linnet::treat {

// Of the rows first_row .. first_row + rows: w hessian w' / 2 - w linear' for each; `linear` has one row for each.
struct Quadratic {
  int64_t first_row = 0, rows = 0;
  Matrix hessian, linear;
};
double objective(const std::vector<Quadratic>& problems, const Matrix& weights);

// Coordinate descent: one weight after the other becomes the best that the set allows for what the others are, until
// none changes or for a number of rounds.
void descend(const std::vector<Quadratic>& problems, const Layer& layer, const WeightSet& set, Matrix* weights);

// The steps and offsets, or entries, of least objective for the set's codes; entries are sorted again, codes with them.
// Those that no code uses stay.
void refit_levels(const std::vector<Quadratic>& problems, const Layer& layer, WeightSet* set);

}  // namespace linnet::treat
