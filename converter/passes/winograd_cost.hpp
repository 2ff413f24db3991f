// What a 3x3 convolution of stride 1 costs, directly and by Winograd's F(tile x tile, 3x3), on a core with vectors of 8
// floats. The unit is one multiply-add at the rate of the direct convolution. tests/bench/winograd_bench.cpp prints the
// predicted ratio of the two beside the measured one.
#pragma once

#include <cstdint>

namespace linnet::passes {

struct Convolution3x3 {
  int64_t batch, out_h, out_w, in_channels, out_channels;
};

// An algorithm's arithmetic beside the fetching of so many weights, so often.
double with_weights(double arithmetic, int64_t weights, int64_t passes);
double direct_cost(const Convolution3x3& layer);
double winograd_cost(const Convolution3x3& layer, int64_t tile);

}  // namespace linnet::passes
