// Emission of layers with sparse weights.
#pragma once

#include "converter/emit/context.hpp"
#include "kernels/pack_sparse.hpp"

namespace linnet::ops {

// By the outputs of a block, 1, 4 or 16.
fb::WeightLayout sparse_layout(int64_t block);
uint32_t sparse_buffer(const kernels::ConvWeights& weights, int64_t block, emit::Context& context);

}  // namespace linnet::ops
