// Packs sparse weights into SparseFloat32, Sparse4Float32, Sparse16Float32 and SparseInt8 (schema/README.md). For the
// converter and the tests; as pack.hpp.
#pragma once

#include "kernels/pack.hpp"

namespace linnet::kernels {

// Of one group; `block`, 1, 4 or 16, is the outputs of a block. A block that is zeros throughout is left out.
int64_t sparse_packed_bytes(const ConvWeights& weights, int32_t block);
void pack_sparse(const ConvWeights& weights, int32_t block, uint8_t* packed);

// SparseInt8 of what the Panel16Int8 section [k, n] at `panels` holds; k is a multiple of kDot.
int64_t sparse_int8_packed_bytes(const int8_t* panels, int32_t n, int32_t k);
void pack_sparse_int8(const int8_t* panels, int32_t n, int32_t k, uint8_t* packed);

}  // namespace linnet::kernels
