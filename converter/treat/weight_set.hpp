// What a treated layer's weights are taken from: the positions that may be other than 0, and the numbers there.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "converter/treat/layer.hpp"
#include "converter/treat/treatment.hpp"

namespace linnet::treat {

// The numbers that weights of one group may be. Groups are rows_per_group x columns_per_group weights of the matrix;
// steps, offsets and entries are float32 numbers.
struct Levels {
  // Codes of a grid: -(2^(bits - 1) - 1) .. 2^(bits - 1) - 1 where it is symmetric, else 0 .. 2^bits - 1; of a codebook
  // 0 .. entries - 1.
  int first = 0, last = 0;
  std::optional<Grid> grid;  // absent: a codebook
  int64_t rows_per_group = 1, columns_per_group = 1, groups_per_row = 1;
  std::vector<double> steps, offsets;  // of a grid, per group: a weight is offset + step * code
  std::vector<double> entries;         // of a codebook: last + 1 for each group, ascending

  size_t groups() const;
  size_t group(int64_t row, int64_t column) const {
    return static_cast<size_t>(row / rows_per_group * groups_per_row + column / columns_per_group);
  }
  double value(size_t group, int code) const {
    return grid ? offsets[group] + steps[group] * code : entries[group * static_cast<size_t>(last + 1) + code];
  }
  int nearest(size_t group, double number) const;
};

// Weights are 0 where kept is 0, elsewhere the levels' values of their codes; any number without levels. All arrays are
// row-major over the layer's matrix (layer.hpp).
struct WeightSet {
  Pattern pattern = Pattern::element;
  std::vector<uint8_t> kept;  // empty: all
  std::optional<Levels> levels;
  std::vector<int16_t> codes;                              // with levels
  double limit = std::numeric_limits<double>::infinity();  // of magnitudes that are no levels

  bool keeps(int64_t index) const { return kept.empty() || kept[static_cast<size_t>(index)] != 0; }
  // The weights that codes and levels give.
  Matrix values(int64_t rows, int64_t columns) const;
  // Whether the weights are of the set, as float32 numbers.
  bool holds(const Matrix& weights) const;
};

// By the name of what the layer gives, which passes keep, and the input of its node that the weights are. Passes that
// change weights later do not know of the set: storage asks holds() first.
using WeightSets = std::map<std::pair<std::string, size_t>, WeightSet>;

}  // namespace linnet::treat
