#include "converter/ops/coded_weights.hpp"

namespace linnet::ops {

kernels::CodesSource CodedWeights::source(const float* bias) const {
  return {format, codes.data(), steps.data(), offsets.data(), tables.data(), bias, groups, out_channels, k};
}

uint32_t codes_buffer(const CodedWeights& weights, const float* bias, emit::Context& context) {
  const kernels::CodesSource source = weights.source(bias);
  std::vector<int8_t> packed(static_cast<size_t>(kernels::codes_packed_bytes(source)));
  kernels::pack_codes(source, reinterpret_cast<uint8_t*>(packed.data()));
  return context.buffer(packed);
}

}  // namespace linnet::ops
