#pragma once

#include "kernels/contract_int8.hpp"
#include "kernels/simd/vec.hpp"

namespace linnet::kernels {

template <class Isa>
void range_impl(const RangeArgs& args) {
  using V = F32<Isa>;
  V least = V::set(0.0f), most = V::set(0.0f);
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* const x = args.x + r * args.x_stride;
    for (int32_t c = 0; c < args.columns; c += V::width) {
      const V values = V::load_n(x + c, args.columns - c);
      least = min(values, least);
      most = max(values, most);
    }
  }
  alignas(64) float lanes[2][V::width];
  least.store(lanes[0]);
  most.store(lanes[1]);
  args.range[0] = lanes[0][0];
  args.range[1] = lanes[1][0];
  for (int i = 1; i < V::width; ++i) {
    if (lanes[0][i] < args.range[0]) args.range[0] = lanes[0][i];
    if (lanes[1][i] > args.range[1]) args.range[1] = lanes[1][i];
  }
}

}  // namespace linnet::kernels
