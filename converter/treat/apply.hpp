// Treatments of one layer's weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converter/treat/weight_set.hpp"

namespace linnet::treat {

// In this order: weights are clipped, then set to 0, and those that stay become numbers of the grid or codebook.
struct Treatment {
  std::optional<Clip> clip;
  std::optional<Sparsify> sparsify;
  std::optional<Grid> grid;
  std::optional<Cluster> cluster;  // not with a grid
  bool empty() const { return !clip && !sparsify && !grid && !cluster; }
};
std::string to_string(const Treatment& treatment);  // "80% element, 4 bits symmetric per 32"

// The limit that `clip` sets to magnitudes; `grid` is the one that follows.
double clip_limit(const Matrix& weights, const Clip& clip, const std::optional<Grid>& grid);

// Blocks of a pattern (of one group's outputs; of depthwise layers across groups) with their magnitudes. Of 2:4 a block
// is one weight, whose magnitude is infinite where it is one of the two (of the ceil(n / 2) of n fewer than 4
// consecutive inputs) that stay, else 0.
struct Block {
  std::vector<int64_t> weights;  // positions, row-major
  double magnitude = 0;
};
std::vector<Block> blocks_of(const Layer& layer, const Matrix& weights, Pattern pattern);

// Which weights stay by the layer's own threshold or part; of equal magnitudes later ones go last.
std::vector<uint8_t> kept_weights(const Layer& layer, const Matrix& weights, const Sparsify& sparsify);
// Of several layers together (Sparsify::all_layers).
std::vector<std::vector<uint8_t>> kept_weights(const std::vector<Layer>& layers, const Sparsify& sparsify);

// Whether a weight that is not 0 is kept, or all are 0 in any case.
bool keeps_any(const Matrix& weights, const std::vector<uint8_t>& kept);

// Grids or codebooks for the weights that are kept. A codebook is that of least squared error that Lloyd's algorithm
// (Least squares quantization in PCM, 1982; k-means in one dimension) finds from entries at equal distances and from
// quantiles; `energies`, one per weight, weigh the errors, all 1 where there are none. A layer of at most so many
// different weights keeps them.
Levels grid_levels(const Layer& layer, const Matrix& weights, const std::vector<uint8_t>& kept, const Grid& grid);
Levels cluster_levels(const Layer& layer, const Matrix& weights, const std::vector<uint8_t>& kept,
                      const Cluster& cluster, const Matrix* energies);
// Nearest codes.
std::vector<int16_t> codes_of(const Matrix& weights, const Levels& levels);

// Changes `weights`. `kept` are those of kept_weights, or empty.
WeightSet apply(const Layer& layer, const Treatment& treatment, std::vector<uint8_t> kept, const Matrix* energies,
                Matrix* weights);

}  // namespace linnet::treat
