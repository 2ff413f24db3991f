// Which of several forms each layer takes so that all together save enough bytes at the least loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace linnet::budget {

struct Form {
  int64_t saved = 0;  // bytes, beside the form that saves none
  double loss = 0;    // finite; those of layers add up
};

// `layers` are the forms of each, at least one; the result is the index of one for each, or nothing where no forms save
// `bytes`. On the lower convex hull of a layer's loss over its bytes (a Lagrange multiplier picks points of hulls:
// Shoham and Gersho, Efficient bit allocation for an arbitrary set of quantizers, 1988) layers take the step that costs
// least a byte until enough is saved; then one layer, or two, take other forms, of the hull or not, that leave enough
// saved, those that gain most, while any do.
std::optional<std::vector<size_t>> select_forms(const std::vector<std::vector<Form>>& layers, int64_t bytes);

}  // namespace linnet::budget
