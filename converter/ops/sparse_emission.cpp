#include "converter/ops/sparse_emission.hpp"

namespace linnet::ops {

fb::WeightLayout sparse_layout(int64_t block) {
  return block == 1   ? fb::WeightLayout::SparseFloat32
         : block == 4 ? fb::WeightLayout::Sparse4Float32
                      : fb::WeightLayout::Sparse16Float32;
}

uint32_t sparse_buffer(const kernels::ConvWeights& weights, int64_t block, emit::Context& context) {
  std::vector<int8_t> packed(static_cast<size_t>(kernels::sparse_packed_bytes(weights, static_cast<int32_t>(block))));
  kernels::pack_sparse(weights, static_cast<int32_t>(block), reinterpret_cast<uint8_t*>(packed.data()));
  return context.buffer(packed);
}

}  // namespace linnet::ops
