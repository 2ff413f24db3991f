#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"

namespace linnet::kernels {

template <class Isa>
void scale_shift_f32_impl(const ScaleShiftArgs& args) {
  for (int32_t r = 0; r < args.rows; ++r) {
    const float* x = args.x + r * args.x_stride;
    float* y = args.y + r * args.y_stride;
    for_each_vector<Isa>(args.columns, [&](ptrdiff_t i, int count) LINNET_INLINE_LAMBDA {
      const F32<Isa> scale = F32<Isa>::load_n(args.scale + i, count);
      fma(F32<Isa>::load_n(x + i, count), scale, F32<Isa>::load_n(args.shift + i, count)).store_n(y + i, count);
    });
    apply_activation<Isa>(args.activation, y, args.columns);
  }
}

}  // namespace linnet::kernels
