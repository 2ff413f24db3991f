#pragma once

#include "kernels/activation/activation.hpp"
#include "kernels/contract.hpp"

namespace linnet::kernels {

template <class Isa>
void unary_f32_impl(const UnaryArgs& args) {
  if (args.x_stride == args.columns && args.y_stride == args.columns) {
    activate_rows<Isa>(args.activation, 1, static_cast<ptrdiff_t>(args.rows) * args.columns, args.x, 0, args.y, 0);
  } else {
    activate_rows<Isa>(args.activation, args.rows, args.columns, args.x, args.x_stride, args.y, args.y_stride);
  }
}

}  // namespace linnet::kernels
