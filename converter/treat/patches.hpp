// What the columns of a layer's matrix read at every position of its output.
#pragma once

#include <cstdint>
#include <vector>

#include "converter/treat/layer.hpp"

namespace linnet::treat {

// Positions are the output's but for its channels, row-major: of convolutions batch and pixels, of others all rows of
// x. Taps in the padding read 0.
class Patches {
 public:
  explicit Patches(const Layer& layer);
  int64_t positions(const ir::Array& x) const;
  // One row per position of `positions`, one column per column of the matrix; channels begin at first_channel.
  Matrix of(const ir::Array& x, int64_t first_channel, const std::vector<int64_t>& positions) const;
  // Of the layer's output, or a tensor of its shape: `rows` channels from first_row on.
  Matrix outputs(const ir::Array& y, int64_t first_row, int64_t rows, const std::vector<int64_t>& positions) const;

 private:
  const Layer& layer_;
  bool channels_last_ = true;
  int64_t in_pixels_ = 1, out_pixels_ = 1, channels_ = 0;  // of one image of a batch
  std::vector<int64_t> table_;                             // input pixel of every output pixel's taps, -1: padding
};

}  // namespace linnet::treat
