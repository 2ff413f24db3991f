// Which weights a pattern removes, by what their loss costs the layer's output.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "converter/treat/apply.hpp"
#include "converter/treat/refit.hpp"

namespace linnet::treat {

// As many weights as `kept` has, in the same pattern, but those whose removal costs least when all others follow: a
// block B of a row costs w_B' ([H^-1]_BB)^-1 w_B / 2, H and w being those of the columns that are left (optimal brain
// surgeon, Hassibi and Stork, NIPS 1992, equation 5; blocks and the order over all rows as in Frantar and Alistarh,
// Optimal Brain Compression, arXiv 2208.11580). Weights go in a number of rounds, after each of which w is that of the
// regression on what is left. In further turns a quarter more come back, where the objective falls steepest, and as
// many go again, while that helps; not of 2:4. Nothing where that would take too long: rows * columns^3 above 1e11.
std::optional<std::vector<uint8_t>> select_weights(const std::vector<Quadratic>& problems, const Layer& layer,
                                                   Pattern pattern, const std::vector<uint8_t>& kept);

}  // namespace linnet::treat
